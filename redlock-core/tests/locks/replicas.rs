//! Servers that say that they are replicas: others may have taken their place, and their names.

use core::time::Duration;

use redlock_core::health::ConnectionState;
use redlock_core::{
    AcquireError, Action, Cause, Command, Config, Facts, Instant, LockKey, Locks, NodeId, Options, Reply, Request,
    RestartGuard, Unavailable,
};

use crate::world::at;

const READONLY: &str = "READONLY You can't write against a read only replica.";

/// One node with a connection since the epoch. What it has forgotten as a replica does not matter here.
fn connected() -> (Locks, NodeId) {
    let config = Config::builder(["only"]).restart_guard(RestartGuard::OFF).build().unwrap();
    let node = config.nodes().iter().next().unwrap();
    let mut locks = Locks::new(config);
    assert!(locks.poll_connect(node));
    locks.handle_connected(node, Facts::default(), false, at(0));
    (locks, node)
}

fn acquire(locks: &mut Locks, name: &str, now: Instant) -> LockKey {
    let options = Options::new().attempts(1);
    let request = Request::new(locks.config(), name, Duration::from_secs(10), options).unwrap();
    locks.acquire(request, [7; 32], now).unwrap()
}

fn batch(locks: &mut Locks, node: NodeId, now: Instant) -> Vec<Command> {
    let mut batch = Vec::new();
    locks.poll_batch(node, &mut batch, now);
    batch
}

fn refused() -> Reply {
    Reply::Unavailable(Unavailable::from_server_error(READONLY))
}

/// Asserts that the caller reads what to do.
fn assert_named(error: &AcquireError) {
    assert!(error.to_string().contains("a read-only replica, name its master instead"), "{error}");
}

#[test]
fn the_server_is_left_and_its_name_looked_up_again_after_a_pause() {
    let (mut locks, node) = connected();
    let key = acquire(&mut locks, "job", at(5_000));
    assert_eq!(batch(&mut locks, node, at(5_000)).len(), 1);
    locks.handle_reply(node, refused(), at(5_001));
    assert_named(&locks.hand_over(key, at(5_001)).unwrap().unwrap_err());
    assert!(!locks.poll_connect(node), "there is a pause");
    let meanwhile = acquire(&mut locks, "meanwhile", at(5_002));
    assert_named(&locks.hand_over(meanwhile, at(5_002)).unwrap().unwrap_err());
    let health = locks.health(at(5_002));
    assert!(matches!(&health.nodes[0].connection, ConnectionState::Down { why, .. } if why.cause() == Cause::ReadOnly));

    assert_eq!(locks.poll_timeout(), Some(at(5_021)));
    locks.handle_timeout(at(5_021));
    assert!(locks.poll_connect(node), "in place of the one that there is");
    locks.handle_connected(node, Facts::default(), false, at(5_022));
    let key = acquire(&mut locks, "job", at(5_022));
    for _ in batch(&mut locks, node, at(5_022)) {
        locks.handle_reply(node, Reply::Done, at(5_023));
    }
    assert!(locks.hand_over(key, at(5_023)).unwrap().is_ok());
}

#[test]
fn what_is_under_way_is_answered_before_another_connection_is_wanted() {
    let (mut locks, node) = connected();
    let first = acquire(&mut locks, "1", at(0));
    let second = acquire(&mut locks, "22", at(0));
    assert_eq!(batch(&mut locks, node, at(0)).len(), 2);
    locks.handle_reply(node, refused(), at(1));
    assert_named(&locks.hand_over(first, at(1)).unwrap().unwrap_err());
    assert!(locks.hand_over(second, at(1)).is_none());

    locks.handle_timeout(at(100));
    assert!(!locks.poll_connect(node), "what undoes the second would overtake it");
    locks.handle_reply(node, Reply::Done, at(101));
    assert!(locks.hand_over(second, at(101)).unwrap().is_ok());
    locks.handle_timeout(at(101));
    assert!(locks.poll_connect(node));
}

#[test]
fn one_that_hangs_is_not_waited_for_without_end() {
    let (mut locks, node) = connected();
    acquire(&mut locks, "1", at(0));
    acquire(&mut locks, "22", at(0));
    let sent = batch(&mut locks, node, at(0));
    assert_eq!(sent.len(), 2);
    locks.handle_reply(node, refused(), at(1));
    let silence = locks.config().silence_timeout();
    while let Some(now) = locks.poll_timeout().filter(|now| *now <= at(1).saturating_add(silence)) {
        locks.handle_timeout(now);
    }
    let now = at(2).saturating_add(silence);
    assert!(locks.poll_connect(node));
    locks.handle_connected(node, Facts::default(), false, now);
    let released = batch(&mut locks, node, now);
    let tokens =
        |commands: &[Command]| commands.iter().map(|command| command.action.token().copied()).collect::<Vec<_>>();
    assert!(released.iter().all(|command| matches!(command.action, Action::Release { .. })), "{released:?}");
    assert_eq!(tokens(&released), tokens(&sent), "the new server may have got them from the old one");
    for _ in &released {
        locks.handle_reply(node, Reply::Done, now);
    }
    assert_eq!(locks.unsettled(), 0, "nothing is owed by the old one any more");
}

#[test]
fn a_replica_that_was_named_by_mistake_is_not_connected_to_without_end() {
    for millis in [10, 50, 500, 3_000] {
        let (mut locks, node) = connected();
        let mut connects = 0;
        let mut next = at(0);
        while next < at(60_000) {
            let now = next;
            let key = acquire(&mut locks, "job", now);
            for _ in batch(&mut locks, node, now) {
                locks.handle_reply(node, refused(), now);
            }
            assert_named(&locks.hand_over(key, now).unwrap().unwrap_err());
            locks.abandon(key, now);
            next = now.saturating_add(Duration::from_millis(millis));
            while let Some(due) = locks.poll_timeout().filter(|due| *due < next) {
                locks.handle_timeout(due);
                if locks.poll_connect(node) {
                    connects += 1;
                    locks.handle_connected(node, Facts::default(), false, due);
                    for _ in batch(&mut locks, node, due) {
                        locks.handle_reply(node, refused(), due);
                    }
                }
            }
        }
        assert!(connects < 70, "every {millis} ms: {connects} in a minute");
    }
}
