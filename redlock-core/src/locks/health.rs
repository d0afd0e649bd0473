//! What a handle knows of its nodes and its locks.

use alloc::vec::Vec;

use super::clock::Clock;
use super::counts::Counts;
use super::trust::{Trust, warning_of};
use super::{Locks, Node};
use crate::health::{Health, Limit, LockFigures, NodeHealth, Warning};
use crate::{AcquireError, Cause, Instant, NodeId, NodeSet, Reply, Unavailable};

/// What has become of locks ever since. No behaviour depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    acquired: u64,
    contended: u64,
    unavailable: u64,
    expired: u64,
    ended: u64,
    lost: u64,
    fenced: u64,
    commit_rounds: u64,
}

impl Tally {
    /// Counts a lock that was handed over; `commit_round` tells whether one that is fenced took a second round.
    pub(super) fn acquired(&mut self, commit_round: Option<bool>) {
        self.acquired = self.acquired.saturating_add(1);
        self.fenced = self.fenced.saturating_add(commit_round.is_some().into());
        self.commit_rounds = self.commit_rounds.saturating_add((commit_round == Some(true)).into());
    }

    pub(super) const fn lost(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }

    pub(super) const fn failed(&mut self, error: &AcquireError) {
        let count = match error {
            AcquireError::Contended(_) => &mut self.contended,
            AcquireError::Unavailable(_) => &mut self.unavailable,
            AcquireError::Expired(_) => &mut self.expired,
            AcquireError::Gone(_) | AcquireError::Closed => &mut self.ended,
        };
        *count = count.saturating_add(1);
    }
}

/// Why each node refused the last lock that it was asked for, if it did. No behaviour depends on it.
#[derive(Clone, Debug)]
pub(super) struct Refusals(Vec<Option<Unavailable>>);

impl Refusals {
    /// Nobody has refused anything.
    pub(super) fn new(nodes: NodeSet) -> Self {
        Self(nodes.iter().map(|_| None).collect())
    }

    /// Notes what a node has said to an acquisition.
    pub(super) fn note(&mut self, node: NodeId, reply: &Reply) {
        let Some(last) = self.0.get_mut(node.index()) else { return };
        match reply {
            // That is said in the place of the node.
            Reply::Unavailable(why) if matches!(why.cause(), Cause::NotSent | Cause::Disconnected) => {}
            Reply::Unavailable(why) => *last = Some(why.clone()),
            Reply::UnknownScript | Reply::NotOurs => {}
            _ => drop(last.take()),
        }
    }

    /// Notes that there is a new connection to a node: who answers over it has refused nothing.
    pub(super) fn forget(&mut self, node: NodeId) {
        if let Some(last) = self.0.get_mut(node.index()) {
            *last = None;
        }
    }

    fn of(&self, node: NodeId) -> Option<&Unavailable> {
        self.0.get(node.index())?.as_ref()
    }
}

impl Locks {
    /// Returns how the nodes and the locks of this handle are, as far as it knows; nothing is sent. It looks at each node and
    /// at no lock, so it is cheap enough to be asked for every second.
    #[must_use]
    pub fn health(&self, now: Instant) -> Health {
        let nodes = self.config.nodes().iter().filter_map(|node| self.node_health(node, now)).collect();
        Health { nodes, quorum: self.config.quorum(), locks: self.figures() }
    }

    fn node_health(&self, node: NodeId, now: Instant) -> Option<NodeHealth> {
        let state = self.nodes.get(node.index())?;
        let left = |until: Instant| Some(until.saturating_since(now)).filter(|left| !left.is_zero());
        Some(NodeHealth {
            name: self.config.name(node).into(),
            connection: state.connection_state(now),
            quarantine: self.quarantined_until(node).and_then(left),
            unsuitable: state.trust.unsuitable().cloned(),
            round_trip: state.round_trip(),
            facts: state.trust.facts.clone(),
            warnings: self.warnings(node, state, now),
            limits: limits(state),
        })
    }

    fn warnings(&self, node: NodeId, state: &Node, now: Instant) -> Vec<Warning> {
        let Trust { facts, same_as, clock, .. } = &state.trust;
        let same = same_as.map(|node| Warning::SameServer { node: self.config.name(node).into() });
        let flaws = self.config.trust().flaws(facts).map(|(flaw, _)| warning_of(flaw, facts));
        let differs = clock.differs(self.other_clocks(node)).map(|millis| Warning::ClockDiffers { millis });
        let was_set = clock.was_set(now).map(|(millis, ago)| Warning::ClockSet { millis, ago });
        let unchecked = (state.is_connected() && facts.run_id().is_none()).then_some(Warning::Unchecked);
        let hangs = state.hangs_for(now).map(|silent_for| Warning::Hangs { silent_for });
        let refuses = self.refusals.of(node).map(|why| Warning::Refuses { why: why.clone() });
        let of_clock = differs.into_iter().chain(was_set);
        same.into_iter().chain(flaws).chain(of_clock).chain(unchecked).chain(hangs).chain(refuses).collect()
    }

    fn other_clocks(&self, node: NodeId) -> impl Iterator<Item = &Clock> + Clone {
        let others = self.nodes.iter().enumerate().filter(move |(index, _)| *index != node.index());
        others.map(|(_, state)| &state.trust.clock)
    }

    const fn figures(&self) -> LockFigures {
        let Counts { held, waiting, releasing, unsettled } = self.counts;
        let Tally { acquired, contended, unavailable, expired, ended, lost, fenced, commit_rounds } = self.tally;
        LockFigures {
            held,
            waiting,
            releasing,
            unsettled,
            acquired,
            contended,
            unavailable,
            expired,
            ended,
            lost,
            fenced,
            commit_rounds,
        }
    }
}

fn limits(state: &Node) -> Vec<Limit> {
    let no_queue = state.has_no_queue().then(|| Limit::NoQueue { why: state.why_no_queue().cloned() });
    let facts = &state.trust.facts;
    let is_known = state.is_connected() && facts.version().is_some();
    let by_script = (is_known && !facts.releases_by_command()).then_some(Limit::ReleaseByScript);
    no_queue.into_iter().chain(by_script).collect()
}
