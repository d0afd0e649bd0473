//! A thread for a connection that cannot be waited for together with others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use redlock_core::{Cause, Command, Instant, NodeId, Unavailable};

use super::io::{MAX_OWED, guarded};
use super::leading::IDLE;
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
        let shell = self.clone();
        let driver = move || NodeThread { shell, node, connection, batch: Vec::new(), owed: VecDeque::new() }.run();
        match (self.platform.spawn("redlock-node", Box::new(driver)), state.node_threads.get_mut(node.index())) {
            (Ok(thread), Some(place)) => *place = Some(thread),
            (Err(error), _) => {
                let why = Unavailable::with_detail(Cause::NotSent, &format!("no thread for the connection: {error}"));
                state.locks.handle_disconnected(node, &why, now);
            }
            _ => {}
        }
    }
}

struct NodeThread {
    shell: Arc<Shell>,
    node: NodeId,
    connection: Box<dyn Connection>,
    /// What is to be sent.
    batch: Vec<Command>,
    /// What was sent and not answered, the oldest first.
    owed: VecDeque<Command>,
}

/// Nobody needs the connection any more: everything is over, or it was silent for too long and was replaced.
struct Over;

impl NodeThread {
    fn run(mut self) {
        let Ok(why) = self.carry() else { return };
        // It is closed before the next one is opened.
        let Self { shell, node, connection, .. } = self;
        drop(connection);
        let mut state = shell.state();
        if state.has_node_thread(node) {
            state.retire_node_thread(node);
            state.locks.handle_disconnected(node, &why, shell.platform.now());
        }
        shell.attend(state);
    }

    /// Sends and receives until the connection breaks; returns why it did.
    fn carry(&mut self) -> Result<Unavailable, Over> {
        let mut patience = MIN_PATIENCE;
        loop {
            self.take_commands()?;
            if self.batch.is_empty() && self.owed.is_empty() {
                let parked_at = self.shell.platform.now();
                self.shell.platform.park(None);
                if self.shell.platform.now().saturating_since(parked_at) > IDLE
                    && let Err(why) = guarded(|| self.connection.check())
                {
                    return Ok(why);
                }
                continue;
            }
            match self.exchange(patience) {
                Ok(true) => patience = MIN_PATIENCE,
                Ok(false) => patience = patience.saturating_mul(2).min(MAX_PATIENCE),
                Err(why) => return Ok(why),
            }
        }
    }

    fn take_commands(&mut self) -> Result<(), Over> {
        let mut state = self.shell.state();
        if state.is_over() || !state.has_node_thread(self.node) {
            return Err(Over);
        }
        if self.owed.len() < MAX_OWED {
            state.locks.poll_batch(self.node, &mut self.batch, self.shell.platform.now());
        }
        self.shell.attend(state);
        Ok(())
    }

    /// Sends what there is, and hands out one reply if it comes in time; returns whether it did.
    fn exchange(&mut self, patience: Duration) -> Result<bool, Unavailable> {
        let sent = guarded(|| self.connection.send_all(&self.batch));
        self.owed.extend(self.batch.drain(..));
        sent?;
        let Some(command) = self.owed.front() else { return Ok(true) };
        let Some(reply) = guarded(|| self.connection.receive(command, patience))? else { return Ok(false) };
        self.owed.pop_front();
        let mut state = self.shell.state();
        if state.has_node_thread(self.node) {
            state.locks.handle_reply(self.node, reply, self.shell.platform.now());
        }
        self.shell.attend(state);
        Ok(true)
    }
}

impl State {
    /// Returns whether the caller is the thread of the node's connection, and not of one that was replaced.
    fn has_node_thread(&self, node: NodeId) -> bool {
        let thread = self.node_threads.get(node.index()).and_then(Option::as_ref);
        thread.is_some_and(|thread| thread.id() == thread::current().id())
    }

    /// Lets the thread of the node's connection end, if there is one.
    pub(super) fn retire_node_thread(&mut self, node: NodeId) {
        if let Some(thread) = self.node_threads.get_mut(node.index()).and_then(Option::take) {
            self.wakes.push(thread);
        }
    }
}
