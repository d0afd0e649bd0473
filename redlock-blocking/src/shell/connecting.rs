//! Connecting, off everybody's way.

use std::sync::{Arc, PoisonError};
use std::thread::Thread;

use redlock_core::{Cause, Facts, Heard, Hearing, Instant, NodeId, NodeSet, Unavailable, WaiterId};

use super::stream::guarded;
use super::threaded::Threaded;
use super::{Shell, State};
#[cfg(feature = "memory")]
use crate::memory::MemoryConnection;
use crate::transport::{Connection, Transport};

/// A connection that was made, for the leader to take; with the name under which to subscribe over it, if it is a second one.
pub(super) type Opened = (NodeId, Made, Option<WaiterId>);

/// A connection with what it says of itself. It is asked here, where nobody waits for it, and where it may panic.
pub(super) struct Made {
    pub(super) connection: Box<dyn Connection>,
    pub(super) facts: Facts,
    pub(super) hearing: Hearing,
}

impl From<Box<dyn Connection>> for Made {
    fn from(connection: Box<dyn Connection>) -> Self {
        Self { facts: connection.facts(), hearing: connection.hearing(), connection }
    }
}

impl Shell {
    /// Has a connection opened, or a second one, over which to subscribe under a name, unless that is being done.
    ///
    /// Each node has a thread of its own for it, while one is wanted: a node that lets a try to connect wait then holds up
    /// neither the callers nor the other nodes.
    pub(super) fn connect(self: &Arc<Self>, node: NodeId, apart: Option<WaiterId>, state: &mut State, now: Instant) {
        let wanted = &mut state.wanted[node.index()];
        if apart.is_some() && wanted.iter().any(Option::is_some) {
            return;
        }
        wanted.push_back(apart);
        if wanted.len() > 1 {
            return;
        }
        let shell = self.clone();
        if let Err(why) = self.spawn("redlock-connect", move || shell.connect_all(node)) {
            state.has_connected(node, Err(why), now);
        }
    }

    /// Starts a thread for a node.
    pub(super) fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<Thread, Unavailable> {
        let spawned = self.platform.spawn(name, Box::new(work));
        spawned.map_err(|error| Unavailable::with_detail(Cause::NotSent, &format!("no thread for it: {error}")))
    }

    /// Opens the connections to a node that are wanted, one after the other.
    fn connect_all(self: &Arc<Self>, node: NodeId) {
        let mut goes_on = true;
        while goes_on {
            let connected = guarded(|| self.open(node).map(Made::from));
            goes_on = self.step(|state, now| {
                state.has_connected(node, connected, now);
                !state.wanted[node.index()].is_empty()
            });
        }
    }

    fn open(&self, node: NodeId) -> Result<Box<dyn Connection>, Unavailable> {
        let mut way = self.ways[node.index()].lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(feature = "memory")]
        if let Some(node) = &way.memory {
            return Ok(Box::new(MemoryConnection::open(node, Some(self.interrupt.clone()))?));
        }
        Threaded::unless_it_has_a_source(way.connect(self.connect_timeout)?, node, self)
    }
}

impl State {
    /// Notes that no node is used any more: the connections go with the shell.
    pub(super) fn let_nodes_go(&mut self, now: Instant) {
        let why = Unavailable::with_detail(Cause::Disconnected, "the handle was dropped");
        for node in self.locks.config().nodes().iter() {
            self.locks.give_up(node, &why, now);
        }
        self.opened.clear();
        self.ready = NodeSet::EMPTY;
    }

    /// Notes the end of the oldest try to connect.
    fn has_connected(&mut self, node: NodeId, connected: Result<Made, Unavailable>, now: Instant) {
        let Some(apart) = self.wanted[node.index()].pop_front() else { return };
        if self.is_over() {
            return;
        }
        match (connected, apart) {
            (Ok(made), apart) => self.opened.push((node, made, apart)),
            (Err(why), None) => self.locks.handle_disconnected(node, &why.unsent(), now),
            (Err(why), Some(_)) => self.locks.handle_heard(node, Heard::Deaf(why), now),
        }
    }
}
