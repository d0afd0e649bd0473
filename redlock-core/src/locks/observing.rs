//! The history of the locks and nodes, for whoever observes them.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::entry::Entry;
use super::{LockKey, Locks};
use crate::observed::{LockEvent, NodeEvent, Observed, Verb, outcome_of};
use crate::{AcquireError, Cause, Event, Instant, LockMachine, NodeId, NodeSet, Reply, Unavailable};

/// The largest number of events that wait to be polled: more than all locks of a busy handle come to between two polls, and
/// a few megabytes at most.
const MAX_WAITING: usize = 16_384;

/// The events that wait to be polled, and what those to come depend on.
#[derive(Clone, Debug)]
pub(super) struct Observing {
    waiting: VecDeque<Observed>,
    /// The number of events that are missing behind those that wait.
    missed: u64,
    /// The locks that were requested and are not settled, each at the place that its key has.
    stories: Vec<Option<Story>>,
    names: Vec<Arc<str>>,
    /// The nodes that were reported to be connected.
    connected: NodeSet,
    /// The nodes of which it was reported how they are.
    known: NodeSet,
    /// The nodes of which it was reported that they are not to be used.
    unsuitable: NodeSet,
}

/// What was reported of a lock.
#[derive(Clone, Debug)]
struct Story {
    lock: LockKey,
    requested_at: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Acquiring,
    Held {
        since: Instant,
        deadline: Instant,
    },
    /// It was held, and its release began.
    Releasing {
        since: Instant,
    },
    /// Nothing but that it is settled is still to be reported.
    Over,
}

/// When the list has just doubled.
const _: () = assert!(2 * size_of::<Option<Story>>() <= 128, "as the documentation of `observe` says");

/// # The history
impl Locks {
    /// Switches on or off that events are collected for [`poll_observed`](Self::poll_observed). It is off at first, and costs
    /// nothing then.
    ///
    /// While it is on, a lock takes up to 128 bytes more than [`BYTES_PER_LOCK`](Self::BYTES_PER_LOCK).
    ///
    /// Of locks that were requested before, nothing is reported. When it is switched off, what waits to be polled is
    /// forgotten. Up to 16,384 events wait; of those that come when there are so many, only the
    /// [number](Observed::Missed) is kept.
    pub fn observe(&mut self, is_on: bool) {
        match (is_on, &self.observing) {
            (true, None) => {
                let nodes = self.config.nodes();
                let names = nodes.iter().map(|node| self.config.name(node).into()).collect();
                self.observing = Some(Box::new(Observing::new(names)));
            }
            (true, Some(_)) => {}
            (false, _) => self.observing = None,
        }
    }

    /// Returns the next event of the history, the oldest first.
    pub fn poll_observed(&mut self) -> Option<Observed> {
        self.observing.as_mut()?.poll()
    }

    /// Returns whether [`poll_observed`](Self::poll_observed) would give an event.
    #[must_use]
    pub fn has_observed(&self) -> bool {
        self.observing.as_ref().is_some_and(|observing| !observing.waiting.is_empty() || observing.missed > 0)
    }

    pub(super) fn observe_request(&mut self, key: LockKey, now: Instant) {
        let Self { observing: Some(observing), entries, .. } = self else { return };
        if let Some(entry) = entries.get(key.index) {
            observing.requested(key, &entry.lock, now);
        }
    }

    /// Reports what a step has made of a lock, if no event has told it.
    pub(super) fn observe_step(&mut self, key: LockKey, now: Instant) {
        let Self { observing: Some(observing), entries, .. } = self else { return };
        if let Some(entry) = entries.get(key.index) {
            observing.look(key, entry, now);
        }
    }

    /// Reports that a lock is not acquired because the handle is closed.
    pub(super) fn observe_closed(&mut self, key: LockKey, now: Instant) {
        if let Some(observing) = &mut self.observing {
            observing.not_acquired(key, now, |waited| LockEvent::NotAcquired { error: AcquireError::Closed, waited });
        }
    }

    pub(super) fn observe_settled(&mut self, key: LockKey, now: Instant) {
        if let Some(observing) = &mut self.observing {
            observing.settled(key, now);
        }
    }

    /// Reports that a node is connected, and which nodes have no vote since then: it may be the same server as another, which
    /// loses its vote by that.
    pub(super) fn observe_connected(&mut self, node: NodeId, now: Instant) {
        let Self { observing: Some(observing), nodes, .. } = self else { return };
        let Some(state) = nodes.get(node.index()) else { return };
        observing.connected(node, true);
        observing.node(node, now, NodeEvent::Connected { facts: Box::new(state.trust.facts.clone()) });
        self.observe_quarantine(node, now);
        let Self { observing: Some(observing), nodes, config, .. } = self else { return };
        observing.unsuitable.remove(node);
        for (node, state) in config.nodes().iter().zip(nodes.iter()).filter(|(_, state)| state.is_connected()) {
            observing.judged(node, state.trust.unsuitable(), now);
        }
    }

    /// Reports that a node has no vote, if it may have forgotten what it had granted.
    pub(super) fn observe_quarantine(&mut self, node: NodeId, now: Instant) {
        let until = self.quarantined_until(node).filter(|until| now < *until);
        let Self { observing: Some(observing), nodes, .. } = self else { return };
        let is_used = nodes.get(node.index()).is_some_and(|state| state.trust.unsuitable().is_none());
        if until.is_some() && is_used {
            let why = Unavailable::new(Cause::Restarted);
            observing.node(node, now, NodeEvent::WithoutVote { until, why });
        }
    }

    /// Reports that a node is not connected, unless that is known.
    pub(super) fn observe_disconnected(&mut self, node: NodeId, why: &Unavailable, now: Instant) {
        if let Some(observing) = &mut self.observing
            && observing.connected(node, false)
        {
            observing.node(node, now, NodeEvent::Disconnected { why: why.clone() });
        }
    }

    pub(super) fn observe_answer(&mut self, node: NodeId, lock: LockKey, verb: Verb, reply: &Reply, now: Instant) {
        if let Some(observing) = &mut self.observing
            && let Some(outcome) = outcome_of(reply)
        {
            observing.node(node, now, NodeEvent::Answered { lock, verb, outcome });
        }
    }
}

impl Observing {
    fn new(names: Vec<Arc<str>>) -> Self {
        Self {
            waiting: VecDeque::new(),
            missed: 0,
            stories: Vec::new(),
            names,
            connected: NodeSet::EMPTY,
            known: NodeSet::EMPTY,
            unsuitable: NodeSet::EMPTY,
        }
    }

    /// Reports the end of an operation of a lock, or its loss. For an extension that keeps it alive, `least_left` is how much of
    /// the validity must be left.
    pub(super) fn ended(&mut self, key: LockKey, event: &Event, least_left: Option<Duration>, now: Instant) {
        match event {
            Event::AcquireFailed(error) => {
                self.not_acquired(key, now, |waited| LockEvent::NotAcquired { error: error.clone(), waited });
            }
            Event::Extended { deadline, .. } => self.extended(key, *deadline, least_left, now),
            Event::ExtendFailed { error, .. } => {
                let by_keep_alive = least_left.is_some();
                self.lock(key, now, LockEvent::NotExtended { error: error.clone(), by_keep_alive });
            }
            Event::Lost(loss) => {
                self.no_more_held(key, now, |held_for| LockEvent::Lost { loss: loss.clone(), held_for });
            }
            Event::Released(report) => {
                self.no_more_held(key, now, |held_for| LockEvent::ReleaseBegun { held_for });
                if let Some(Stage::Releasing { since }) = self.stage(key) {
                    let took = now.saturating_since(since);
                    self.move_on(key, Stage::Over, now, LockEvent::Released { report: report.clone(), took });
                }
            }
            Event::Acquired { .. } => {}
        }
    }

    fn poll(&mut self) -> Option<Observed> {
        let count = self.missed;
        self.waiting.pop_front().or_else(|| {
            self.missed = 0;
            (count > 0).then_some(Observed::Missed { count })
        })
    }

    fn requested(&mut self, key: LockKey, lock: &LockMachine, now: Instant) {
        if self.stories.len() <= key.index {
            self.stories.resize(key.index.saturating_add(1), None);
        }
        if let Some(place) = self.stories.get_mut(key.index) {
            *place = Some(Story { lock: key, requested_at: now, stage: Stage::Acquiring });
        }
        let request = lock.request();
        let (resources, ttl) = (request.resources.clone(), request.ttl.get());
        self.lock(key, now, LockEvent::Requested { resources, ttl, min_hold: request.options.min_hold.get() });
    }

    /// Reports what is to be seen in a lock only.
    fn look(&mut self, key: LockKey, entry: &Entry, now: Instant) {
        let lock = &entry.lock;
        match self.stage(key) {
            Some(Stage::Acquiring) if lock.is_acquiring() => {}
            Some(Stage::Acquiring) if entry.is_held() => self.acquired(key, lock, now),
            Some(Stage::Acquiring) => self.not_acquired(key, now, |waited| LockEvent::GivenUp { waited }),
            Some(Stage::Held { .. }) if entry.is_held() => {}
            Some(Stage::Held { .. }) if lock.is_releasing() => {
                self.no_more_held(key, now, |held_for| LockEvent::ReleaseBegun { held_for });
            }
            Some(Stage::Held { since, .. }) => {
                let held_for = now.saturating_since(since);
                self.move_on(key, Stage::Over, now, LockEvent::Detached { held_for });
            }
            Some(Stage::Releasing { .. } | Stage::Over) | None => {}
        }
    }

    fn acquired(&mut self, key: LockKey, lock: &LockMachine, now: Instant) {
        let (Some(deadline), Some(story)) = (lock.deadline(), self.story(key)) else { return };
        let (attempts, fences) = (lock.attempts(), lock.fences().cloned());
        let waited = now.saturating_since(story.requested_at);
        let event = LockEvent::Acquired { deadline, attempts, waited, fences };
        self.move_on(key, Stage::Held { since: now, deadline }, now, event);
    }

    fn not_acquired(&mut self, key: LockKey, now: Instant, event: impl FnOnce(Duration) -> LockEvent) {
        if let Some(Story { requested_at, stage: Stage::Acquiring, .. }) = self.story(key) {
            let waited = now.saturating_since(*requested_at);
            self.move_on(key, Stage::Over, now, event(waited));
        }
    }

    fn extended(&mut self, key: LockKey, deadline: Instant, least_left: Option<Duration>, now: Instant) {
        if let Some(Stage::Held { since, deadline: before }) = self.stage(key) {
            let left = before.saturating_since(now);
            let (by_keep_alive, is_late) = (least_left.is_some(), least_left.is_some_and(|least| left < least));
            let event = LockEvent::Extended { deadline, left, by_keep_alive, is_late };
            self.move_on(key, Stage::Held { since, deadline }, now, event);
        }
    }

    /// Reports the end of a hold with which a release begins.
    fn no_more_held(&mut self, key: LockKey, now: Instant, event: impl FnOnce(Duration) -> LockEvent) {
        if let Some(Stage::Held { since, .. }) = self.stage(key) {
            let event = event(now.saturating_since(since));
            self.move_on(key, Stage::Releasing { since: now }, now, event);
        }
    }

    fn settled(&mut self, key: LockKey, now: Instant) {
        self.lock(key, now, LockEvent::Settled);
        if self.story(key).is_some()
            && let Some(place) = self.stories.get_mut(key.index)
        {
            *place = None;
        }
    }

    fn move_on(&mut self, key: LockKey, stage: Stage, now: Instant, event: LockEvent) {
        self.lock(key, now, event);
        if let Some(story) = self.story(key) {
            story.stage = stage;
        }
    }

    /// Reports an event of a lock whose request was reported.
    fn lock(&mut self, lock: LockKey, at: Instant, event: LockEvent) {
        if self.story(lock).is_some() {
            self.push(Observed::Lock { at, lock, event });
        }
    }

    fn node(&mut self, node: NodeId, at: Instant, event: NodeEvent) {
        if let Some(name) = self.names.get(node.index()).cloned() {
            self.push(Observed::Node { at, node, name, event });
        }
    }

    /// Notes how a node is; returns whether that is news.
    fn connected(&mut self, node: NodeId, is_connected: bool) -> bool {
        let is_known = self.known.contains(node) && self.connected.contains(node) == is_connected;
        self.known.insert(node);
        if is_connected {
            self.connected.insert(node);
        } else {
            self.connected.remove(node);
        }
        !is_known
    }

    /// Reports that a node is not to be used, unless that is known.
    fn judged(&mut self, node: NodeId, unsuitable: Option<&Unavailable>, now: Instant) {
        match unsuitable {
            Some(why) if !self.unsuitable.contains(node) => {
                self.unsuitable.insert(node);
                self.node(node, now, NodeEvent::WithoutVote { until: None, why: why.clone() });
            }
            Some(_) => {}
            None => self.unsuitable.remove(node),
        }
    }

    fn push(&mut self, observed: Observed) {
        if self.waiting.len() >= MAX_WAITING {
            self.missed = self.missed.saturating_add(1);
            return;
        }
        if self.missed > 0 {
            self.waiting.push_back(Observed::Missed { count: core::mem::take(&mut self.missed) });
        }
        self.waiting.push_back(observed);
    }

    fn story(&mut self, key: LockKey) -> Option<&mut Story> {
        self.stories.get_mut(key.index)?.as_mut().filter(|story| story.lock == key)
    }

    fn stage(&mut self, key: LockKey) -> Option<Stage> {
        self.story(key).map(|story| story.stage)
    }
}
