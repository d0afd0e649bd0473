use std::collections::VecDeque;

use redlock_core::Instant;

use crate::clock::Time;
use crate::event::Sent;

/// The way between one client and one node: one connection at a time, first in first out in both directions.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: usize,
    pub(crate) node: usize,
    /// The number of the connection.
    pub(crate) epoch: u32,
    /// It carries what is sent over it; a client may not have noticed that it does not.
    pub(crate) is_open: bool,
    /// What does not get through it, if it is silent.
    pub(crate) silence: Option<Silence>,
    /// What the machine of the client was told of it.
    pub(crate) view: View,
    /// The last one was given up because it was silent.
    pub(crate) was_given_up: bool,
    /// The first run of the node's server that the process of the client has seen.
    pub(crate) known_run: Option<u32>,
    /// What the process of the client was told of the node's server.
    pub(crate) told: Told,
    /// The client library opens it again without a word to its user.
    pub(crate) is_reopening: bool,
    /// What was sent on connections before this one died with the node.
    pub(crate) lost_before: u32,
    /// No connection can be opened before.
    pub(crate) cut_until: Time,
    /// Nothing gets through before.
    pub(crate) stalled_until: Time,
    /// When the last command arrives, and the last reply.
    pub(crate) last_command: Time,
    pub(crate) last_reply: Time,
    /// When the last word about a subscription arrives.
    pub(crate) last_heard: Time,
    /// What the client has sent and was not answered. A client library that sends again takes it from here.
    pub(crate) unanswered: VecDeque<Sent>,
}

/// What a silent connection swallows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// What the client sends.
    Commands,
    /// What the node sends.
    Replies,
}

/// A connection as the machine of a client must see it; moments are those of the client's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// It is being opened, or is to be when the client begins.
    Opening,
    /// It stands.
    Open {
        /// When it was last heard of, or was first owed something again.
        heard_at: Instant,
    },
    /// It broke, or could not be opened.
    Failed { at: Instant },
}

/// What a process of a client was told of a node's server; moments are those of the client's clock.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The run of the server to which it was connected last.
    pub(crate) run: Option<u32>,
    /// When that run has last answered, or has had a connection without owing an answer.
    pub(crate) answered_at: Option<Instant>,
    /// When the node has a vote again, if it ever had none.
    pub(crate) votes_from: Option<Instant>,
}

impl Link {
    pub(crate) fn new(client: usize, node: usize) -> Self {
        Self {
            client,
            node,
            epoch: 0,
            is_open: false,
            silence: None,
            view: View::Opening,
            was_given_up: false,
            known_run: None,
            told: Told::default(),
            is_reopening: false,
            lost_before: 0,
            cut_until: 0,
            stalled_until: 0,
            last_command: 0,
            last_reply: 0,
            last_heard: 0,
            unanswered: VecDeque::new(),
        }
    }

    /// Returns when a command that is sent now arrives.
    pub(crate) fn command_arrives_at(&mut self, earliest: Time) -> Time {
        self.last_command = self.last_command.max(earliest).max(self.stalled_until);
        self.last_command
    }

    /// Returns when a word about a subscription arrives: not before an earlier one.
    pub(crate) fn heard_at(&mut self, earliest: Time) -> Time {
        self.last_heard = self.last_heard.max(earliest);
        self.last_heard
    }

    /// Returns when a reply that is sent now arrives.
    pub(crate) fn reply_arrives_at(&mut self, earliest: Time) -> Time {
        self.last_reply = self.last_reply.max(earliest).max(self.stalled_until);
        self.last_reply
    }
}
