use crate::{Instant, NodeSet, Resources, Token, Ttl};

/// Tells the commands of one [`Lock`](crate::Lock) apart; a reply is matched to its command by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(u32);

impl CommandId {
    pub(crate) const FIRST: Self = Self(0);
    /// That of a command that belongs to no lock.
    pub(crate) const PING: Self = Self(u32::MAX);

    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// One command, to be carried to several nodes.
///
/// The driver sends it to every node of `nodes`, behind all earlier commands to that node, and hands each node's reply
/// to [`Lock::handle_reply`](crate::Lock::handle_reply) with the command's `id`. Nothing is sent twice: a transport
/// that cannot tell whether a command was carried out says so ([`Cause::Disconnected`](crate::Cause::Disconnected)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Command {
    /// The id by which replies are matched to it.
    pub id: CommandId,
    /// The nodes that it goes to.
    pub nodes: NodeSet,
    /// The action that the nodes are asked to carry out.
    pub action: Action,
    /// The last moment at which it makes sense. A driver that has not begun to send it by then must not send it any
    /// more; it answers [`Cause::NotSent`](crate::Cause::NotSent) in the node's place.
    pub send_by: Instant,
    /// The form in which a script is sent: its digest or its whole text.
    pub form: ScriptForm,
}

impl Command {
    /// Makes another command for the same nodes and in the same time of this one, for tests of a transport.
    #[must_use]
    pub fn with_action(&self, action: Action, form: ScriptForm) -> Self {
        Self { id: self.id, nodes: self.nodes, action, send_by: self.send_by, form }
    }

    /// Makes the same command for other nodes.
    #[must_use]
    pub fn with_nodes(&self, nodes: NodeSet) -> Self {
        Self { nodes, ..self.clone() }
    }

    /// Returns whether a node that it goes to tells those who wait for the resources that they are released. A driver that
    /// sends to one node at a time asks this of a command [for that node alone](Self::with_nodes).
    #[must_use]
    pub const fn announces(&self) -> bool {
        match &self.action {
            Action::Release { announce, .. } => self.nodes.len() > self.nodes.without(*announce).len(),
            _ => false,
        }
    }
}

/// The form in which a script is sent to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScriptForm {
    /// By its SHA1, 40 characters, in the hope that the node has it.
    Digest,
    /// By its whole text, after a node said that it did not have it; the node then keeps it.
    Source,
}

/// An action that a node is asked to carry out. [`Command::wire`] knows the words for Redis; a transport to something
/// else than Redis may carry out these instead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Set the keys to the token for the TTL, all or none: only if no key is there with another value or of another type.
    /// Of several keys one that has the token already is let live for the TTL at least; a single key must not be there.
    #[non_exhaustive]
    Acquire {
        /// The keys.
        resources: Resources,
        /// Their value.
        token: Token,
        /// Their time to live.
        ttl: Ttl,
    },
    /// If all keys have the token, let them live for the TTL at least: a remaining time that is longer is left alone.
    #[non_exhaustive]
    Extend {
        /// The keys.
        resources: Resources,
        /// Their value.
        token: Token,
        /// Their new time to live.
        ttl: Ttl,
    },
    /// Delete those of the keys that have the token.
    #[non_exhaustive]
    Release {
        /// The keys.
        resources: Resources,
        /// Their value.
        token: Token,
        /// The nodes that tell those who wait for the resources: the [home](crate::Config::home) of each. None for an
        /// attempt that was not won: contenders who split the votes would wake each other, try at once, and split them
        /// again.
        announce: NodeSet,
    },
    /// Answer something, whatever it is: the node is there.
    Ping,
}

impl Action {
    /// Creates the action that sets the keys to the token, if nobody else has one of them.
    #[must_use]
    pub const fn acquire(resources: Resources, token: Token, ttl: Ttl) -> Self {
        Self::Acquire { resources, token, ttl }
    }

    /// Creates the action that lets keys with the token live for the TTL at least.
    #[must_use]
    pub const fn extend(resources: Resources, token: Token, ttl: Ttl) -> Self {
        Self::Extend { resources, token, ttl }
    }

    /// Creates the action that deletes keys with the token, and lets some nodes tell those who wait for them.
    #[must_use]
    pub const fn release(resources: Resources, token: Token, announce: NodeSet) -> Self {
        Self::Release { resources, token, announce }
    }

    /// Returns the resources that it is about, each of which is a key; `None` for a ping.
    #[must_use]
    pub const fn resources(&self) -> Option<&Resources> {
        match self {
            Self::Acquire { resources, .. } | Self::Extend { resources, .. } | Self::Release { resources, .. } => {
                Some(resources)
            }
            Self::Ping => None,
        }
    }

    /// Returns the token of the attempt that it belongs to; `None` for a ping.
    #[must_use]
    pub const fn token(&self) -> Option<&Token> {
        match self {
            Self::Acquire { token, .. } | Self::Extend { token, .. } | Self::Release { token, .. } => Some(token),
            Self::Ping => None,
        }
    }
}
