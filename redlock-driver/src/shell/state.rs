use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use redlock_core::{Command, Config, Instant, LockKey, Locks, NodeId, NodeSet};
use smallvec::SmallVec;

use super::Over;
use super::waiters::Waiters;
use super::wakes::{Wakes, register};
use crate::carrier::{SendAtOnce, Urgency};

/// What the shell's mutex guards.
pub(super) struct State {
    pub(super) locks: Locks,
    pub(super) waiters: Waiters,
    /// The node drivers that have nothing to do, one a node.
    pub(super) node_drivers: Vec<Option<Waker>>,
    /// The connections over which everybody may send, one a node.
    pub(super) carriers: Vec<Option<Arc<dyn SendAtOnce>>>,
    /// The nodes for which callers that are at work may soon have more commands.
    pub(super) gathering: NodeSet,
    /// What waits for the earliest timer, and when that is.
    pub(super) timer: Option<Waker>,
    pub(super) armed: Option<Instant>,
    pub(super) closing: Vec<Waker>,
    /// Those who wait for inspections; each looks for its own when one has ended.
    pub(super) inspecting: Vec<Waker>,
    /// No handle and no guard is left.
    pub(super) abandoned: bool,
}

/// The connections over which something is to be sent at once.
pub(super) type Carriers = SmallVec<[(NodeId, Arc<dyn SendAtOnce>); 5]>;

impl State {
    pub(super) fn new(config: &Config, is_observed: bool) -> Self {
        let mut locks = Locks::new(config.clone());
        locks.observe(is_observed);
        Self {
            locks,
            waiters: Waiters::default(),
            node_drivers: config.nodes().iter().map(|_| None).collect(),
            carriers: config.nodes().iter().map(|_| None).collect(),
            gathering: NodeSet::EMPTY,
            timer: None,
            armed: None,
            closing: Vec::new(),
            inspecting: Vec::new(),
            abandoned: false,
        }
    }

    /// Remembers to wake all whom the last step concerns. What goes out over the connections that are returned need not
    /// wait for the drivers of their nodes.
    pub(super) fn collect(&mut self, urgency: Urgency, wakes: &mut Wakes) -> Carriers {
        let mut carriers = Carriers::new();
        while let Some(node) = self.locks.poll_ready() {
            if self.locks.has_subscription(node) {
                self.wake_driver(node, wakes);
            }
            match self.carriers.get(node.index()) {
                Some(Some(carrier)) if self.locks.has_batch(node) && carrier.is_for(urgency) => {
                    carriers.push((node, carrier.clone()));
                }
                _ => {
                    self.gathering.insert(node);
                    self.wake_driver(node, wakes);
                }
            }
        }
        self.wake_finished(wakes);
        while self.locks.poll_inspected().is_some() {
            wakes.take_all_from(&mut self.inspecting);
        }
        if !self.closing.is_empty() && self.locks.is_quiet() {
            wakes.take_all_from(&mut self.closing);
        }
        // Otherwise it is looked at when that was sent.
        if carriers.is_empty() {
            self.wake_for_timeout(wakes);
        }
        carriers
    }

    /// Remembers to wake what waits for the earliest timer if that has changed, and all if everything is over.
    fn wake_for_timeout(&mut self, wakes: &mut Wakes) {
        let is_over = self.is_over();
        if is_over || self.has_earlier_timer() {
            wakes.take_from(&mut self.timer);
        }
        if is_over {
            self.node_drivers.iter_mut().for_each(|driver| wakes.take_from(driver));
        }
    }

    pub(super) fn wake_finished(&mut self, wakes: &mut Wakes) {
        while let Some(key) = self.locks.poll_finished() {
            self.waiters.take(key, wakes);
            self.gathering = NodeSet::first(self.carriers.len());
        }
    }

    pub(super) fn wake_driver(&mut self, node: NodeId, wakes: &mut Wakes) {
        if let Some(driver) = self.node_drivers.get_mut(node.index()) {
            wakes.take_from(driver);
        }
    }

    /// Returns whether callers that are at work may soon have had more commands for the node. Their time is over then.
    pub(super) fn ends_gathering(&mut self, node: NodeId) -> bool {
        let gathered = self.gathering.contains(node);
        self.gathering.remove(node);
        gathered
    }

    pub(super) fn set_carrier(&mut self, node: NodeId, carrier: Option<Arc<dyn SendAtOnce>>) {
        if let Some(place) = self.carriers.get_mut(node.index()) {
            *place = carrier;
        }
    }

    /// Takes the commands that wait for a node, for a connection over which everybody may send; `None` if that is not the one
    /// that there is: another one may have come between two steps of the caller, and the replies over it are to other commands.
    pub(super) fn take_batch_over(
        &mut self,
        node: NodeId,
        carrier: &Arc<dyn SendAtOnce>,
        now: Instant,
    ) -> Option<Vec<Command>> {
        let current = self.carriers.get(node.index())?.as_ref()?;
        if !Arc::ptr_eq(current, carrier) {
            return None;
        }
        let mut batch = Vec::new();
        self.locks.poll_batch(node, &mut batch, now);
        Some(batch)
    }

    pub(super) fn has_earlier_timer(&self) -> bool {
        self.locks.poll_timeout().is_some_and(|next| self.armed.is_none_or(|armed| next < armed))
    }

    pub(super) fn ready_or_wait<T>(
        &mut self,
        key: LockKey,
        context: &Context<'_>,
        result: Option<T>,
        wakes: &mut Wakes,
    ) -> Poll<T> {
        if result.is_none() {
            self.waiters.wait(key, context, wakes);
        }
        result.map_or(Poll::Pending, Poll::Ready)
    }

    /// Makes the node's driver wait, unless everything is over.
    pub(super) fn check_over(&mut self, node: NodeId, context: &Context<'_>) -> Result<(), Over> {
        if self.is_over() {
            return Err(Over);
        }
        self.register_driver(node, context);
        Ok(())
    }

    pub(super) fn register_driver(&mut self, node: NodeId, context: &Context<'_>) {
        if let Some(driver) = self.node_drivers.get_mut(node.index()) {
            register(driver, context);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.abandoned && self.locks.is_empty()
    }
}
