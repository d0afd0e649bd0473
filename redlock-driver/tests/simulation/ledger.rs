//! What was sent to the nodes, and what came back.

use std::collections::{BTreeMap, BTreeSet};

use redlock_core::CommandId;
use redlock_driver::Instant;
use redlock_driver::transport::{Action, Command, Reply};

use crate::figures::Stage;
use crate::invariant::Invariant;
use crate::token::TokenId;

/// Keeps the books of all processes about all nodes.
pub(crate) struct Ledger {
    nodes: usize,
    /// By their number.
    acquisitions: Vec<Acquisition>,
    /// One for each process and node.
    streams: Vec<Stream>,
    /// Tokens that were set on a connection that had long been broken.
    late: BTreeSet<TokenId>,
}

/// What was seen of the last attempt of an acquisition.
#[derive(Default)]
struct Acquisition {
    attempt: u32,
    was_sent: bool,
    was_released: bool,
    grants: usize,
}

/// What one process has sent to one node, over all connections.
#[derive(Default)]
struct Stream {
    /// The tokens of SETs that were not answered.
    under_way: BTreeSet<TokenId>,
    sent: BTreeSet<(usize, CommandId)>,
    released: BTreeSet<TokenId>,
    /// What may be there and must be undone, and until when at the latest it is there.
    granted: BTreeMap<TokenId, Instant>,
    /// The driver has dropped a batch before it was answered: it must be over.
    is_over: bool,
}

/// An invariant that does not hold, and why.
pub(crate) type Broken = (Invariant, String);

impl Ledger {
    pub(crate) fn new(processes: usize, nodes: usize) -> Self {
        let streams = (0..processes * nodes).map(|_| Stream::default()).collect();
        Self { nodes, acquisitions: Vec::new(), streams, late: BTreeSet::new() }
    }

    /// Begins an acquisition; the answer is its number.
    pub(crate) fn begin(&mut self) -> usize {
        self.acquisitions.push(Acquisition::default());
        self.acquisitions.len() - 1
    }

    pub(crate) fn acquisitions(&self) -> usize {
        self.acquisitions.len()
    }

    /// A process sends a command.
    pub(crate) fn send(&mut self, process: usize, node: usize, command: &Command, now: Instant) -> Result<(), Broken> {
        let stream = &mut self.streams[process * self.nodes + node];
        let books = |what: &str| (Invariant::Books, format!("{} to node {node} {what}", describe(command)));
        let Some(token) = token_of(&command.action) else {
            let is_due = now <= command.send_by && !stream.is_over;
            return if is_due { Ok(()) } else { Err(books("was sent too late")) };
        };
        self.acquisitions[token.acquisition].send(token.attempt, &command.action);
        if !stream.sent.insert((token.acquisition, command.id)) {
            return Err(books("was sent twice"));
        }
        if command.send_by < now {
            return Err(books("was sent too late"));
        }
        if stream.is_over || !command.nodes.iter().any(|addressee| addressee.index() == node) {
            return Err(books("was sent by or to somebody whom it does not concern"));
        }
        stream.send(token, &command.action, now).map_err(|invariant| (invariant, books("was sent").1))
    }

    /// A process learns the reply to a command.
    pub(crate) fn deliver(&mut self, process: usize, node: usize, command: &Command, reply: &Reply) {
        let Some(token) = token_of(&command.action) else { return };
        self.streams[process * self.nodes + node].under_way.remove(&token);
        let is_grant = is_acquisition(&command.action) && *reply == Reply::Done;
        let acquisition = &mut self.acquisitions[token.acquisition];
        acquisition.grants += usize::from(is_grant && acquisition.attempt == token.attempt);
        let is_untouched = match reply {
            Reply::HeldByOther(_) | Reply::Missing => true,
            Reply::Unavailable(unavailable) => unavailable.proves_untouched(),
            _ => false,
        };
        if is_untouched && is_acquisition(&command.action) {
            self.streams[process * self.nodes + node].granted.remove(&token);
        }
    }

    /// A driver drops a batch that was not answered.
    pub(crate) fn give_up(&mut self, process: usize, node: usize) {
        self.streams[process * self.nodes + node].is_over = true;
    }

    /// The runtime of a process has ended, and the batches that it dropped are no end of the driver.
    pub(crate) fn go_on(&mut self, process: usize) {
        for node in 0..self.nodes {
            let stream = &mut self.streams[process * self.nodes + node];
            stream.is_over = false;
            // The next connection may be faster than what is under way on this one.
            self.late.append(&mut stream.under_way);
        }
    }

    /// A node set a key when the connection on which it was asked to had long been broken.
    pub(crate) fn set_late(&mut self, action: &Action) {
        self.late.extend(token_of(action));
    }

    pub(crate) fn was_late(&self, token: TokenId) -> bool {
        self.late.contains(&token)
    }

    /// How far an acquisition has come that was polled, and whose caller was woken or not.
    pub(crate) fn stage(&self, acquisition: usize, was_woken: bool, quorum: usize) -> Stage {
        let acquisition = &self.acquisitions[acquisition];
        match acquisition {
            _ if acquisition.was_released => Stage::Waiting,
            _ if was_woken && acquisition.grants >= quorum => Stage::Won,
            _ if acquisition.was_sent => Stage::Acquiring,
            _ => Stage::Connecting,
        }
    }

    /// The driver of a process is over: whatever it may have set must be undone, or over by itself.
    pub(crate) fn check_undone(&self, process: usize, now: Instant) -> Result<(), Broken> {
        for node in 0..self.nodes {
            let stream = &self.streams[process * self.nodes + node];
            if let Some((token, _)) = stream.granted.iter().find(|(_, until)| now < **until) {
                let what = format!("lock {token} may be on node {node}, which was not told to release it");
                return Err((Invariant::NothingLeft, what));
            }
        }
        Ok(())
    }
}

impl Acquisition {
    fn send(&mut self, attempt: u32, action: &Action) {
        if attempt > self.attempt {
            *self = Self { attempt, ..Self::default() };
        }
        if attempt == self.attempt {
            let is_release = matches!(action, Action::Release { .. });
            (self.was_sent, self.was_released) = (true, self.was_released || is_release);
        }
    }
}

impl Stream {
    fn send(&mut self, token: TokenId, action: &Action, now: Instant) -> Result<(), Invariant> {
        match action {
            Action::Release { .. } => {
                self.released.insert(token);
                self.granted.remove(&token);
            }
            _ if self.released.contains(&token) => return Err(Invariant::NothingAfterRelease),
            Action::Acquire { ttl, .. } | Action::AcquireInTurn { ttl, .. } => {
                self.granted.insert(token, now.saturating_add(ttl.get()));
                self.under_way.insert(token);
            }
            Action::Extend { ttl, .. } => {
                let until = now.saturating_add(ttl.get());
                self.granted.entry(token).and_modify(|granted| *granted = until.max(*granted));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whose lock an action is of; nobody's, if it is about a wait queue or a connection.
fn token_of(action: &Action) -> Option<TokenId> {
    action.token().map(|token| TokenId::of(token.as_bytes()))
}

/// Whether it sets a key.
pub(crate) const fn is_acquisition(action: &Action) -> bool {
    matches!(action, Action::Acquire { .. } | Action::AcquireInTurn { .. })
}

/// A command in a person's words.
pub(crate) fn describe(command: &Command) -> String {
    let verb = match command.action {
        Action::Acquire { .. } => "SET",
        Action::AcquireInTurn { .. } => "SET IN TURN",
        Action::Extend { .. } => "EXTEND",
        Action::Release { .. } => "RELEASE",
        Action::Leave { .. } => "LEAVE",
        Action::ReadClock => "PING",
        _ => "?",
    };
    let lock = token_of(&command.action).map_or_else(String::new, |token| format!(" of lock {token}"));
    let name = command.action.resources().map_or_else(String::new, |names| format!(" on {}", names.as_slice()[0]));
    format!("{verb}{lock}{name}")
}
