//! Questions about locks: which node is asked what, and who waits for whom.

use core::time::Duration;

use redlock_core::{
    Cause, Command, Config, Facts, Holder, InspectionKey, Instant, KeyReport, KeyState, KeyStatus, LockKey, LockState,
    LockStatus, Locks, NodeId, NodeStatus, NodeTimeout, Options, Reply, Request, RequestError, ScriptForm, Unavailable,
    ValueDigest,
};

use crate::world::{TTL, World, at};

/// The longest node timeout.
const TIMEOUT: u64 = 500;

impl World {
    fn inspect(&mut self, name: &str) -> LockStatus {
        let key = self.locks.inspect(name, self.now).unwrap();
        self.run();
        assert_eq!(self.locks.poll_inspected(), Some(key));
        assert_eq!(self.locks.poll_inspected(), None);
        self.locks.take_inspected(key).expect("all nodes have answered")
    }
}

fn keys(status: &LockStatus) -> Vec<KeyStatus> {
    status.nodes().map(|(_, _, node)| node.key.clone()).collect()
}

fn holder(status: &LockStatus) -> Option<Holder> {
    match status.state() {
        LockState::Held { by, .. } => Some(by),
        _ => None,
    }
}

#[test]
fn a_lock_is_free_then_ours_then_free_and_the_nodes_are_left_as_they_are() {
    let mut world = World::new();
    assert!(world.inspect("job").is_free());
    assert_eq!(world.keys_on_nodes(), 0, "asking takes nothing");
    let key = world.acquire("job");
    world.now = at(1_800);
    let status = world.inspect("job");
    assert_eq!(status.to_string(), "held by this handle on 3 of 3 nodes for another 8.2 s");
    let before = world.nodes.clone();
    assert!(world.inspect("other").is_free());
    world.inspect("job");
    assert_eq!(world.nodes, before, "asking changes nothing");
    world.locks.release(key, world.now);
    world.run();
    assert!(world.inspect("job").is_free());
}

#[test]
fn the_lock_of_another_handle_is_anothers() {
    let mut world = World::new();
    world.acquire("job");
    let config = Config::builder(["a", "b", "c"]).ping_interval(None).build().unwrap();
    world.locks = Locks::new(config);
    assert_eq!(holder(&world.inspect("job")), Some(Holder::Another));
    // This handle has a lock, of something else.
    world.acquire("another job");
    assert_eq!(holder(&world.inspect("job")), Some(Holder::Another));
}

/// The text of the script reaches the node behind the command of a lock that was begun later.
#[test]
fn a_lock_that_is_acquired_meanwhile_is_ours_too() {
    let (mut locks, node) = one_node();
    let key = locks.inspect("job", at(0)).unwrap();
    let lock = acquire(&mut locks, "job");
    let asked = batch(&mut locks, node, at(0));
    let digest = ValueDigest::of(asked[1].action.token().unwrap().as_bytes());
    locks.handle_reply(node, Reply::UnknownScript, at(1));
    locks.handle_reply(node, Reply::Done, at(1));
    assert_eq!(batch(&mut locks, node, at(1)).len(), 1);
    let state = KeyState::Held { digest, remaining: None };
    locks.handle_reply(node, Reply::Inspected(KeyReport::new(state, None)), at(2));
    assert_eq!(holder(&locks.take_inspected(key).unwrap()), Some(Holder::ThisHandle));
    assert!(locks.hand_over(lock, at(2)).unwrap().is_ok());

    let key = locks.inspect("job", at(3)).unwrap();
    locks.release(lock, at(4));
    assert_eq!(batch(&mut locks, node, at(4)).len(), 2);
    locks.handle_reply(node, Reply::Inspected(KeyReport::new(state, None)), at(5));
    let status = locks.take_inspected(key).unwrap();
    assert_eq!(holder(&status), Some(Holder::ThisHandle), "it was ours when that was asked");
}

#[test]
fn nodes_that_did_not_grant_are_told_apart() {
    let mut world = World::new();
    let now = world.now;
    world.nodes[0].set(b"job", b"theirs", None, now);
    world.nodes[1].set(b"job", b"theirs", Some(Duration::from_secs(3)), now);
    let status = world.inspect("job");
    let held = |status: &LockStatus| match status.state() {
        LockState::Held { nodes: 2, remaining, .. } => remaining == Some(Duration::from_secs(3)),
        _ => false,
    };
    assert!(held(&status), "{status:?}");
    world.nodes[1].set(b"job", b"of a third", Some(Duration::from_secs(3)), now);
    assert_eq!(world.inspect("job").state(), LockState::Split);
    assert!(matches!(
        keys(&world.inspect("job"))[..],
        [KeyStatus::Held { .. }, KeyStatus::Held { .. }, KeyStatus::Free]
    ));
}

#[test]
fn those_who_wait_are_counted() {
    let mut world = World::new();
    world.acquire("job");
    let rival = Locks::new(world.locks.config().clone());
    let first = core::mem::replace(&mut world.locks, rival);
    world.begin("job", Options::new()).unwrap();
    world.run();
    world.locks = first;
    let status = world.inspect("job");
    assert_eq!(status.waiting(), Some(1), "{status:?}");
    assert_eq!(status.nodes().filter(|(_, _, node)| node.waiting == Some(1)).count(), 1, "it waits at the home");
    assert!(status.to_string().ends_with("for another 10 s, 1 waiting"), "{status}");
}

#[test]
fn the_name_gets_the_prefix_and_a_bad_one_is_refused_before_anything_is_sent() {
    let config = Config::builder(["a"]).prefix("app:").max_name_len(8).build().unwrap();
    let mut locks = Locks::new(config);
    assert_eq!(locks.inspect("", at(0)), Err(RequestError::EmptyName));
    assert_eq!(locks.inspect("12345", at(0)), Err(RequestError::NameTooLong { len: 9, max_name_len: 8 }));
    let node = connect(&mut locks);
    assert!(batch(&mut locks, node, at(0)).is_empty());
    locks.inspect("1234", at(0)).unwrap();
    let asked = batch(&mut locks, node, at(0));
    assert!(asked[0].wire().words().any(|word| word == b"app:1234"));
}

/// A handle to one node.
fn one_node() -> (Locks, NodeId) {
    let mut locks = Locks::new(Config::builder(["only"]).ping_interval(None).build().unwrap());
    let node = connect(&mut locks);
    (locks, node)
}

fn acquire(locks: &mut Locks, name: &str) -> LockKey {
    let request = Request::new(locks.config(), name, TTL, Options::new().attempts(1)).unwrap();
    locks.acquire(request, [7; 32], at(0)).unwrap()
}

fn connect(locks: &mut Locks) -> NodeId {
    let node = locks.poll_ready().unwrap();
    assert!(locks.poll_connect(node));
    locks.handle_connected(node, Facts::default(), false, at(0));
    node
}

fn batch(locks: &mut Locks, node: NodeId, now: Instant) -> Vec<Command> {
    let mut batch = Vec::new();
    locks.poll_batch(node, &mut batch, now);
    batch
}

fn cause(locks: &mut Locks, key: InspectionKey) -> Option<Cause> {
    assert_eq!(locks.poll_inspected(), Some(key));
    let status = locks.take_inspected(key)?;
    let (_, _, NodeStatus { key: KeyStatus::Unavailable(why), .. }) = status.nodes().next()? else { return None };
    assert_eq!(status.state(), LockState::Unknown);
    Some(why.cause())
}

fn free() -> Reply {
    Reply::Inspected(KeyReport::new(KeyState::Free, Some(0)))
}

#[test]
fn a_node_that_is_down_does_not_keep_anybody_waiting() {
    let mut locks = Locks::new(Config::builder(["a", "b", "c"]).build().unwrap());
    let nodes: Vec<NodeId> = locks.config().nodes().iter().collect();
    for node in &nodes {
        assert!(locks.poll_connect(*node));
        locks.handle_connected(*node, Facts::default(), false, at(0));
    }
    locks.handle_disconnected(nodes[1], &Unavailable::new(Cause::Disconnected), at(0));
    let key = locks.inspect("job", at(1)).unwrap();
    for node in [nodes[0], nodes[2]] {
        assert_eq!(batch(&mut locks, node, at(1)).len(), 1);
        locks.handle_reply(node, free(), at(2));
    }
    assert_eq!(locks.poll_inspected(), Some(key));
    let status = locks.take_inspected(key).unwrap();
    assert!(status.is_free());
    assert!(matches!(&keys(&status)[1], KeyStatus::Unavailable(why) if why.cause() == Cause::NotSent), "{status:?}");
    assert_eq!(locks.take_inspected(key), None, "it is taken once");

    for node in [nodes[0], nodes[2]] {
        locks.give_up(node, &Unavailable::new(Cause::NotAuthenticated), at(3));
    }
    let key = locks.inspect("job", at(3)).unwrap();
    assert_eq!(locks.poll_inspected(), Some(key), "all are down");
    assert_eq!(locks.take_inspected(key).unwrap().state(), LockState::Unknown);
}

#[test]
fn a_node_that_hangs_is_waited_for_until_its_time_is_over_and_no_longer() {
    let (mut locks, node) = one_node();
    let key = locks.inspect("job", at(10)).unwrap();
    assert_eq!(batch(&mut locks, node, at(10)).len(), 1);
    assert_eq!(locks.poll_timeout(), Some(at(10 + TIMEOUT)));
    locks.handle_timeout(at(9 + TIMEOUT));
    assert_eq!((locks.poll_inspected(), locks.take_inspected(key)), (None, None));
    locks.handle_timeout(at(10 + TIMEOUT));
    assert_eq!(cause(&mut locks, key), Some(Cause::NoAnswer));
    locks.handle_reply(node, free(), at(600));
    assert_eq!(locks.poll_inspected(), None, "it comes too late for everybody");
}

#[test]
fn the_time_is_that_of_the_configuration() {
    let timeout = NodeTimeout::new(50, Duration::from_millis(5), Duration::from_millis(70));
    let mut locks = Locks::new(Config::builder(["only"]).node_timeout(timeout).build().unwrap());
    let node = connect(&mut locks);
    let key = locks.inspect("job", at(0)).unwrap();
    assert_eq!(batch(&mut locks, node, at(0))[0].send_by, at(70));
    locks.handle_timeout(at(70));
    assert!(locks.take_inspected(key).is_some());
}

#[test]
fn a_question_that_could_not_be_sent_in_time_is_not_sent() {
    let mut locks = Locks::new(Config::builder(["only"]).build().unwrap());
    let key = locks.inspect("job", at(0)).unwrap();
    let node = locks.poll_ready().unwrap();
    assert!(locks.poll_connect(node));
    locks.handle_connected(node, Facts::default(), false, at(TIMEOUT + 1));
    assert!(batch(&mut locks, node, at(TIMEOUT + 1)).is_empty());
    assert_eq!(cause(&mut locks, key), Some(Cause::NotSent));
}

#[test]
fn a_connection_that_breaks_is_an_answer() {
    let (mut locks, node) = one_node();
    let key = locks.inspect("job", at(0)).unwrap();
    batch(&mut locks, node, at(0));
    locks.handle_disconnected(node, &Unavailable::new(Cause::Disconnected), at(1));
    assert_eq!(cause(&mut locks, key), Some(Cause::Disconnected));
}

#[test]
fn the_text_of_the_script_is_sent_once_when_its_digest_is_not_known() {
    let (mut locks, node) = one_node();
    let key = locks.inspect("job", at(0)).unwrap();
    assert_eq!(batch(&mut locks, node, at(0))[0].form, ScriptForm::Digest);
    locks.handle_reply(node, Reply::UnknownScript, at(1));
    assert_eq!(locks.poll_ready(), Some(node));
    assert_eq!(batch(&mut locks, node, at(1))[0].form, ScriptForm::Source);
    locks.handle_reply(node, Reply::UnknownScript, at(2));
    assert!(batch(&mut locks, node, at(2)).is_empty(), "it was told already");
    assert_eq!(cause(&mut locks, key), Some(Cause::Unexpected));
}

#[test]
fn a_reply_that_does_not_fit_is_no_answer_and_a_node_has_one() {
    for reply in [Reply::Done, Reply::CalledUp, Reply::Missing, Reply::NotOurs] {
        let (mut locks, node) = one_node();
        let key = locks.inspect("job", at(0)).unwrap();
        batch(&mut locks, node, at(0));
        locks.handle_reply(node, reply, at(1));
        assert_eq!(cause(&mut locks, key), Some(Cause::Unexpected));
    }
}

#[test]
fn a_lock_takes_an_inspection_for_an_answer_that_does_not_fit() {
    let (mut locks, node) = one_node();
    let key = acquire(&mut locks, "job");
    batch(&mut locks, node, at(0));
    let state = KeyState::Held { digest: ValueDigest::of(b"any"), remaining: None };
    locks.handle_reply(node, Reply::Inspected(KeyReport::new(state, None)), at(1));
    assert!(locks.hand_over(key, at(1)).unwrap().is_err());
}

#[test]
fn two_inspections_have_results_of_their_own_and_one_that_is_forgotten_has_none() {
    let (mut locks, node) = one_node();
    let keys: Vec<InspectionKey> = ["a", "b", "c"].map(|name| locks.inspect(name, at(0)).unwrap()).into();
    assert_eq!(batch(&mut locks, node, at(0)).len(), 3);
    locks.forget_inspection(keys[1]);
    let held = KeyState::Held { digest: ValueDigest::of(b"any"), remaining: None };
    for state in [KeyState::Free, held, held] {
        locks.handle_reply(node, Reply::Inspected(KeyReport::new(state, Some(0))), at(1));
    }
    let finished: Vec<InspectionKey> = core::iter::from_fn(|| locks.poll_inspected()).collect();
    assert_eq!(finished, [keys[0], keys[2]]);
    assert!(locks.take_inspected(keys[0]).unwrap().is_free());
    assert_eq!(locks.take_inspected(keys[1]), None);
    assert!(locks.take_inspected(keys[2]).unwrap().is_held());
    assert!(locks.is_empty() && locks.is_quiet(), "an inspection is no lock");
    assert_eq!(locks.poll_timeout(), None);
}
