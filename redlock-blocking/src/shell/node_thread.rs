//! A thread for a connection that cannot be waited for together with others.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use redlock_core::{Cause, Instant, NodeId, Unavailable};

use super::leading::IDLE;
use super::stream::Stream;
use super::{Shell, State};
use crate::transport::Connection;

/// For so long a reply is waited for before commands that came meanwhile are sent; it doubles up to [`MAX_PATIENCE`].
const MIN_PATIENCE: Duration = Duration::from_millis(1);
/// For so long a node that does not answer is waited for at once.
const MAX_PATIENCE: Duration = Duration::from_millis(10);

impl Shell {
    /// Lets a thread of its own carry what is to be sent over the connection.
    pub(super) fn give_thread(
        self: &Arc<Self>,
        node: NodeId,
        connection: Box<dyn Connection>,
        state: &mut State,
        now: Instant,
    ) {
        let (shell, stream) = (self.clone(), Stream::new(node, connection));
        let driver = move || NodeThread { shell, stream, patience: MIN_PATIENCE }.run();
        match self.platform.spawn("redlock-node", Box::new(driver)) {
            Ok(thread) => state.node_threads[node.index()] = Some(thread),
            Err(error) => {
                let why = Unavailable::with_detail(Cause::NotSent, &format!("no thread for the connection: {error}"));
                state.locks.handle_disconnected(node, &why, now);
            }
        }
    }
}

struct NodeThread {
    shell: Arc<Shell>,
    stream: Stream,
    patience: Duration,
}

impl NodeThread {
    /// Sends and receives until the connection breaks or nobody needs it any more: everything is over, or it was silent for
    /// too long and was replaced.
    fn run(mut self) {
        while self.take_commands() {
            if self.stream.batch.is_empty() && self.stream.owed.is_empty() {
                self.park();
            } else {
                self.exchange();
            }
            if let Some(why) = self.stream.broken.take() {
                return self.end(&why);
            }
        }
    }

    /// Takes what is to be sent; returns whether the connection is still needed.
    fn take_commands(&mut self) -> bool {
        let mut state = self.shell.state();
        if state.is_over() || !state.has_node_thread(self.stream.node) {
            return false;
        }
        if !self.stream.is_full() {
            state.locks.poll_batch(self.stream.node, &mut self.stream.batch, self.shell.platform.now());
        }
        self.shell.attend(state);
        true
    }

    fn park(&mut self) {
        let parked_at = self.shell.platform.now();
        self.shell.platform.park(None);
        if self.shell.platform.now().saturating_since(parked_at) > IDLE {
            self.stream.check();
        }
    }

    /// Sends what there is, and hands out one reply if it comes in time.
    fn exchange(&mut self) {
        self.stream.send();
        let Some(reply) = self.stream.receive(self.patience) else {
            self.patience = self.patience.saturating_mul(2).min(MAX_PATIENCE);
            return;
        };
        self.patience = MIN_PATIENCE;
        self.shell.step(|state, now| {
            if state.has_node_thread(self.stream.node) {
                state.locks.handle_reply(self.stream.node, reply, now);
            }
        });
    }

    fn end(self, why: &Unavailable) {
        let Self { shell, stream: Stream { node, connection, .. }, .. } = self;
        // It is closed before the next one is opened.
        drop(connection);
        shell.step(|state, now| {
            if state.has_node_thread(node) {
                state.retire_node_thread(node);
                state.locks.handle_disconnected(node, why, now);
            }
        });
    }
}

impl State {
    /// Returns whether the caller is the thread of the node's connection, and not of one that was replaced.
    fn has_node_thread(&self, node: NodeId) -> bool {
        self.node_threads[node.index()].as_ref().is_some_and(|thread| thread.id() == thread::current().id())
    }

    /// Lets the thread of the node's connection end, if there is one.
    pub(super) fn retire_node_thread(&mut self, node: NodeId) {
        if let Some(thread) = self.node_threads[node.index()].take() {
            self.waiters.wake(&thread);
        }
    }
}
