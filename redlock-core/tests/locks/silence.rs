//! Connections that take everything and say nothing.

use core::time::Duration;

use redlock_core::{Action, Command, Config, Facts, Hold, Instant, LockKey, Locks, NodeId, Options, Reply, Request};

const SILENCE: Duration = Duration::from_secs(5);
const PING: Duration = Duration::from_secs(30);
const TTL: Duration = Duration::from_secs(20);

fn at(millis: u64) -> Instant {
    Instant::from_epoch(Duration::from_millis(millis))
}

/// One node with a connection since the epoch.
fn connected() -> (Locks, NodeId) {
    let config = Config::builder(["only"]).silence_timeout(SILENCE).ping_interval(PING).build().unwrap();
    let node = config.nodes().iter().next().unwrap();
    let mut locks = Locks::new(config);
    connect(&mut locks, node, at(0));
    (locks, node)
}

fn connect(locks: &mut Locks, node: NodeId, now: Instant) {
    assert_eq!(locks.poll_ready(), Some(node));
    assert!(locks.poll_connect(node));
    locks.handle_connected(node, Facts::default(), false, now);
    assert_eq!(locks.poll_ready(), Some(node));
}

fn acquire(locks: &mut Locks, name: &str, now: Instant) -> LockKey {
    let request = Request::new(locks.config(), name, TTL, Options::new().attempts(1)).unwrap();
    locks.acquire(request, [7; 32], now).unwrap()
}

fn batch(locks: &mut Locks, node: NodeId, now: Instant) -> Vec<Command> {
    let mut batch = Vec::new();
    locks.poll_batch(node, &mut batch, now);
    batch
}

/// Lets the timers fire that come before `until`; returns when a connection was wanted.
fn wait(locks: &mut Locks, node: NodeId, until: Instant) -> Option<Instant> {
    while let Some(now) = locks.poll_timeout().filter(|at| *at <= until) {
        locks.handle_timeout(now);
        if locks.poll_connect(node) {
            return Some(now);
        }
    }
    None
}

#[test]
fn a_connection_that_owes_a_reply_for_too_long_is_given_up() {
    let (mut locks, node) = connected();
    let key = acquire(&mut locks, "job", at(1_000));
    assert_eq!(batch(&mut locks, node, at(1_000)).len(), 1);
    assert_eq!(wait(&mut locks, node, at(60_000)), Some(at(6_000)));
    assert!(locks.refusal(node).unwrap().to_string().contains("no reply to anything for 5 s"));
    assert!(locks.hand_over(key, at(6_000)).unwrap().is_err());

    locks.handle_connected(node, Facts::default(), false, at(6_001));
    assert_eq!(locks.refusal(node), None);
    let again = wait_for_batch(&mut locks, node, at(8_000));
    assert!(matches!(again[..], [Command { action: Action::Release { .. }, .. }]), "the SET may have been carried out");
}

/// Lets timers fire until there is something to send.
fn wait_for_batch(locks: &mut Locks, node: NodeId, until: Instant) -> Vec<Command> {
    loop {
        let now = locks.poll_timeout().filter(|at| *at <= until).expect("something is to be sent");
        locks.handle_timeout(now);
        let batch = batch(locks, node, now);
        if !batch.is_empty() {
            return batch;
        }
    }
}

#[test]
fn a_connection_that_answers_slowly_but_steadily_is_kept() {
    let (mut locks, node) = connected();
    for name in ["a", "b", "c", "d"] {
        acquire(&mut locks, name, at(0));
    }
    assert_eq!(batch(&mut locks, node, at(0)).len(), 4);
    for seconds in [4, 8, 12] {
        assert_eq!(wait(&mut locks, node, at(seconds * 1_000)), None, "the last word is 4 s old");
        locks.handle_reply(node, Reply::Done, at(seconds * 1_000));
    }
    assert_eq!(wait(&mut locks, node, at(60_000)), Some(at(17_000)));
}

#[test]
fn the_time_begins_with_the_first_command_that_is_owed_and_not_with_the_last_word() {
    let (mut locks, node) = connected();
    let key = acquire(&mut locks, "job", at(20_000));
    batch(&mut locks, node, at(20_000));
    locks.handle_reply(node, Reply::Done, at(20_001));
    assert!(locks.hand_over(key, at(20_001)).unwrap().is_ok());
    locks.release(key, at(29_000));
    batch(&mut locks, node, at(29_000));
    assert_eq!(wait(&mut locks, node, at(60_000)), Some(at(34_000)));
}

#[test]
fn what_waits_to_be_sent_owes_nothing() {
    let (mut locks, node) = connected();
    acquire(&mut locks, "job", at(0));
    assert!(locks.has_batch(node));
    assert_eq!(wait(&mut locks, node, at(20_000)), None);
}

#[test]
fn a_connection_that_nobody_uses_is_tried_out() {
    let (mut locks, node) = connected();
    locks.handle_timeout(at(29_999));
    assert!(!locks.has_batch(node));
    assert_eq!(locks.poll_timeout(), Some(at(30_000)));
    locks.handle_timeout(at(30_000));
    assert_eq!(locks.poll_ready(), Some(node));
    let pings = batch(&mut locks, node, at(30_000));
    assert!(matches!(pings[..], [Command { action: Action::ReadClock, .. }]));
    assert!(pings[0].wire().words().eq([b"INFO".as_slice(), b"server"]));
    locks.handle_reply(node, Reply::Done, at(30_010));
    assert_eq!(locks.poll_timeout(), Some(at(60_010)), "once is enough");
    assert!(locks.is_empty() && locks.poll_finished().is_none(), "it is of no lock");
}

#[test]
fn a_connection_that_does_not_answer_a_ping_is_replaced() {
    let (mut locks, node) = connected();
    locks.handle_timeout(at(30_000));
    batch(&mut locks, node, at(30_000));
    assert_eq!(wait(&mut locks, node, at(60_000)), Some(at(35_000)));
}

#[test]
fn use_puts_the_ping_off() {
    let (mut locks, node) = connected();
    let key = acquire(&mut locks, "job", at(10_000));
    batch(&mut locks, node, at(10_000));
    locks.handle_reply(node, Reply::HeldByOther(Hold::UNKNOWN), at(10_001));
    locks.abandon(key, at(10_001));
    batch(&mut locks, node, at(10_001));
    locks.handle_reply(node, Reply::Missing, at(10_002));
    locks.handle_timeout(at(30_000));
    assert!(!locks.has_batch(node));
    locks.handle_timeout(at(40_002));
    assert!(locks.has_batch(node));
}

#[test]
fn pings_can_be_switched_off() {
    let config = Config::builder(["only"]).ping_interval(None).build().unwrap();
    let node = config.nodes().iter().next().unwrap();
    let mut locks = Locks::new(config);
    connect(&mut locks, node, at(0));
    assert_eq!(locks.poll_timeout(), None);
}
