use crate::{Instant, NodeSet, Resource, Token, Ttl};

/// Tells the commands of one [`Lock`](crate::Lock) apart; a reply is matched to its command by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(u32);

impl CommandId {
    pub(crate) const FIRST: Self = Self(0);

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

    /// Makes the same command for other nodes, for tests of a transport.
    #[must_use]
    pub fn with_nodes(&self, nodes: NodeSet) -> Self {
        Self { nodes, ..self.clone() }
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
    /// Set the key to the token for the TTL, if there is no such key, of whatever type.
    #[non_exhaustive]
    Acquire {
        /// The key.
        resource: Resource,
        /// Its value.
        token: Token,
        /// Its time to live.
        ttl: Ttl,
    },
    /// If the key has the token, let it live for the TTL at least: a remaining time that is longer is left alone.
    #[non_exhaustive]
    Extend {
        /// The key.
        resource: Resource,
        /// Its value.
        token: Token,
        /// Its new time to live.
        ttl: Ttl,
    },
    /// If the key has the token, delete it.
    #[non_exhaustive]
    Release {
        /// The key.
        resource: Resource,
        /// Its value.
        token: Token,
        /// `true` to tell those who wait for the resource. Not so for an attempt that was not won: contenders who split
        /// the votes would wake each other, try at once, and split them again.
        announce: bool,
    },
}

impl Action {
    /// Creates the action that sets the key to the token, if there is no such key.
    #[must_use]
    pub const fn acquire(resource: Resource, token: Token, ttl: Ttl) -> Self {
        Self::Acquire { resource, token, ttl }
    }

    /// Creates the action that lets a key with the token live for the TTL at least.
    #[must_use]
    pub const fn extend(resource: Resource, token: Token, ttl: Ttl) -> Self {
        Self::Extend { resource, token, ttl }
    }

    /// Creates the action that deletes a key with the token, and tells those who wait for it if it is to.
    #[must_use]
    pub const fn release(resource: Resource, token: Token, announce: bool) -> Self {
        Self::Release { resource, token, announce }
    }

    /// Returns the resource that it is about.
    #[must_use]
    pub const fn resource(&self) -> &Resource {
        match self {
            Self::Acquire { resource, .. } | Self::Extend { resource, .. } | Self::Release { resource, .. } => resource,
        }
    }

    /// Returns the token of the attempt that it belongs to.
    #[must_use]
    pub const fn token(&self) -> &Token {
        match self {
            Self::Acquire { token, .. } | Self::Extend { token, .. } | Self::Release { token, .. } => token,
        }
    }
}
