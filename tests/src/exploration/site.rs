use std::collections::VecDeque;

use redlock_core::model::Node;
use redlock_core::{Action, Command, Instant, NodeSet, Reply, Resource, ScriptForm};

use super::client::Answer;
use super::invariant::{self, Violation};
use super::scenario::{CLIENTS, RESOURCE};

/// A node with its connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Site {
    pub(super) node: Node,
    pub(super) is_down: bool,
    pub(super) links: [Link; CLIENTS],
}

/// The connection of one client to one node: first in, first out, both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Link {
    /// On the way to the node, by number.
    pub(super) commands: VecDeque<u16>,
    /// On the way to the client.
    pub(super) replies: VecDeque<Letter>,
    /// Nobody reads the replies any more.
    pub(super) is_abandoned: bool,
}

/// What a node, or the end of a connection, says about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Letter {
    pub(super) message: u16,
    pub(super) answer: Answer,
}

impl Site {
    /// A node that has seen the scripts, as it has for all but the first lock of its life. `any` is a SET.
    pub(super) fn new(any: &Command) -> Self {
        let Action::Acquire { ttl, token, .. } = any.action else { panic!("a lock begins with a SET") };
        let resource = Resource::new(RESOURCE);
        let extend = Action::extend(resource.clone().into(), token, ttl);
        let mut node = Node::new();
        for action in [extend, Action::release(resource.into(), token, NodeSet::EMPTY)] {
            let lesson = any.with_action(action, ScriptForm::Source);
            assert_eq!(node.execute(&lesson, Instant::EPOCH), Reply::Missing);
        }
        Self { node, is_down: false, links: Default::default() }
    }

    /// Carries out a client's first command.
    pub(super) fn execute(&mut self, client: usize, command: &Command, now: Instant) -> Result<(), Violation> {
        let before = self.node.clone();
        let reply = self.node.execute(command, now);
        invariant::check_execution(before, self.node.clone(), command, now)?;
        let link = &mut self.links[client];
        let message = link.commands.pop_front().expect("a command is on the way");
        link.say(message, reply.into());
        Ok(())
    }

    /// A connection breaks: what was carried out and what was not look alike to the client.
    pub(super) fn cut(&mut self, client: usize) {
        let link = &mut self.links[client];
        let replies = std::mem::take(&mut link.replies).into_iter().map(|letter| letter.message);
        let commands = std::mem::take(&mut link.commands);
        for message in replies.chain(commands) {
            link.say(message, Answer::Disconnected);
        }
    }

    pub(super) fn crash(&mut self) {
        self.is_down = true;
        (0..CLIENTS).for_each(|client| self.cut(client));
    }

    /// A node that comes back has forgotten its scripts, but not its keys. One that comes back without them is the
    /// same, if it was away for so long that they are over, as the guard of the protocol wants it.
    pub(super) fn restart(&mut self) {
        self.is_down = false;
        self.node.forget_scripts();
    }

    /// The client has dropped its machine.
    pub(super) fn abandon(&mut self, client: usize) {
        let link = &mut self.links[client];
        link.is_abandoned = true;
        link.replies.clear();
    }

    pub(super) fn send(&mut self, client: usize, message: u16) {
        let link = &mut self.links[client];
        if self.is_down {
            link.say(message, Answer::NotSent);
        } else {
            link.commands.push_back(message);
        }
    }
}

impl Link {
    pub(super) fn is_idle(&self) -> bool {
        self.commands.is_empty() && self.replies.is_empty()
    }

    fn say(&mut self, message: u16, answer: Answer) {
        if !self.is_abandoned {
            self.replies.push_back(Letter { message, answer });
        }
    }
}
