//! Connecting, off everybody's way.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use redlock_core::{Cause, Instant, NodeId, Unavailable};

use super::io::guarded;
use super::{Shell, State};
use crate::transport::Connection;

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

    fn connect_here(self: &Arc<Self>, node: NodeId) {
        let Some(connect) = self.connects.get(node.index()) else { return };
        let connected = {
            let mut connect = connect.lock().unwrap_or_else(PoisonError::into_inner);
            guarded(|| connect(self.connect_timeout))
        };
        let mut state = self.state();
        match connected {
            Ok(connection) => state.opened.push((node, connection)),
            Err(why) => state.locks.handle_disconnected(node, &why.unsent(), self.platform.now()),
        }
        self.attend(state);
    }
}
