//! What happened in many worlds, in numbers.

use std::collections::BTreeMap;
use std::fmt;

/// What can happen, so that its absence is noticed.
const KINDS: [&str; 22] = [
    "aborted",
    "acquired",
    "acquired in a crowd",
    "call-up",
    "call-up lost",
    "call-up told twice",
    "closed",
    "contended",
    "dropped",
    "dropped by another thread",
    "extended",
    "fault: cut",
    "fault: down",
    "fault: hang",
    "fault: hung connect",
    "fault: panic",
    "held for the longest time",
    "kept alive",
    "lost",
    "released",
    "subscription",
    "unavailable",
];

#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) seeds: u64,
    pub(crate) turns: u64,
    counts: BTreeMap<&'static str, u64>,
}

impl Figures {
    pub(crate) fn count(&mut self, kind: &'static str) {
        self.count_many(kind, 1);
    }

    pub(crate) fn count_many(&mut self, kind: &'static str, many: u64) {
        if many > 0 {
            *self.counts.entry(kind).or_default() += many;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.turns += other.turns;
        other.counts.iter().for_each(|(kind, count)| *self.counts.entry(kind).or_default() += count);
    }

    /// What has never happened, so that nothing was learned about it.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        KINDS.into_iter().filter(|kind| !self.counts.contains_key(kind)).collect()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} seeds, {} turns of threads", self.seeds, self.turns)?;
        self.counts.iter().try_for_each(|(kind, count)| write!(f, ", {kind} {count}"))
    }
}
