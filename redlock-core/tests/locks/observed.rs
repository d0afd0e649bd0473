//! The history of locks and nodes, for instruments.

use std::collections::BTreeMap;
use std::time::Duration;

use redlock_core::observed::{LockEvent, NodeEvent, Observed, Verb};
use redlock_core::{
    AcquireError, Cause, Config, ExtendError, Facts, Instant, KeepAlive, LockKey, Locks, Loss, Options, Outcome,
    ReleaseVerdict, Reply, Request, Unavailable,
};

use crate::world::{TTL, World, at};

impl World {
    fn observed() -> Self {
        let mut world = Self::new();
        world.locks.observe(true);
        world
    }

    fn history(&mut self) -> Vec<Observed> {
        core::iter::from_fn(|| self.locks.poll_observed()).collect()
    }

    /// Takes what has happened to one lock.
    fn life(&mut self, key: LockKey) -> Vec<(u128, LockEvent)> {
        let of_lock = |observed| match observed {
            Observed::Lock { at, lock, event } if lock == key => Some((millis(at), event)),
            _ => None,
        };
        self.history().into_iter().filter_map(of_lock).collect()
    }

    fn of_nodes(&mut self) -> Vec<(String, NodeEvent)> {
        let of_node = |observed| match observed {
            Observed::Node { name, event, .. } => Some((name.to_string(), event)),
            _ => None,
        };
        self.history().into_iter().filter_map(of_node).collect()
    }

    /// Lets the time pass, with nodes that answer.
    fn pass_until(&mut self, until: Instant) {
        while let Some(next) = self.locks.poll_timeout().filter(|next| *next <= until) {
            self.now = next.max(self.now);
            self.run();
        }
        self.now = until;
        self.run();
    }
}

fn millis(at: Instant) -> u128 {
    at.saturating_since(Instant::EPOCH).as_millis()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_life_is_told_from_the_request_until_it_is_settled() {
    let mut world = World::observed();
    world.now = at(100);
    let key = world.begin("job", Options::new().fenced(true)).unwrap();
    world.run();
    world.now = at(103);
    assert!(world.hand_over(key).unwrap().is_ok());
    let fences = world.locks.lock(key).unwrap().fences().cloned();
    assert!(fences.is_some());
    world.now = at(5_000);
    world.locks.extend(key, TTL, world.now).unwrap();
    world.run();
    world.now = at(6_000);
    world.locks.release(key, world.now);
    world.run();
    let report = world.locks.take_released(key).unwrap();
    world.locks.abandon(key, world.now);

    let (deadline, longer) = (at(100 + 9_898), at(5_000 + 9_898));
    let extended = LockEvent::Extended { deadline: longer, left: ms(4_998), by_keep_alive: false, is_late: false };
    let expected = [
        (100, LockEvent::Requested { resources: "job".into(), ttl: TTL, min_hold: Duration::ZERO }),
        (103, LockEvent::Acquired { deadline, attempts: 1, waited: ms(3), fences }),
        (5_000, extended),
        (6_000, LockEvent::ReleaseBegun { held_for: ms(5_897) }),
        (6_000, LockEvent::Released { report, took: ms(0) }),
        (6_000, LockEvent::Settled),
    ];
    assert_eq!(world.life(key), expected);
}

#[test]
fn a_lock_that_is_not_acquired_says_why_and_is_settled() {
    let mut world = World::observed();
    let held = world.acquire("job");
    let refused = world.begin("job", Options::new().attempts(1)).unwrap();
    let error = world.hand_over(refused).unwrap().unwrap_err();
    world.locks.abandon(refused, world.now);
    let expected = [
        (0, LockEvent::Requested { resources: "job".into(), ttl: TTL, min_hold: Duration::ZERO }),
        (0, LockEvent::NotAcquired { error, waited: ms(0) }),
        (0, LockEvent::Settled),
    ];
    assert_eq!(world.life(refused), expected);

    let given_up = world.begin("job", Options::new()).unwrap();
    world.now = at(7);
    world.locks.abandon(given_up, world.now);
    assert_eq!(world.life(given_up)[1..], [(7, LockEvent::GivenUp { waited: ms(7) }), (7, LockEvent::Settled)]);

    let closed = world.begin("job", Options::new()).unwrap();
    world.now = at(9);
    world.locks.close(world.now);
    assert_eq!(world.hand_over(closed), Some(Err(AcquireError::Closed)));
    world.locks.abandon(closed, world.now);
    let not_acquired = LockEvent::NotAcquired { error: AcquireError::Closed, waited: ms(2) };
    assert_eq!(world.life(closed)[1..], [(9, not_acquired), (9, LockEvent::Settled)]);
    world.locks.release(held, world.now);
}

#[test]
fn an_acquisition_that_is_won_and_given_up_was_given_up() {
    let mut world = World::observed();
    let key = world.begin("job", Options::new()).unwrap();
    world.run();
    world.locks.abandon(key, world.now);
    world.run();
    assert_eq!(world.life(key)[1..], [(0, LockEvent::GivenUp { waited: ms(0) }), (0, LockEvent::Settled)]);
}

#[test]
fn a_loss_ends_the_hold_and_the_release_follows() {
    let mut world = World::observed();
    let key = world.acquire("job");
    world.locks.extend(key, TTL, world.now).unwrap();
    world.now = at(9_898);
    world.locks.handle_timeout(world.now);
    world.locks.release(key, at(9_900));
    world.now = at(9_910);
    world.run();
    let report = world.locks.take_released(key).unwrap();
    assert_eq!(report.verdict, ReleaseVerdict::AlreadyExpired);
    world.locks.abandon(key, world.now);
    let error = ExtendError::Lost(Loss::Expired);
    let expected = [
        (9_898, LockEvent::NotExtended { error, by_keep_alive: false }),
        (9_898, LockEvent::Lost { loss: Loss::Expired, held_for: ms(9_898) }),
        (9_910, LockEvent::Released { report, took: ms(12) }),
        (9_910, LockEvent::Settled),
    ];
    assert_eq!(world.life(key)[2..], expected);
}

#[test]
fn a_lock_that_is_left_to_its_keys_is_detached() {
    let mut world = World::observed();
    let key = world.acquire("job");
    world.now = at(50);
    assert!(world.locks.detach(key, world.now).is_ok());
    assert_eq!(world.life(key)[2..], [(50, LockEvent::Detached { held_for: ms(50) }), (50, LockEvent::Settled)]);
}

#[test]
fn a_renewal_is_late_when_half_of_what_it_should_have_had_is_gone() {
    let mut world = World::observed();
    let keep_alive = KeepAlive::while_held().every(ms(4_000));
    let key = world.begin("job", Options::new().keep_alive(keep_alive)).unwrap();
    world.run();
    assert!(world.hand_over(key).unwrap().is_ok());
    world.history();
    // 6 s should be left when it is confirmed: 5,898 ms in time, and 2,899 ms when the process was held up meanwhile.
    for (wakes_at, left, late) in [(4_000, 5_898, false), (10_999, 2_899, true)] {
        world.now = at(wakes_at);
        world.run();
        let life = world.life(key);
        let deadline = at(wakes_at + 9_898);
        let expected = LockEvent::Extended { deadline, left: ms(left), by_keep_alive: true, is_late: late };
        assert_eq!(life, [(u128::from(wakes_at), expected)]);
    }
}

#[test]
fn the_connections_of_a_node_are_told_and_tries_that_fail_are_not() {
    let mut world = World::observed();
    let node = world.locks.config().nodes().iter().next().unwrap();
    let why = Unavailable::new(Cause::NotSent);
    for _ in 0..3 {
        assert!(world.locks.poll_connect(node));
        world.locks.handle_disconnected(node, &why, world.now);
        world.now = world.locks.poll_timeout().unwrap();
        world.locks.handle_timeout(world.now);
    }
    assert!(world.locks.poll_connect(node));
    let mut facts = Facts::default();
    facts.note_info("redis_version:7.0.15\r\nrun_id:one\r\nuptime_in_seconds:1000\r\n");
    world.locks.handle_connected(node, facts.clone(), false, world.now);
    world.locks.handle_disconnected(node, &Unavailable::new(Cause::Disconnected), world.now);
    let down = |why: &Unavailable| ("a".to_owned(), NodeEvent::Disconnected { why: why.clone() });
    let up = ("a".to_owned(), NodeEvent::Connected { facts: Box::new(facts) });
    let broken = Unavailable::new(Cause::Disconnected);
    assert_eq!(world.of_nodes(), [down(&why), up, down(&broken)]);
}

#[test]
fn a_node_that_was_started_again_has_no_vote_until_a_moment() {
    let mut world = World::observed();
    let node = world.locks.config().nodes().iter().next().unwrap();
    let connect = |world: &mut World, info: &str| {
        let mut facts = Facts::default();
        facts.note_info(info);
        assert!(world.locks.poll_connect(node));
        world.locks.handle_connected(node, facts, false, world.now);
        let asked = world.locks.has_batch(node);
        world.locks.poll_batch(node, &mut Vec::new(), world.now);
        if asked {
            world.locks.handle_reply(node, Reply::Time(ms(1)), world.now);
        }
        world.of_nodes()
    };
    assert_eq!(connect(&mut world, "redis_version:7.0.15\r\nrun_id:one\r\nuptime_in_seconds:1000\r\n").len(), 1);
    let request = Request::new(world.locks.config(), "job", TTL, Options::new()).unwrap();
    world.locks.acquire(request, [9; 32], world.now).unwrap();
    world.now = at(60_000);
    world.locks.handle_disconnected(node, &Unavailable::new(Cause::Disconnected), world.now);
    let told = connect(&mut world, "redis_version:7.0.15\r\nrun_id:two\r\nuptime_in_seconds:0\r\n");
    let why = Unavailable::new(Cause::Restarted);
    let without_vote = NodeEvent::WithoutVote { until: Some(at(60_000 + 10_102)), why };
    assert!(told.contains(&("a".to_owned(), without_vote)), "{told:?}");
}

/// Of two names of one server, the first has the vote: whichever is connected first, and also if the other had it before.
#[test]
fn a_node_that_is_the_same_server_as_another_has_no_vote() {
    let why = Unavailable::with_detail(Cause::Unsuitable, "it is the same server as a: name each server once");
    for order in [[0, 1], [1, 0]] {
        let mut world = World::observed();
        let nodes: Vec<_> = world.locks.config().nodes().iter().collect();
        for node in order {
            let mut facts = Facts::default();
            facts.note_info("redis_version:7.0.15\r\nrun_id:one\r\nuptime_in_seconds:1000\r\n");
            assert!(world.locks.poll_connect(nodes[node]));
            world.locks.handle_connected(nodes[node], facts, false, world.now);
        }
        let told = world.of_nodes();
        let without: Vec<_> = told.iter().filter(|(_, event)| matches!(event, NodeEvent::WithoutVote { .. })).collect();
        assert_eq!(without, [&("b".to_owned(), NodeEvent::WithoutVote { until: None, why: why.clone() })], "{order:?}");
        // Nothing is told twice.
        let mut facts = Facts::default();
        facts.note_info("redis_version:7.0.15\r\nrun_id:one\r\nuptime_in_seconds:1000\r\n");
        world.locks.handle_disconnected(nodes[0], &Unavailable::new(Cause::Disconnected), world.now);
        world.now = at(1_000);
        world.locks.handle_timeout(world.now);
        assert!(world.locks.poll_connect(nodes[0]));
        world.locks.handle_connected(nodes[0], facts, false, world.now);
        let told = world.of_nodes();
        assert!(told.iter().all(|(node, _)| node == "a"), "{order:?}: {told:?}");
    }
}

#[test]
fn what_each_node_has_answered_is_told() {
    let mut world = World::observed();
    let answers = |world: &mut World| {
        let of_answer = |(name, event)| match event {
            NodeEvent::Answered { lock, verb, outcome } => Some((name, lock, verb, outcome)),
            _ => None,
        };
        let mut answers: Vec<_> = world.of_nodes().into_iter().filter_map(of_answer).collect();
        // The home comes last when it is to call somebody up.
        answers.sort_by(|one, other| one.0.cmp(&other.0));
        answers
    };
    let on_all =
        |key, verb, outcome: &Outcome| ["a", "b", "c"].map(|node| (node.to_owned(), key, verb, outcome.clone()));
    let key = world.acquire("job");
    assert_eq!(answers(&mut world), on_all(key, Verb::Acquire, &Outcome::Done));
    let why = Unavailable::new(Cause::Disconnected);
    world.locks.extend(key, TTL, world.now).unwrap();
    for node in world.locks.config().nodes().iter() {
        world.locks.poll_batch(node, &mut Vec::new(), world.now);
        world.locks.handle_disconnected(node, &why, world.now);
    }
    assert_eq!(answers(&mut world), on_all(key, Verb::Extend, &Outcome::Unavailable(why)));
    world.locks.release(key, world.now);
    world.run();
    // The nodes do not know the scripts at first; that is no answer.
    assert_eq!(answers(&mut world), on_all(key, Verb::Release, &Outcome::Done));
}

#[test]
fn nothing_is_collected_unless_it_is_switched_on_and_no_decision_depends_on_it() {
    let run = |is_on: bool| {
        let mut world = World::new();
        world.locks.observe(is_on);
        let key = world.acquire("job");
        world.locks.release(key, world.now);
        world.run();
        world
    };
    let (mut off, on) = (run(false), run(true));
    assert!(!off.locks.has_observed() && off.history().is_empty());
    assert!(on.locks.has_observed());
    assert!(on.locks == off.locks, "the history is no part of the machine");
}

#[test]
fn a_lock_that_was_requested_before_is_not_told_of() {
    let mut world = World::new();
    let before = world.acquire("before");
    world.locks.observe(true);
    world.locks.release(before, world.now);
    world.run();
    world.locks.abandon(before, world.now);
    assert_eq!(world.life(before), []);
}

#[test]
fn a_history_that_nobody_polls_does_not_fill_the_memory_and_says_what_is_missing() {
    let config = Config::builder(["a"]).build().unwrap();
    let mut locks = Locks::new(config.clone());
    locks.observe(true);
    let request = Request::new(&config, "job", TTL, Options::new()).unwrap();
    let mut give_up_one = || {
        let key = locks.acquire(request.clone(), [7; 32], at(0)).unwrap();
        locks.abandon(key, at(0));
    };
    (0..10_000).for_each(|_| give_up_one());
    let told: Vec<Observed> = core::iter::from_fn(|| locks.poll_observed()).collect();
    assert_eq!(told.len(), 16_384 + 1);
    let missed = Observed::Missed { count: 20_000 - 16_384 };
    assert_eq!(told.last(), Some(&missed), "each lock was requested and given up");
    assert!(!locks.has_observed());
}

/// Draws numbers; the same ones for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Holds what was told of each lock against the order that the documentation promises.
#[derive(Default)]
struct Orders(BTreeMap<LockKey, Vec<&'static str>>);

impl Orders {
    fn take(&mut self, history: Vec<Observed>) {
        for observed in history {
            if let Observed::Lock { lock, event, .. } = observed {
                self.0.entry(lock).or_default().push(word(&event));
            }
        }
    }

    fn assert_complete(&self, requested: usize) {
        assert_eq!(self.0.len(), requested);
        for told in self.0.values() {
            let told: Vec<_> =
                told.iter().copied().filter(|word| !matches!(*word, "extended" | "not extended")).collect();
            match told[..] {
                ["requested", "not acquired" | "given up", "settled"]
                | ["requested", "acquired", "detached" | "lost", "settled"]
                | ["requested", "acquired", "lost" | "release begun", "released", "settled"] => {}
                _ => panic!("{told:?}"),
            }
        }
    }
}

fn word(event: &LockEvent) -> &'static str {
    match event {
        LockEvent::Requested { .. } => "requested",
        LockEvent::Acquired { .. } => "acquired",
        LockEvent::NotAcquired { .. } => "not acquired",
        LockEvent::GivenUp { .. } => "given up",
        LockEvent::Extended { .. } => "extended",
        LockEvent::NotExtended { .. } => "not extended",
        LockEvent::Lost { .. } => "lost",
        LockEvent::ReleaseBegun { .. } => "release begun",
        LockEvent::Detached { .. } => "detached",
        LockEvent::Released { .. } => "released",
        LockEvent::Settled => "settled",
        _ => "unknown",
    }
}

/// Does something to one of the locks.
fn do_something(world: &mut World, keys: &[LockKey], numbers: &mut Numbers) {
    let key = keys[numbers.below(keys.len())];
    let node = world.locks.config().nodes().iter().nth(numbers.below(3)).unwrap();
    match numbers.below(9) {
        0 | 1 => drop(world.hand_over(key)),
        2 => drop(world.locks.extend(key, TTL, world.now)),
        3 => world.locks.release(key, world.now),
        4 => world.locks.abandon(key, world.now),
        5 if numbers.below(4) == 0 => drop(world.locks.detach(key, world.now)),
        6 => world.locks.handle_disconnected(node, &Unavailable::new(Cause::Disconnected), world.now),
        7 => world.nodes[node.index()] = redlock_core::model::Node::new(),
        _ => world.run(),
    }
}

#[test]
fn every_lock_that_is_requested_comes_to_one_end_and_is_settled() {
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..200 {
        let (mut world, mut numbers, mut orders) = (World::observed(), Numbers(seed), Orders::default());
        let mut keys = Vec::new();
        for step in 0..60 {
            let name = ["one", "two"][numbers.below(2)];
            let keep_alive = (numbers.below(3) == 0).then(|| KeepAlive::up_to(TTL * 2));
            let options = Options::new().wait(ms(2_000));
            let options = keep_alive.map_or(options, |keep_alive| options.keep_alive(keep_alive));
            if step % 3 == 0
                && let Ok(key) = world.begin(name, options)
            {
                keys.push(key);
            }
            do_something(&mut world, &keys, &mut numbers);
            let until = world.now.saturating_add(ms(numbers.below(1_500).try_into().unwrap()));
            world.pass_until(until);
            orders.take(world.history());
            if step == 50 && seed % 3 == 0 {
                world.locks.close(world.now);
            }
        }
        for key in &keys {
            world.locks.abandon(*key, world.now);
        }
        world.pass_until(world.now.saturating_add(TTL * 3));
        assert!(world.locks.is_empty());
        orders.take(world.history());
        orders.assert_complete(keys.len());
        for word in orders.0.values().flatten() {
            *ends.entry(word).or_default() += 1;
        }
    }
    assert_eq!(ends.len(), 11, "all kinds of events were there: {ends:?}");
}
