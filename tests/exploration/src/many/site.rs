use std::collections::VecDeque;

use redlock_core::model::Node;
use redlock_core::{Action, Command, CommandId, Config, Instant, NodeSet, Options, Reply, Request, ScriptForm};

use super::scenario::TTL;
use super::violation::Violation;
use crate::invariant::check_execution;

/// A node with its connection, and what an observer has noted about both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Site {
    pub(super) node: Node,
    pub(super) link: Link,
    /// On the way to the node.
    pub(super) commands: VecDeque<Parcel>,
    /// On the way to the process.
    pub(super) replies: VecDeque<Letter>,
    /// How many commands of a connection that is broken will not be answered.
    pub(super) lost: usize,
    /// What the node has received over connections that are broken.
    pub(super) late: VecDeque<Parcel>,
    /// What was last sent, for each user.
    pub(super) last_sent: Vec<Option<CommandId>>,
    /// Whether the node was sent the release of each user's lock.
    pub(super) is_released: Vec<bool>,
    /// How each user's key came to the node, or was last lengthened.
    pub(super) origins: Vec<Origin>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Link {
    Closed,
    Opening,
    Open,
    /// It is broken, and the process has not noticed it.
    Broken,
}

/// How the command came to a node that gave it a key, or let the key live for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Origin {
    InTime,
    /// Time had passed since its release began: it may outlive the release.
    AfterRelease,
    /// Over a connection that was broken: its release may have overtaken it.
    BrokenConnection,
}

/// A command with its sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Parcel {
    pub(super) user: usize,
    pub(super) command: Command,
}

/// A reply with the sender of its command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Letter {
    pub(super) user: usize,
    pub(super) id: CommandId,
    pub(super) reply: Reply,
}

impl Site {
    pub(super) fn new(users: usize) -> Self {
        Self {
            node: Node::new(),
            link: Link::Closed,
            commands: VecDeque::new(),
            replies: VecDeque::new(),
            lost: 0,
            late: VecDeque::new(),
            last_sent: vec![None; users],
            is_released: vec![false; users],
            origins: vec![Origin::InTime; users],
        }
    }

    /// Shows the scripts to the node.
    pub(super) fn teach(&mut self, config: &Config) {
        let request = Request::new(config, "lesson", TTL, Options::new()).expect("a valid request");
        let mut lock = redlock_core::Lock::acquire(config, request, [0; 32], Instant::EPOCH);
        let set = lock.poll_command().expect("a lock begins with a SET");
        let Action::Acquire { resources, token, ttl, .. } = set.action.clone() else {
            panic!("a lock begins with a SET")
        };
        let extend = Action::extend(resources.clone(), token, ttl);
        for action in [extend, Action::release(resources, token, NodeSet::EMPTY)] {
            let lesson = set.with_action(action, ScriptForm::Source);
            assert_eq!(self.node.execute(&lesson, Instant::EPOCH), Reply::Missing);
        }
    }

    /// Returns how many commands were sent over the connection and not answered, as far as the process knows.
    pub(super) fn under_way(&self) -> usize {
        self.replies.len().saturating_add(self.commands.len()).saturating_add(self.lost)
    }

    /// Carries out a command and checks that no key of another token is touched.
    pub(super) fn execute(&mut self, command: &Command, now: Instant) -> Result<Reply, Violation> {
        let before = self.node.clone();
        let reply = self.node.execute(command, now);
        check_execution(before, self.node.clone(), command, now).map_err(|_| Violation::TouchedForeignKey)?;
        Ok(reply)
    }

    /// The replies that were given may still arrive.
    pub(super) fn break_connection(&mut self, is_late: bool) {
        self.link = Link::Broken;
        let commands = std::mem::take(&mut self.commands);
        self.lost = self.lost.saturating_add(commands.len());
        if is_late {
            self.late.extend(commands);
        }
    }

    /// The connection is gone, and all that was under way in it.
    pub(super) fn close(&mut self) {
        self.link = Link::Closed;
        self.replies.clear();
        self.lost = 0;
    }
}
