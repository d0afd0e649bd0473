//! What may happen to a lock, in any order.

use core::ops::Range;
use core::time::Duration;

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use redlock_core::{Hold, Reply, strategy};

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    HandOver,
    Extend(Duration),
    Release,
    /// All nodes say something to the newest command, or nothing.
    Round(Vec<Option<Reply>>),
    /// Some node, be it an unknown one, says something to a command, be it an old one or one that it has answered.
    Reply {
        /// How many commands were sent after it.
        age: usize,
        node: usize,
        reply: Reply,
    },
    /// The timer fires, so much later than it should.
    Timeout {
        late: Duration,
    },
    /// Time passes, and nobody tells the lock.
    Elapse(Duration),
    /// The clock goes back: the lock is told times that lie before earlier ones.
    StepBack(Duration),
}

/// More nodes than any setup has.
const NODES: usize = 7;

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        20 => round().prop_map(Operation::Round),
        10 => (age(), 0..NODES, strategy::reply()).prop_map(|(age, node, reply)| Operation::Reply { age, node, reply }),
        10 => Just(Operation::HandOver),
        10 => ttl().prop_map(Operation::Extend),
        3 => millis(0..500).prop_map(|late| Operation::Timeout { late: late.saturating_sub(Duration::from_millis(250)) }),
        8 => millis(0..50).prop_map(Operation::Elapse),
        1 => millis(1..2_000).prop_map(Operation::StepBack),
        1 => Just(Operation::Release),
    ]
}

/// Mostly the newest command.
fn age() -> impl Strategy<Value = usize> {
    (0..100_usize).prop_map(|draw| draw.saturating_sub(50).pow(2) / 50)
}

/// Nodes tend to agree, or no lock would ever be held.
fn round() -> impl Strategy<Value = Vec<Option<Reply>>> {
    let said = [Reply::Done, Reply::Done, Reply::Missing, Reply::HeldByOther(Hold::UNKNOWN)];
    let agree = (select(said.to_vec()), vec(weighted(0.8), NODES - 2))
        .prop_map(|(reply, speak)| speak.into_iter().map(|speaks| speaks.then(|| reply.clone())).collect());
    let differ = vec(strategy::reply().prop_map(Some), NODES - 2);
    prop_oneof![3 => agree, 1 => differ]
}

/// TTLs shorter and longer than the first one, and some that no lock may have.
fn ttl() -> impl Strategy<Value = Duration> {
    let forbidden = [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(365 * 86_400)];
    prop_oneof![6 => millis(5..1_500), 1 => select(forbidden.to_vec())]
}

fn millis(range: Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}
