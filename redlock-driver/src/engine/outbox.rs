use std::collections::VecDeque;
use std::task::Waker;

use redlock_core::{Command, CommandId, Instant};

use super::LockKey;

/// How many commands go to a node in one batch: enough to make the cost per command small, few enough that the first
/// answers do not wait for the last command.
const MAX_BATCH: usize = 256;

/// The commands that wait for one node, in the order in which they must reach it.
#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<(LockKey, Command)>,
    /// The courier of the node, when it has nothing to do.
    pub(super) courier: Option<Waker>,
}

/// Commands on their way to one node.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) commands: Vec<Command>,
    pub(crate) tickets: Tickets,
}

/// By what the replies to a batch are matched, in its order.
pub(crate) type Tickets = Vec<(LockKey, CommandId)>;

impl Outbox {
    pub(super) fn push(&mut self, key: LockKey, command: Command) {
        self.queue.push_back((key, command));
    }

    /// The next commands, sorted into those to send and those whose time to be sent is over.
    pub(super) fn take(&mut self, now: Instant) -> (Batch, Tickets) {
        let (mut batch, mut overdue) = (Batch::default(), Tickets::new());
        while batch.commands.len() < MAX_BATCH
            && let Some((key, command)) = self.queue.pop_front()
        {
            if command.send_by < now {
                overdue.push((key, command.id));
            } else {
                batch.tickets.push((key, command.id));
                batch.commands.push(command);
            }
        }
        (batch, overdue)
    }
}
