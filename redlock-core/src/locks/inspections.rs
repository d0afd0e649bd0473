//! Questions about locks that nobody of this handle needs to hold.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::Locks;
use super::outbox::Ticket;
use crate::inspection::Inspection;
use crate::request::key_of;
use crate::{Instant, LockStatus, NodeId, Reply, RequestError, Resource, ValueDigest};

/// Names one inspection of a [`Locks`]; no two ever have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InspectionKey(u64);

/// The inspections that were begun and not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Inspections {
    next: u64,
    under_way: BTreeMap<InspectionKey, Inspection>,
    over: BTreeMap<InspectionKey, LockStatus>,
    finished: VecDeque<InspectionKey>,
}

/// # Inspections
impl Locks {
    /// Asks all nodes how the lock of a resource stands. Nothing is acquired, and nothing is changed on any node.
    ///
    /// Every node has until the longest [node timeout](crate::Config::node_timeout) to answer; one that is down counts as
    /// unavailable at once. When [`poll_inspected`](Self::poll_inspected) gives the key, [`take_inspected`](Self::take_inspected)
    /// has the result. Whoever does not want it any more calls [`forget_inspection`](Self::forget_inspection). This works after
    /// [`close`](Self::close), too.
    ///
    /// No token is sent, and none comes back: a node answers with a [digest](ValueDigest) of the value, by which values are
    /// compared with each other and with the tokens of this handle.
    ///
    /// # Errors
    ///
    /// [`RequestError::EmptyName`] or [`RequestError::NameTooLong`] for a name that is no key. Nothing is sent.
    pub fn inspect(&mut self, name: impl Into<Resource>, now: Instant) -> Result<InspectionKey, RequestError> {
        let resource = key_of(&self.config, name.into())?;
        let deadline = now.saturating_add(self.config.node_timeout().longest());
        let mut inspection = Inspection::begin(&self.config, resource, deadline);
        inspection.note_ours(self.digests_of(inspection.resource()));
        let key = InspectionKey(self.inspections.next);
        self.inspections.next = key.0.wrapping_add(1);
        self.inspections.under_way.insert(key, inspection);
        for node in self.config.nodes().iter() {
            self.ask(key, node, now);
        }
        self.deliver(now);
        Ok(key)
    }

    /// Takes the result of an inspection; `None` as long as that is open.
    pub fn take_inspected(&mut self, key: InspectionKey) -> Option<LockStatus> {
        self.inspections.over.remove(&key)
    }

    /// Notes that nobody will ask for the result of an inspection.
    pub fn forget_inspection(&mut self, key: InspectionKey) {
        self.inspections.under_way.remove(&key);
        self.inspections.over.remove(&key);
    }

    /// Returns an inspection that has ended; whoever waits for it should take its result.
    pub fn poll_inspected(&mut self) -> Option<InspectionKey> {
        self.inspections.finished.pop_front()
    }
}

impl Locks {
    /// Takes the answer of a node to an inspection, which may be over.
    pub(super) fn inspected(&mut self, key: InspectionKey, node: NodeId, reply: Reply, now: Instant) {
        let Some(inspection) = self.inspections.under_way.get_mut(&key) else { return };
        if inspection.handle_reply(node, reply) {
            self.ask(key, node, now);
        }
        self.finish_if_over(key);
    }

    /// Ends the inspections whose time is over.
    pub(super) fn expire_inspections(&mut self, now: Instant) {
        let is_due = |(key, inspection): (&InspectionKey, &Inspection)| (inspection.deadline() <= now).then_some(*key);
        let due: Vec<InspectionKey> = self.inspections.under_way.iter().filter_map(is_due).collect();
        for key in due {
            if let Some(inspection) = self.inspections.under_way.get_mut(&key) {
                inspection.expire(now);
            }
            self.finish_if_over(key);
        }
    }

    fn ask(&mut self, key: InspectionKey, node: NodeId, now: Instant) {
        let Self { inspections, nodes, ready, stand_ins, .. } = self;
        let (Some(inspection), Some(state)) = (inspections.under_way.get(&key), nodes.get_mut(node.index())) else {
            return;
        };
        match state.push(Ticket::Inspection(key), inspection.command(node)) {
            Ok(()) => {
                ready.insert(node);
                if state.is_crowded() {
                    self.tidy(node, now);
                }
            }
            Err(why) => stand_ins.push_back((node, Ticket::Inspection(key), Reply::Unavailable(why))),
        }
    }

    fn finish_if_over(&mut self, key: InspectionKey) {
        let Self { inspections, config, .. } = self;
        if inspections.under_way.get(&key).is_none_or(|inspection| !inspection.is_over()) {
            return;
        }
        if let Some(mut inspection) = inspections.under_way.remove(&key) {
            let config = config.clone();
            inspection.note_ours(self.digests_of(inspection.resource()));
            self.inspections.over.insert(key, inspection.status(&config));
            self.inspections.finished.push_back(key);
        }
    }

    /// Returns the digests of the tokens under which this handle holds a resource.
    fn digests_of(&self, resource: &Resource) -> Vec<ValueDigest> {
        let holding = self.entries.iter().filter(|(_, entry)| entry.lock.resources().as_slice().contains(resource));
        holding.filter_map(|(_, entry)| entry.lock.token()).map(|token| ValueDigest::of(token.as_bytes())).collect()
    }
}

impl Inspections {
    /// Returns the moment at which [`Locks::expire_inspections`] has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.under_way.values().map(Inspection::deadline).min()
    }
}
