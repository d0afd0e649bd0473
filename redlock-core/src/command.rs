use alloc::sync::Arc;
use core::time::Duration;

use crate::fence::Fencing;
use crate::{Instant, NodeId, NodeSet, Owner, Resource, Resources, Token, Ttl, WaiterId};

/// Tells the commands of one [`Lock`](crate::Lock) apart; a reply is matched to its command by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(u32);

impl CommandId {
    pub(crate) const FIRST: Self = Self(0);
    /// That of a command that belongs to no lock.
    pub(crate) const NO_LOCK: Self = Self(u32::MAX);

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
    /// The time that a waiter has whom the node calls up while it carries out the command.
    pub grace: Grace,
    /// Whether it is a release that the nodes were told before, and did not answer. There is no hurry: a driver may keep it
    /// until the node is back.
    pub is_repeated: bool,
}

/// The time that a waiter has to come after it was called up. Until then the node gives the resource to nobody else who
/// waits; after that it calls up the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grace {
    millis: u16,
}

impl Grace {
    /// The time that a waiter has in which nothing is to be carried: 25 ms.
    pub const DEFAULT: Self = Self { millis: 25 };

    /// No time at all.
    pub(crate) const NONE: Self = Self { millis: 0 };

    /// Creates a time in milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u16) -> Self {
        Self { millis }
    }

    /// Returns the time for a waiter whose way to the node and back takes so long: that twice, and
    /// [`DEFAULT`](Self::DEFAULT); at most half a second, since a node that hung has taken long for once only.
    pub(crate) fn over(round_trip: Duration) -> Self {
        let twice = u16::try_from(round_trip.as_millis().saturating_mul(2)).unwrap_or(u16::MAX);
        Self { millis: twice.saturating_add(Self::DEFAULT.millis).min(500) }
    }

    /// Returns the whole milliseconds of a time, as many as fit.
    pub(crate) fn of(time: Duration) -> Self {
        Self { millis: u16::try_from(time.as_millis()).unwrap_or(u16::MAX) }
    }

    /// Returns it in whole milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u16 {
        self.millis
    }
}

impl Default for Grace {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Command {
    /// Makes another command for the same nodes and in the same time of this one, for tests of a transport.
    #[must_use]
    pub fn with_action(&self, action: Action, form: ScriptForm) -> Self {
        Self { action, form, ..self.clone() }
    }

    /// Makes the same command for other nodes.
    #[must_use]
    pub fn with_nodes(&self, nodes: NodeSet) -> Self {
        Self { nodes, ..self.clone() }
    }

    /// Makes one command for each node that it goes to.
    pub(crate) fn for_each_node(self, mut take: impl FnMut(NodeId, Self)) {
        let mut left = self.nodes;
        while let Some(node) = left.iter().next() {
            left.remove(node);
            let only = NodeSet::from_iter([node]);
            if left.is_empty() {
                return take(node, Self { nodes: only, ..self });
            }
            take(node, Self { nodes: only, action: self.action.clone(), ..self });
        }
    }

    /// Returns whether a node that it goes to calls up somebody who waits for what is released. A driver that sends to one
    /// node at a time asks this of a command [for that node alone](Self::with_nodes).
    #[must_use]
    pub const fn calls_up(&self) -> bool {
        match &self.action {
            Action::Release { homes, keep: None, .. } => self.nodes.has_any_of(*homes),
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
        /// What becomes of the counter of each key, if the lock is fenced.
        fencing: Option<Arc<Fencing>>,
        /// The label that is kept beside each key.
        owner: Option<Owner>,
    },
    /// Set the keys to the token for the TTL, all or none: if none of them is there, and if it is the waiter's turn to take
    /// the one that it waits for: it was called up, or nobody else was and nobody who is alive is before it. Else put the
    /// waiter at the end of that one's wait queue, unless it is in it, and call up the first one if the key is not there.
    ///
    /// If it is the waiter's turn, and another one of the keys is there or somebody else's turn, the waiter leaves the queue.
    /// If that other one is after the one that it waits for, it keeps its turn for a time, so that it can wait for the other
    /// one. Otherwise, or when no time is given, the next one is called up: nobody waits for a waiter that cannot come.
    ///
    /// This is for the [home](crate::Config::home) of the resource that is waited for. Whoever acquires takes the waiter out
    /// of the queue.
    #[non_exhaustive]
    AcquireInTurn {
        /// The keys.
        resources: Resources,
        /// Which of the resources the waiter waits for, counted from 0 in their order.
        waits_for: u8,
        /// The value of the keys.
        token: Token,
        /// Their time to live.
        ttl: Ttl,
        /// Who wants them.
        waiter: WaiterId,
        /// The time for which the waiter keeps its turn when another key, one after the one that it waits for, is in its way.
        /// Then it gives it back, or has lost it when the [grace](Command::grace) after that is over. Zero if it keeps none.
        keeps_turn: Grace,
        /// What becomes of the counter of each key, if the lock is fenced.
        fencing: Option<Arc<Fencing>>,
        /// The label that is kept beside each key.
        owner: Option<Owner>,
    },
    /// If all keys have the token, raise the counter of each.
    #[non_exhaustive]
    Raise {
        /// The keys.
        resources: Resources,
        /// Their value.
        token: Token,
        /// The fences below which no counter is to be.
        fencing: Arc<Fencing>,
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
        /// The label that is kept beside each key, for as long as the key.
        owner: Option<Owner>,
    },
    /// Delete those of the keys that have the token, or let them live for a time from now on and no longer.
    #[non_exhaustive]
    Release {
        /// The keys.
        resources: Resources,
        /// Their value.
        token: Token,
        /// The nodes that call up the first who waits and is alive, for each key that they delete: the
        /// [home](crate::Config::home) of each resource.
        homes: NodeSet,
        /// The time for which the keys are to stay, if they are not to be deleted. Then nobody is called up.
        keep: Option<Ttl>,
        /// The label that goes with each key.
        owner: Option<Owner>,
    },
    /// Take the waiter out of the wait queue. If it was called up, call up the next one.
    #[non_exhaustive]
    Leave {
        /// The resource. There is one only.
        resources: Resources,
        /// Who does not want it any more.
        waiter: WaiterId,
    },
    /// Say how the key stands and how many wait for it, and change nothing.
    #[non_exhaustive]
    Inspect {
        /// The resource. There is one only.
        resources: Resources,
    },
    /// Say what time it is. Whatever is answered, the node is there.
    ReadClock,
}

impl Action {
    /// Creates the action that sets the keys to the token, if nobody else has one of them.
    #[must_use]
    pub const fn acquire(resources: Resources, token: Token, ttl: Ttl) -> Self {
        Self::Acquire { resources, token, ttl, fencing: None, owner: None }
    }

    /// Creates the action that raises the counters of keys with the token.
    #[must_use]
    pub const fn raise(resources: Resources, token: Token, fencing: Arc<Fencing>) -> Self {
        Self::Raise { resources, token, fencing }
    }

    /// Makes the same action for a lock that is fenced. One that sets no keys stays as it is.
    #[must_use]
    pub fn fenced(mut self, by: impl Into<Option<Arc<Fencing>>>) -> Self {
        if let Self::Acquire { fencing, .. } | Self::AcquireInTurn { fencing, .. } = &mut self {
            *fencing = by.into();
        }
        self
    }

    /// Makes the same action for a lock with the label of its owner. One that neither sets, keeps nor deletes keys stays as it
    /// is.
    #[must_use]
    pub fn owned_by(mut self, label: impl Into<Option<Owner>>) -> Self {
        if let Self::Acquire { owner, .. }
        | Self::AcquireInTurn { owner, .. }
        | Self::Extend { owner, .. }
        | Self::Release { owner, .. } = &mut self
        {
            *owner = label.into();
        }
        self
    }

    /// Creates the action that lets keys with the token live for the TTL at least.
    #[must_use]
    pub const fn extend(resources: Resources, token: Token, ttl: Ttl) -> Self {
        Self::Extend { resources, token, ttl, owner: None }
    }

    /// Creates the action that deletes keys with the token, and lets the homes call up those who wait for them.
    #[must_use]
    pub const fn release(resources: Resources, token: Token, homes: NodeSet) -> Self {
        Self::Release { resources, token, homes, keep: None, owner: None }
    }

    /// Creates the action that lets keys with the token live for the TTL from now on, and no longer.
    #[must_use]
    pub const fn keep(resources: Resources, token: Token, ttl: Ttl) -> Self {
        Self::Release { resources, token, homes: NodeSet::EMPTY, keep: Some(ttl), owner: None }
    }

    /// Creates the action that sets the key to the token if it is the waiter's turn.
    #[must_use]
    pub const fn acquire_in_turn(resource: Resource, token: Token, ttl: Ttl, waiter: WaiterId) -> Self {
        Self::acquire_all_in_turn(Resources::one(resource), 0, token, ttl, waiter)
    }

    /// Creates the action that sets the keys to the token if none is there and it is the waiter's turn to take the one that it
    /// waits for: the one at this place of the resources, counted from 0.
    #[must_use]
    pub const fn acquire_all_in_turn(
        resources: Resources,
        waits_for: u8,
        token: Token,
        ttl: Ttl,
        waiter: WaiterId,
    ) -> Self {
        let (keeps_turn, fencing, owner) = (Grace::NONE, None, None);
        Self::AcquireInTurn { resources, waits_for, token, ttl, waiter, keeps_turn, fencing, owner }
    }

    /// Makes the same action for a waiter that keeps its turn for a time when another key, one after the one that it waits for,
    /// is in its way. One that is not in turn stays as it is.
    #[must_use]
    pub const fn keeping_turn(mut self, time: Grace) -> Self {
        if let Self::AcquireInTurn { keeps_turn, .. } = &mut self {
            *keeps_turn = time;
        }
        self
    }

    /// Creates the action that takes the waiter out of the wait queue of the resource.
    #[must_use]
    pub const fn leave(resource: Resource, waiter: WaiterId) -> Self {
        Self::Leave { resources: Resources::one(resource), waiter }
    }

    /// Creates the action that asks how the key of the resource stands.
    #[must_use]
    pub const fn inspect(resource: Resource) -> Self {
        Self::Inspect { resources: Resources::one(resource) }
    }

    /// Returns what becomes of the counters of the keys that it sets, if the lock is fenced.
    pub(crate) fn fencing(&self) -> Option<&Fencing> {
        match self {
            Self::Acquire { fencing, .. } | Self::AcquireInTurn { fencing, .. } => fencing.as_deref(),
            _ => None,
        }
    }

    /// Returns the label of the owner of the lock that it is about.
    #[must_use]
    pub const fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Acquire { owner, .. }
            | Self::AcquireInTurn { owner, .. }
            | Self::Extend { owner, .. }
            | Self::Release { owner, .. } => owner.as_ref(),
            Self::Raise { .. } | Self::Leave { .. } | Self::Inspect { .. } | Self::ReadClock => None,
        }
    }

    /// Returns whether it lets keys live for a time from now on, and no longer.
    pub(crate) const fn keeps(&self) -> bool {
        matches!(self, Self::Release { keep: Some(_), .. })
    }

    /// Returns whether it is a command of every server, and no script.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::Acquire { resources, fencing, owner, .. } => {
                fencing.is_none() && owner.is_none() && resources.only().is_some()
            }
            Self::AcquireInTurn { .. }
            | Self::Raise { .. }
            | Self::Extend { .. }
            | Self::Release { .. }
            | Self::Leave { .. }
            | Self::Inspect { .. } => false,
            Self::ReadClock => true,
        }
    }

    /// Returns whether it sets one key and counts on for it, and does nothing else: there is a script for that alone.
    pub(crate) fn is_only_fenced(&self) -> bool {
        match self {
            Self::Acquire { resources, fencing: Some(fencing), owner: None, .. } => {
                fencing.fences().is_none() && resources.only().is_some()
            }
            _ => false,
        }
    }

    /// Returns the resource whose wait queue it is about; `None` for an action without a waiter.
    #[must_use]
    pub fn queue(&self) -> Option<&Resource> {
        match self {
            Self::AcquireInTurn { resources, waits_for, .. } => resources.at(*waits_for),
            Self::Leave { resources, .. } => resources.only(),
            _ => None,
        }
    }

    /// Returns the resources that it is about, each of which is a key; `None` for what is about none.
    #[must_use]
    pub const fn resources(&self) -> Option<&Resources> {
        match self {
            Self::Acquire { resources, .. }
            | Self::AcquireInTurn { resources, .. }
            | Self::Raise { resources, .. }
            | Self::Extend { resources, .. }
            | Self::Release { resources, .. }
            | Self::Leave { resources, .. }
            | Self::Inspect { resources } => Some(resources),
            Self::ReadClock => None,
        }
    }

    /// Returns the token of the attempt that it belongs to; `None` for what belongs to none.
    #[must_use]
    pub const fn token(&self) -> Option<&Token> {
        match self {
            Self::Acquire { token, .. }
            | Self::AcquireInTurn { token, .. }
            | Self::Raise { token, .. }
            | Self::Extend { token, .. }
            | Self::Release { token, .. } => Some(token),
            Self::Leave { .. } | Self::Inspect { .. } | Self::ReadClock => None,
        }
    }
}
