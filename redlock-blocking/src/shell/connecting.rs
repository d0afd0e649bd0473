//! Connecting, off everybody's way.

use std::sync::{Arc, MutexGuard, TryLockError};
use std::time::Duration;

use redlock_core::{Cause, Heard, Instant, NodeId, Unavailable, WaiterId};

use super::stream::guarded;
use super::{Shell, State};
use crate::transport::Connection;

/// The wait between two looks whether another connection to the node is still being opened.
const PAUSE: Duration = Duration::from_millis(2);

/// Opens a connection to one node within a time.
pub(crate) type Connect = Box<dyn FnMut(Duration) -> Result<Box<dyn Connection>, Unavailable> + Send>;

impl Shell {
    /// Opens a connection on a thread of its own: a node that lets a try to connect wait then holds up neither the callers
    /// nor the other nodes.
    pub(super) fn connect(self: &Arc<Self>, node: NodeId, state: &mut State, now: Instant) {
        let shell = self.clone();
        if let Err(error) = self.platform.spawn("redlock-connect", Box::new(move || shell.connect_here(node))) {
            let why = Unavailable::with_detail(Cause::NotSent, &format!("no thread to connect on: {error}"));
            state.locks.handle_disconnected(node, &why, now);
        }
    }

    /// Opens a second connection on a thread of its own, unless that is being done.
    pub(super) fn connect_apart(self: &Arc<Self>, node: NodeId, waiter: WaiterId, state: &mut State, now: Instant) {
        if state.connecting_apart.contains(node) {
            return;
        }
        let shell = self.clone();
        let work = move || shell.connect_apart_here(node, waiter);
        match self.platform.spawn("redlock-connect", Box::new(work)) {
            Ok(_) => state.connecting_apart.insert(node),
            Err(error) => {
                let why = Unavailable::with_detail(Cause::NotSent, &format!("no thread to connect on: {error}"));
                state.locks.handle_heard(node, Heard::Deaf(why), now);
            }
        }
    }

    fn connect_here(self: &Arc<Self>, node: NodeId) {
        let Some(connected) = self.try_to_connect(node) else { return };
        let mut state = self.state();
        match connected {
            Ok(connection) => state.opened.push((node, connection)),
            Err(why) => state.locks.handle_disconnected(node, &why.unsent(), self.platform.now()),
        }
        self.attend(state);
    }

    fn connect_apart_here(self: &Arc<Self>, node: NodeId, waiter: WaiterId) {
        let Some(connected) = self.try_to_connect(node) else { return };
        let mut state = self.state();
        state.connecting_apart.remove(node);
        match connected {
            Ok(connection) => state.opened_apart.push((node, connection, waiter)),
            Err(why) => state.locks.handle_heard(node, Heard::Deaf(why), self.platform.now()),
        }
        self.attend(state);
    }

    fn try_to_connect(&self, node: NodeId) -> Option<Result<Box<dyn Connection>, Unavailable>> {
        let mut connect = self.await_connect(node)?;
        Some(guarded(|| connect(self.connect_timeout)))
    }

    /// Waits until no other connection to the node is being opened: the first one may have broken while a second one was.
    fn await_connect(&self, node: NodeId) -> Option<MutexGuard<'_, Connect>> {
        let connect = self.connects.get(node.index())?;
        loop {
            match connect.try_lock() {
                Ok(connect) => return Some(connect),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => self.platform.park(Some(self.platform.now().saturating_add(PAUSE))),
            }
        }
    }
}
