//! Nodes that come and go.

use core::time::Duration;

use redlock_core::{
    AcquireError, Action, Cause, Command, Config, Facts, Instant, LockKey, Locks, NodeId, Options, Outcome, Reply,
    Request, Unavailable,
};

fn at(millis: u64) -> Instant {
    Instant::from_epoch(Duration::from_millis(millis))
}

fn locks(nodes: usize) -> (Locks, Vec<NodeId>) {
    let config = Config::builder(["a", "b", "c"].into_iter().take(nodes)).build().unwrap();
    let nodes = config.nodes().iter().collect();
    (Locks::new(config), nodes)
}

fn acquire(locks: &mut Locks, name: &str, now: Instant) -> LockKey {
    let request = Request::new(locks.config(), name, Duration::from_secs(10), Options::new().attempts(1)).unwrap();
    locks.acquire(request, [u8::try_from(name.len()).unwrap(); 32], now).unwrap()
}

fn batch(locks: &mut Locks, node: NodeId, now: Instant) -> Vec<Command> {
    let mut batch = Vec::new();
    locks.poll_batch(node, &mut batch, now);
    batch
}

fn why(cause: Cause) -> Unavailable {
    Unavailable::new(cause)
}

/// The outcomes of the nodes in an error, by their causes; `None` for one that answered.
fn causes(error: &AcquireError) -> Vec<Option<Cause>> {
    let cause = |outcome| match outcome {
        Outcome::Unavailable(why) => Some(why.cause()),
        _ => None,
    };
    error.attempts().unwrap().nodes.iter().map(|(_, _, outcome)| cause(outcome)).collect()
}

#[test]
fn commands_wait_for_the_first_connection() {
    let (mut locks, nodes) = locks(1);
    acquire(&mut locks, "job", at(0));
    assert_eq!(locks.poll_ready(), Some(nodes[0]));
    assert!(batch(&mut locks, nodes[0], at(0)).is_empty(), "there is nobody to send it");
    assert!(locks.poll_connect(nodes[0]));
    assert!(!locks.poll_connect(nodes[0]), "once is enough");
    locks.handle_connected(nodes[0], Facts::default(), false, at(1));
    assert_eq!(locks.poll_ready(), Some(nodes[0]));
    assert!(locks.has_batch(nodes[0]));
    assert_eq!(batch(&mut locks, nodes[0], at(1)).len(), 1);
    assert!(!locks.has_batch(nodes[0]));
}

#[test]
fn a_node_that_is_down_refuses_at_once_until_it_is_connected() {
    let (mut locks, nodes) = locks(1);
    let waiting = acquire(&mut locks, "one", at(0));
    assert!(locks.poll_connect(nodes[0]));
    locks.handle_disconnected(nodes[0], &Unavailable::with_detail(Cause::NotSent, "connection refused"), at(5));
    let error = locks.hand_over(waiting, at(5)).unwrap().unwrap_err();
    assert!(error.to_string().contains("a: not reachable (connection refused)"), "{error}");

    let late = acquire(&mut locks, "other", at(6));
    assert!(locks.hand_over(late, at(6)).unwrap().is_err(), "it costs no time");
    assert_eq!(locks.refusal(nodes[0]).and_then(Unavailable::detail), Some("connection refused"));
    assert_eq!(locks.queued(nodes[0]).count(), 0);
    assert!(!locks.poll_connect(nodes[0]), "there is a pause");
    assert_eq!(locks.poll_timeout(), Some(at(25)));

    locks.handle_timeout(at(25));
    assert!(locks.poll_connect(nodes[0]));
    let meanwhile = acquire(&mut locks, "during", at(26));
    assert!(locks.hand_over(meanwhile, at(26)).unwrap().is_err(), "the last try has failed");
    locks.handle_connected(nodes[0], Facts::default(), false, at(30));
    assert_eq!(locks.refusal(nodes[0]), None);
    acquire(&mut locks, "again", at(30));
    assert_eq!(batch(&mut locks, nodes[0], at(30)).len(), 1);
}

#[test]
fn what_was_under_way_when_the_connection_broke_may_have_been_carried_out() {
    let (mut locks, nodes) = locks(1);
    let (first, second) = (acquire(&mut locks, "1", at(0)), acquire(&mut locks, "22", at(0)));
    assert!(locks.poll_connect(nodes[0]));
    locks.handle_connected(nodes[0], Facts::default(), false, at(0));
    let first_sent = batch(&mut locks, nodes[0], at(0));
    assert_eq!(first_sent.len(), 2);
    locks.handle_reply(nodes[0], Reply::Done, at(1));
    assert!(locks.hand_over(first, at(1)).unwrap().is_ok());

    let unsent = acquire(&mut locks, "333", at(1));
    let queued: Vec<_> = locks
        .queued(nodes[0])
        .map(|(key, command)| (key, command.action.resources().expect("it is of a lock").as_slice()[0].as_bytes()))
        .collect();
    assert_eq!(queued, [(unsent, b"333".as_slice())], "what was sent waits no more");
    locks.handle_disconnected(nodes[0], &why(Cause::Disconnected), at(2));
    let error = locks.hand_over(second, at(2)).unwrap().unwrap_err();
    assert_eq!(causes(&error), [Some(Cause::Disconnected)]);
    assert!(locks.hand_over(unsent, at(2)).is_none(), "it waits for the next connection");

    assert!(locks.poll_connect(nodes[0]), "the connection was of use, so the next is opened at once");
    locks.handle_connected(nodes[0], Facts::default(), false, at(3));
    let sent = batch(&mut locks, nodes[0], at(3));
    let names: Vec<_> = sent
        .iter()
        .map(|command| command.action.resources().expect("it is of a lock").as_slice()[0].to_string())
        .collect();
    assert_eq!(names, ["333", "22"], "and the release of what may have been acquired");
    assert_eq!(sent[1].action.token(), first_sent[1].action.token());
}

#[test]
fn a_release_that_a_node_has_missed_waits_until_it_is_back_and_costs_nothing_meanwhile() {
    let (mut locks, nodes) = locks(3);
    for &node in &nodes {
        assert!(locks.poll_connect(node));
        locks.handle_connected(node, Facts::default(), false, at(0));
    }
    let key = acquire(&mut locks, "job", at(0));
    for &node in &nodes {
        batch(&mut locks, node, at(0));
        locks.handle_reply(node, Reply::Done, at(1));
    }
    assert!(locks.hand_over(key, at(1)).unwrap().is_ok());
    locks.handle_disconnected(nodes[0], &why(Cause::Disconnected), at(2));
    assert!(locks.poll_connect(nodes[0]));
    locks.handle_disconnected(nodes[0], &why(Cause::NotSent), at(3));

    locks.abandon(key, at(4));
    for &node in &nodes[1..] {
        batch(&mut locks, node, at(4));
        locks.handle_reply(node, Reply::Done, at(5));
    }
    assert!(locks.take_released(key).is_some(), "nobody waits for the node");
    let mut woken = 0;
    while let Some(now) = locks.poll_timeout().filter(|next| *next < at(5_000)) {
        locks.handle_timeout(now);
        if locks.poll_connect(nodes[0]) {
            locks.handle_disconnected(nodes[0], &why(Cause::NotSent), now);
        } else {
            woken += 1;
        }
    }
    assert!(woken <= 4, "it is told again once, and then when it is back: {woken}");
    assert_eq!(locks.queued(nodes[0]).count(), 1);
    locks.handle_timeout(at(6_000));
    assert!(locks.poll_connect(nodes[0]));
    locks.handle_connected(nodes[0], Facts::default(), false, at(6_000));
    acquire(&mut locks, "next", at(6_000));
    let sent = batch(&mut locks, nodes[0], at(6_000));
    assert!(matches!(sent[0].action, Action::Release { .. }), "before anything else: {sent:?}");
    locks.handle_reply(nodes[0], Reply::Done, at(6_001));
    assert_eq!(locks.lock(key), None, "it is settled");
}

#[test]
fn a_node_that_is_back_after_the_shortest_hold_does_not_keep_the_keys_any_longer() {
    let (mut locks, nodes) = locks(1);
    assert!(locks.poll_connect(nodes[0]));
    locks.handle_connected(nodes[0], Facts::default(), false, at(0));
    let options = Options::new().min_hold(Duration::from_secs(2));
    let request = Request::new(locks.config(), "job", Duration::from_secs(10), options).unwrap();
    let key = locks.acquire(request, [1; 32], at(0)).unwrap();
    batch(&mut locks, nodes[0], at(0));
    locks.handle_reply(nodes[0], Reply::Done, at(0));
    assert!(locks.hand_over(key, at(0)).unwrap().is_ok());
    locks.handle_disconnected(nodes[0], &why(Cause::Disconnected), at(0));
    assert!(locks.poll_connect(nodes[0]));
    locks.handle_disconnected(nodes[0], &why(Cause::NotSent), at(0));

    locks.abandon(key, at(0));
    while let Some(now) = locks.poll_timeout().filter(|next| *next < at(4_000)) {
        locks.handle_timeout(now);
        if locks.poll_connect(nodes[0]) {
            locks.handle_disconnected(nodes[0], &why(Cause::NotSent), now);
        }
    }
    locks.handle_timeout(at(5_000));
    assert!(locks.poll_connect(nodes[0]));
    locks.handle_connected(nodes[0], Facts::default(), false, at(5_000));
    let sent = batch(&mut locks, nodes[0], at(5_000));
    let [Action::Release { keep, .. }] = sent.iter().map(|command| &command.action).collect::<Vec<_>>()[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(*keep, None, "that is over");
}

#[test]
fn a_node_that_is_connected_late_keeps_the_keys_no_longer_than_the_others() {
    let (mut locks, nodes) = locks(3);
    for node in nodes.iter().copied() {
        assert!(locks.poll_connect(node));
    }
    let late = nodes[2];
    let answer = |locks: &mut Locks| {
        for node in nodes[..2].iter().copied() {
            for _ in batch(locks, node, at(0)) {
                locks.handle_reply(node, Reply::Done, at(0));
            }
        }
    };
    for node in nodes[..2].iter().copied() {
        locks.handle_connected(node, Facts::default(), false, at(0));
    }
    let options = Options::new().min_hold(Duration::from_secs(2));
    let request = Request::new(locks.config(), "job", Duration::from_secs(10), options).unwrap();
    let key = locks.acquire(request, [1; 32], at(0)).unwrap();
    answer(&mut locks);
    assert!(locks.hand_over(key, at(0)).unwrap().is_ok());
    locks.abandon(key, at(0));
    answer(&mut locks);

    locks.handle_connected(late, Facts::default(), false, at(1_500));
    for now in 1_500..2_500 {
        locks.handle_timeout(at(now));
        for command in batch(&mut locks, late, at(now)) {
            if let Action::Release { keep: Some(keep), .. } = command.action {
                assert!(now + u64::try_from(keep.get().as_millis()).unwrap() <= 2_000, "at {now}: {command:?}");
            }
            locks.handle_reply(late, Reply::Done, at(now));
        }
    }
    assert_eq!(locks.lock(key), None, "it is settled");
}

#[test]
fn a_node_that_is_down_leaves_nothing_to_settle_of_what_is_taken_meanwhile() {
    let (mut locks, nodes) = locks(3);
    for node in nodes.iter().copied() {
        assert!(locks.poll_connect(node));
        match node {
            down if down == nodes[2] => locks.handle_disconnected(node, &why(Cause::NotAuthenticated), at(0)),
            _ => locks.handle_connected(node, Facts::default(), false, at(0)),
        }
    }
    let key = acquire(&mut locks, "job", at(1));
    let answer = |locks: &mut Locks| {
        for node in nodes[..2].iter().copied() {
            for _ in batch(locks, node, at(1)) {
                locks.handle_reply(node, Reply::Done, at(1));
            }
        }
    };
    answer(&mut locks);
    assert!(locks.hand_over(key, at(1)).unwrap().is_ok());
    locks.release(key, at(1));
    answer(&mut locks);
    let report = locks.take_released(key).unwrap();
    assert!(report.to_string().contains("c: not asked, it never had the lock"), "{report}");
    locks.abandon(key, at(1));
    assert!(locks.is_empty() && locks.unsettled() == 0);
}

#[test]
fn what_no_node_was_sent_leaves_nothing_to_settle() {
    // The third answer comes when the verdict is fixed: it is there at once, or when the connection has failed.
    for is_down_already in [true, false] {
        let (mut locks, nodes) = locks(3);
        let key = (!is_down_already).then(|| acquire(&mut locks, "job", at(0)));
        for node in nodes.iter().copied() {
            assert!(locks.poll_connect(node));
            locks.handle_disconnected(node, &why(Cause::NotAuthenticated), at(0));
        }
        let key = key.unwrap_or_else(|| acquire(&mut locks, "job", at(0)));
        assert!(locks.hand_over(key, at(0)).unwrap().is_err());
        locks.abandon(key, at(0));
        assert!(locks.is_empty() && locks.unsettled() == 0, "down already: {is_down_already}");
    }
}

#[test]
fn what_a_node_may_have_been_sent_is_settled_by_nobody_else() {
    let (mut locks, nodes) = locks(3);
    for node in nodes.iter().copied() {
        assert!(locks.poll_connect(node));
        locks.handle_connected(node, Facts::default(), false, at(0));
    }
    let key = acquire(&mut locks, "job", at(0));
    let sent: Vec<_> = nodes.iter().map(|node| batch(&mut locks, *node, at(0)).len()).collect();
    assert_eq!(sent, [1, 1, 1]);
    for node in nodes.iter().copied() {
        locks.handle_disconnected(node, &why(Cause::Disconnected), at(1));
    }
    assert!(locks.hand_over(key, at(1)).unwrap().is_err());
    locks.abandon(key, at(1));
    assert_eq!(locks.unsettled(), 1, "each of them may have it");
}

#[test]
fn what_waited_for_too_long_is_not_sent() {
    let (mut locks, nodes) = locks(3);
    let key = acquire(&mut locks, "job", at(0));
    for &node in &nodes {
        assert!(locks.poll_connect(node));
    }
    for (&node, now) in nodes.iter().zip([at(1), at(501), at(501)]) {
        locks.handle_connected(node, Facts::default(), false, now);
        let sent = batch(&mut locks, node, now);
        let is_set = |command: &Command| matches!(command.action, Action::Acquire { .. });
        assert_eq!(sent.iter().filter(|command| is_set(command)).count(), usize::from(now == at(1)), "500 ms at most");
    }
    let error = locks.hand_over(key, at(501)).unwrap().unwrap_err();
    assert_eq!(causes(&error)[1..], [Some(Cause::NoAnswer), Some(Cause::NoAnswer)]);
}

#[test]
fn a_batch_without_an_answer_leaves_later_ones_to_be_answered() {
    let (mut locks, nodes) = locks(1);
    assert!(locks.poll_connect(nodes[0]));
    locks.handle_connected(nodes[0], Facts::default(), false, at(0));
    let first = acquire(&mut locks, "1", at(0));
    assert_eq!(batch(&mut locks, nodes[0], at(0)).len(), 1);
    let second = acquire(&mut locks, "22", at(0));
    assert_eq!(batch(&mut locks, nodes[0], at(0)).len(), 1);
    locks.handle_unanswered(nodes[0], 1, &why(Cause::Disconnected), at(1));
    assert!(locks.hand_over(first, at(1)).unwrap().is_err());
    assert!(locks.hand_over(second, at(1)).is_none());
    locks.handle_reply(nodes[0], Reply::Done, at(2));
    assert!(locks.hand_over(second, at(2)).unwrap().is_ok());
}

#[test]
fn a_node_that_was_given_up_is_never_connected() {
    let (mut locks, nodes) = locks(1);
    let key = acquire(&mut locks, "job", at(0));
    locks.give_up(nodes[0], &Unavailable::with_detail(Cause::Disconnected, "it panicked"), at(0));
    let error = locks.hand_over(key, at(0)).unwrap().unwrap_err();
    assert!(error.to_string().contains("it panicked"), "{error}");
    locks.handle_timeout(at(100_000));
    assert!(!locks.poll_connect(nodes[0]));

    locks.start_over(&why(Cause::Disconnected), at(100_000));
    assert!(locks.poll_connect(nodes[0]), "whoever drives it now begins as at the beginning");
}

#[test]
fn without_anybody_to_send_what_waits_can_be_refused() {
    let (mut locks, _) = locks(3);
    let key = acquire(&mut locks, "job", at(0));
    locks.refuse_waiting(&Unavailable::with_detail(Cause::NotSent, "nobody is there"), at(0));
    let error = locks.hand_over(key, at(0)).unwrap().unwrap_err();
    assert!(error.to_string().contains("nobody is there"), "{error}");
}

#[test]
fn a_reply_that_nobody_asked_for_is_nothing() {
    let (mut locks, nodes) = locks(1);
    locks.handle_reply(nodes[0], Reply::Done, at(0));
    locks.handle_connected(NodeId::new(17).unwrap(), Facts::default(), false, at(0));
    locks.handle_reply(NodeId::new(17).unwrap(), Reply::Done, at(0));
    assert!(locks.is_empty());
}

/// It may be a proxy that takes one request a connection, or a server that is short of memory.
#[test]
fn a_server_that_answers_and_hangs_up_is_not_connected_to_without_end() {
    let (mut locks, nodes) = locks(1);
    let mut facts = Facts::default();
    facts.note_info("redis_version:7.0.15\r\nrun_id:a1\r\n");
    let (mut connects, mut now) = (0, at(0));
    while now < at(60_000) {
        if locks.poll_connect(nodes[0]) {
            connects += 1;
            locks.handle_connected(nodes[0], facts.clone(), false, now);
            assert_eq!(batch(&mut locks, nodes[0], now).len(), 1, "it is asked what time it is");
            locks.handle_reply(nodes[0], Reply::Time(now.since_epoch()), now);
            now = now.saturating_add(Duration::from_millis(1));
            locks.handle_disconnected(nodes[0], &why(Cause::Disconnected), now);
        } else {
            now = locks.poll_timeout().unwrap();
            locks.handle_timeout(now);
        }
    }
    assert!(connects < 60 * 5, "{connects} in a minute");
}
