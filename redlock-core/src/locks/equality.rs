//! When two machines are the same, for explorations.

use alloc::collections::VecDeque;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use super::contention::Contention;
use super::inspections::Inspections;
use super::node::Node;
use super::timers::Timers;
use super::wait_queue::WaitQueues;
use super::{LockKey, Locks};
use crate::{Config, NodeSet, WaiterId};

/// Two machines are equal whatever the order is in which their places become free.
impl PartialEq for Locks {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts() && self.entries.iter().eq(other.entries.iter())
    }
}

impl Eq for Locks {}

impl Hash for Locks {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
        self.entries.iter().for_each(|entry| entry.hash(state));
    }
}

/// All fields but the entries, what is empty between calls, what is only counted, and the history.
type Parts<'a> = (Settled<'a>, u64, &'a Timers, Waiting<'a>, &'a [Node], [NodeSet; 2], &'a VecDeque<LockKey>);
type Settled<'a> = (&'a Config, bool, &'a Inspections, Duration);
type Waiting<'a> = (&'a WaitQueues, Option<&'a WaiterId>, &'a Contention);

impl Locks {
    fn parts(&self) -> Parts<'_> {
        let Self {
            config,
            entries: _,
            output: _,
            next_serial,
            timers,
            queues,
            waiter,
            contention,
            next_in_line: _,
            nodes,
            ready,
            calling,
            finished,
            inspections,
            stand_ins: _,
            counts: _,
            longest_ttl,
            tally: _,
            refusals: _,
            observing: _,
            is_closed,
            spare_answers: _,
        } = self;
        let (settled, waiting) =
            ((config, *is_closed, inspections, *longest_ttl), (queues, waiter.as_ref(), contention));
        (settled, *next_serial, timers, waiting, nodes, [*ready, *calling], finished)
    }
}
