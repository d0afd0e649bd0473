//! Many locks together behave exactly as each of them alone, whatever happens to nodes and connections.

use core::time::Duration;
use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use redlock_core::{
    Cause, Config, DEFAULT_DRIFT_FACTOR, ExtendError, Facts, Instant, Lock, LockKey, Locks, NodeId, NodeTimeout, Reply,
    Request, Resources, RestartGuard, Unavailable, strategy,
};

use crate::naive::Naive;

#[derive(Clone, Debug)]
enum Step {
    Acquire(Request, [u8; 32]),
    /// The owner of a lock, chosen among those there are, does something.
    HandOver(usize),
    Extend(usize, Duration),
    Release(usize),
    Abandon(usize),
    Look(usize),
    /// The driver opens the connection that is wanted, or fails to.
    Connect(NodeId, bool),
    Disconnect(NodeId),
    Send(NodeId),
    Reply(NodeId, Reply),
    Silence(NodeId, usize),
    Wake,
    Elapse(Duration),
    Close,
}

fn step(config: &Config) -> impl Strategy<Value = Step> + use<> {
    let node = || strategy::node(config);
    let lock = || any::<usize>();
    prop_oneof![
        4 => (strategy::request(config), strategy::seed()).prop_map(|(request, seed)| Step::Acquire(request, seed)),
        6 => (few_names(config), strategy::seed()).prop_map(|(request, seed)| Step::Acquire(request, seed)),
        4 => lock().prop_map(Step::HandOver),
        2 => (lock(), strategy::ttl(config)).prop_map(|(lock, ttl)| Step::Extend(lock, ttl)),
        2 => lock().prop_map(Step::Release),
        2 => lock().prop_map(Step::Abandon),
        1 => lock().prop_map(Step::Look),
        6 => (node(), prop::bool::weighted(0.8)).prop_map(|(node, works)| Step::Connect(node, works)),
        1 => node().prop_map(Step::Disconnect),
        9 => node().prop_map(Step::Send),
        18 => (node(), strategy::reply()).prop_map(|(node, reply)| Step::Reply(node, reply)),
        1 => (node(), 0..3_usize).prop_map(|(node, count)| Step::Silence(node, count)),
        2 => Just(Step::Wake),
        3 => (0..200_u64).prop_map(|millis| Step::Elapse(Duration::from_millis(millis))),
        1 => prop_oneof![9 => Just(Step::Wake), 1 => Just(Step::Close)],
    ]
}

/// Requests that get into each other's way.
fn few_names(config: &Config) -> impl Strategy<Value = Request> + use<> {
    let config = config.clone();
    let names = prop::sample::subsequence(vec!["a", "b", "c"], 1..=2);
    (names, strategy::ttl(&config), strategy::options())
        .prop_filter_map("within all bounds", move |(names, ttl, options)| {
            Request::new(&config, Resources::all(names), ttl, options).ok()
        })
}

struct Pair {
    locks: Locks,
    naive: Naive,
    now: Instant,
}

impl Pair {
    fn new(config: &Config) -> Self {
        let naive = Naive::new(config.nodes().iter().count());
        Self { locks: Locks::new(config.clone()), naive, now: Instant::EPOCH }
    }

    /// The naive one learns which nodes answer from the other: when a node hangs is not what is compared.
    fn naive(&mut self) -> &mut Naive {
        let nodes = self.locks.config().nodes();
        self.naive.answering = nodes.iter().filter(|node| self.locks.may_answer(*node, self.now)).collect();
        &mut self.naive
    }

    fn key(&self, choice: usize) -> Option<LockKey> {
        let keys = self.naive.keys();
        choice.checked_rem(keys.len()).map(|place| keys[place])
    }

    fn take(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Acquire(request, seed) => {
                if let Ok(key) = self.locks.acquire(request.clone(), seed, now) {
                    let lock = Lock::in_line(self.locks.config(), request, seed, now);
                    self.naive().insert(key, lock, now);
                }
            }
            Step::HandOver(choice) => self.with_key(choice, Self::hand_over),
            Step::Extend(choice, ttl) => self.with_key(choice, |pair, key| {
                let begun = pair.locks.extend(key, ttl, now);
                let alone = pair.naive().update(key, now, |lock| lock.extend(ttl, now));
                assert_eq!(begun, alone.unwrap_or(Err(ExtendError::NotHeld)));
            }),
            Step::Release(choice) => self.with_key(choice, |pair, key| {
                pair.locks.release(key, now);
                pair.naive().update(key, now, |lock| lock.release(now));
            }),
            Step::Abandon(choice) => self.with_key(choice, |pair, key| {
                pair.locks.abandon(key, now);
                pair.naive().abandon(key, now);
            }),
            Step::Look(choice) => self.with_key(choice, |pair, key| {
                let _ = pair.locks.check(key, now);
                pair.naive().update(key, now, |lock| lock.handle_timeout(now));
            }),
            Step::Connect(node, works) => self.connect(node, works),
            Step::Disconnect(node) if self.naive.nodes[node.index()].is_connected => {
                self.disconnect(node, &Unavailable::new(Cause::Disconnected));
            }
            Step::Disconnect(_) => {}
            Step::Send(node) => {
                let mut batch = Vec::new();
                self.locks.poll_batch(node, &mut batch, now);
                self.naive().sent(node, &batch, now);
            }
            Step::Reply(node, reply) => {
                self.locks.handle_reply(node, reply.clone(), now);
                self.naive().reply(node, reply, now);
            }
            Step::Silence(node, count) => {
                let why = Unavailable::new(Cause::Disconnected);
                self.locks.handle_unanswered(node, count, &why, now);
                self.naive().unanswered(node, count, &why, now);
            }
            Step::Wake => self.wake(),
            Step::Elapse(time) => self.now = now.saturating_add(time),
            Step::Close => {
                self.locks.close(now);
                self.naive.is_closed = true;
                let acquiring = self.naive.locks.iter().filter(|(_, lock)| lock.is_acquiring());
                for key in acquiring.map(|(key, _)| *key).collect::<Vec<_>>() {
                    self.naive().update(key, now, |lock| lock.release(now));
                }
            }
        }
        self.check();
    }

    fn with_key(&mut self, choice: usize, act: impl FnOnce(&mut Self, LockKey)) {
        if let Some(key) = self.key(choice) {
            act(self, key);
        }
    }

    /// The result was told before, or it changes the lock as it does with one alone.
    fn hand_over(&mut self, key: LockKey) {
        let now = self.now;
        if let Some(Ok(deadline)) = self.locks.hand_over(key, now) {
            assert_eq!(self.naive().update(key, now, |lock| lock.hand_over(now)), Some(true));
            assert_eq!(self.naive.locks[&key].deadline(), Some(deadline));
        } else if self.locks.lock(key) != self.naive.locks.get(&key).map(|lock| &**lock) {
            assert_eq!(self.naive().update(key, now, |lock| lock.hand_over(now)), Some(false));
        }
    }

    fn connect(&mut self, node: NodeId, works: bool) {
        let now = self.now;
        if !self.locks.poll_connect(node) {
            return;
        }
        if works {
            self.locks.handle_connected(node, Facts::default(), false, now);
            self.naive().connected(node);
        } else {
            self.disconnect(node, &Unavailable::with_detail(Cause::NotSent, "connection refused"));
        }
    }

    /// The naive one learns from the other whether there is a pause: when connections broke is not what is compared.
    fn disconnect(&mut self, node: NodeId, why: &Unavailable) {
        let now = self.now;
        self.locks.handle_disconnected(node, why, now);
        let is_at_once = self.locks.refusal(node).is_none();
        self.naive().disconnected(node, why, is_at_once, now);
    }

    /// Locks whose time has come are looked at, and perhaps others, which changes nothing but their clock.
    fn wake(&mut self) {
        let now = self.now;
        self.locks.handle_timeout(now);
        // The earliest first: what it has to say may leave another nothing to do.
        while let Some((_, key)) = self.naive.next_due(now) {
            self.naive().update(key, now, |lock| lock.handle_timeout(now));
        }
        for key in self.naive.keys() {
            if self.naive.locks.get(&key).is_some_and(|lock| self.locks.lock(key) != Some(&**lock)) {
                self.naive().update(key, now, |lock| lock.handle_timeout(now));
            }
        }
        let next = self.naive.locks.values().filter_map(|lock| lock.poll_timeout()).min();
        assert!(next.is_none_or(|next| next > now), "nothing is due any more");
    }

    fn check(&mut self) {
        let finished: BTreeSet<LockKey> = core::iter::from_fn(|| self.locks.poll_finished()).collect();
        let expected = std::mem::take(&mut self.naive.finished);
        assert!(expected.is_subset(&finished), "whoever waits for a result is told: {expected:?} of {finished:?}");
        assert_eq!(self.locks.keys().collect::<BTreeSet<_>>(), self.naive.locks.keys().copied().collect());
        for (key, lock) in &self.naive.locks {
            assert_eq!(self.locks.lock(*key), Some(&**lock));
        }
        let next = self.naive.locks.values().filter_map(|lock| lock.poll_timeout()).min();
        assert!(
            next.is_none_or(|next| self.locks.poll_timeout().is_some_and(|at| at <= next)),
            "nobody sleeps too long"
        );
        let locks = || self.naive.locks.values();
        assert_eq!(self.locks.is_quiet(), locks().all(|lock| lock.is_quiet()));
        let count = |matches: fn(&Lock) -> bool| locks().filter(|lock| matches(lock)).count();
        assert_eq!(self.locks.close_report().held, count(|lock| lock.deadline().is_some()));
        let figures = self.locks.health(self.now).locks;
        assert_eq!(figures.held, count(|lock| lock.deadline().is_some() && lock.loss().is_none()));
        assert_eq!(figures.waiting, count(|lock| lock.is_acquiring()));
        assert_eq!(figures.releasing, count(|lock| !lock.is_quiet()));
        assert_eq!(figures.unsettled, count(|lock| lock.deadline().is_none() && !lock.is_settled()));
        assert_eq!(self.locks.unsettled(), figures.unsettled);
    }
}

/// Generates a config with which no node loses its vote: a lock alone knows nothing of what its node was before.
fn config() -> impl Strategy<Value = Config> {
    let nodes = prop_oneof![4 => Just(3), 2 => Just(5), 2 => 1..=7_usize];
    let drift_factor = prop_oneof![Just(DEFAULT_DRIFT_FACTOR), 0.0..0.1];
    let fixed = (1..=500_u64).prop_map(|millis| NodeTimeout::fixed(Duration::from_millis(millis)));
    let timeout = prop_oneof![Just(NodeTimeout::DEFAULT), fixed];
    (nodes, drift_factor, timeout).prop_filter_map("within all bounds", |(nodes, drift_factor, timeout)| {
        let builder = Config::builder((0..nodes).map(|node| format!("node-{node}"))).restart_guard(RestartGuard::OFF);
        builder.drift_factor(drift_factor).node_timeout(timeout).build().ok()
    })
}

fn config_and_steps() -> impl Strategy<Value = (Config, Vec<Step>)> {
    config().prop_flat_map(|config| {
        let steps = vec(step(&config), 0..300);
        (Just(config), steps)
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(400),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn many_locks_behave_as_each_of_them_alone((config, steps) in config_and_steps()) {
        let mut pair = Pair::new(&config);
        for step in steps {
            pair.take(step);
        }
    }
}
