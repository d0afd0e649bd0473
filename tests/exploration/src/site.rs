use std::collections::VecDeque;

use redlock_core::fence::{Fence, Fencing};
use redlock_core::model::Node;
use redlock_core::{Action, Command, Config, Instant, NodeSet, Reply, Resource, ScriptForm};

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
    /// A node that has seen the scripts, as it has for all but the first lock of its life; its counter stands here, if locks
    /// are fenced. `any` is a SET.
    pub(super) fn new(any: &Command, counter: Option<u8>) -> Self {
        let Action::Acquire { ttl, token, .. } = any.action else { panic!("a lock begins with a SET") };
        let resource = Resource::new(RESOURCE);
        let extend = Action::extend(resource.clone().into(), token, ttl);
        let mut node = Node::new();
        if let Some(counter) = counter {
            count_to(counter, &mut node, any);
        }
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

/// Lets a node set a key with a fence, so that its counter stands there, and delete the key.
fn count_to(counter: u8, node: &mut Node, any: &Command) {
    let Action::Acquire { ttl, token, .. } = any.action else { panic!("a lock begins with a SET") };
    let resources = || Resource::new(RESOURCE).into();
    let retention = Config::builder(["any"]).build().expect("a valid config").fence_retention();
    let fencing = Fencing::raise([Fence::new(counter.into())].into_iter().collect(), retention);
    let set = Action::acquire(resources(), token, ttl).fenced(fencing.clone());
    let release = Action::release(resources(), token, NodeSet::EMPTY);
    for action in [set, Action::raise(resources(), token, fencing), release] {
        let reply = node.execute(&any.with_action(action, ScriptForm::Source), Instant::EPOCH);
        assert!(matches!(reply, Reply::Done | Reply::Granted(_)), "{reply:?}");
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
