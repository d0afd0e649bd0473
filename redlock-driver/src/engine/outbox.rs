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
    /// So many commands were left when they were last looked through.
    kept: usize,
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

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
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

    /// Takes out all commands that wait; `None` without any.
    pub(super) fn take_all(&mut self) -> Option<Tickets> {
        let tickets: Tickets = self.queue.drain(..).map(|(key, command)| (key, command.id)).collect();
        (!tickets.is_empty()).then_some(tickets)
    }

    /// Forgets the commands whose time to be sent is over, so that a node that hangs does not fill the memory. To be
    /// called at any time: it looks through them only when they have doubled.
    pub(super) fn tidy(&mut self, now: Instant) {
        if self.queue.len() > self.kept.saturating_mul(2).max(MAX_BATCH) {
            self.queue.retain(|(_, command)| command.send_by >= now);
            self.kept = self.queue.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use redlock_core::{Config, Lock, Options, Request};

    use super::*;

    #[test]
    fn what_waits_for_a_node_that_hangs_is_forgotten_when_its_time_is_over() {
        let config = Config::builder(["only"]).build().unwrap();
        let request = Request::new(&config, "job", Duration::from_secs(1), Options::new()).unwrap();
        let mut outbox = Outbox::default();
        for millis in 0..100_000 {
            let now = Instant::from_epoch(Duration::from_millis(millis));
            let command = Lock::acquire(&config, request.clone(), [0; 32], now).poll_command().unwrap();
            outbox.push(LockKey { serial: millis, index: 0 }, command);
            outbox.tidy(now);
            assert!(outbox.queue.len() <= 2 * MAX_BATCH);
        }
        let (batch, _) = outbox.take(Instant::EPOCH);
        assert!(batch.tickets.is_sorted(), "the order is kept");
    }
}
