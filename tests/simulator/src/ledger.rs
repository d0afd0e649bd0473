mod attempt;
mod commands;
mod outcomes;
mod tenure;
mod validity;

use redlock_core::{Instant, NodeId, NodeSet, Resource, Token};

use self::attempt::Attempt;
use self::tenure::Tenure;
pub(crate) use self::validity::drift;
use crate::invariant::Violation;

/// The referee's book about one lock: what it was seen to send, and what it was seen to be answered.
///
/// It knows the rules from the protocol's description and nothing of how the core keeps them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    attempts: Vec<Attempt>,
    /// When the last attempt began, whether it came to send anything or not.
    began_at: Option<Instant>,
    tenure: Option<Tenure>,
    /// The turns that nodes have let it keep, and that its client has not given back.
    kept_turns: Vec<(NodeId, Resource)>,
    /// Its client has heard a call-up that it has not answered.
    is_called_up: bool,
    /// The lock was lost, released or given up.
    is_over: bool,
    /// Its user has asked for its release.
    is_leaving: bool,
    /// When the machine had nothing to do any more.
    settled_at: Option<Instant>,
    /// When it was handed over, whatever has become of it since.
    held_from: Option<Instant>,
    /// The token of what is somebody else's, who has left it.
    adopts: Option<Token>,
    /// The token of what was left to its keys, for somebody else to adopt.
    left: Option<Token>,
    /// Until then nobody else is to get what was held.
    min_hold_until: Option<Instant>,
    /// The nodes that have confirmed that they keep the keys until then.
    kept_by: NodeSet,
}

type Checked = Result<(), Violation>;

impl Ledger {
    /// Until when the lock is held, if it was handed over and not ended; by its client's clock.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.tenure.as_ref().map(|tenure| tenure.deadline)
    }

    /// Until when nobody else is to get what was held, and which nodes have confirmed that; by its client's clock.
    pub(crate) fn min_hold(&self) -> Option<(Instant, NodeSet)> {
        Some((self.min_hold_until?, self.kept_by))
    }

    /// The token of the last attempt.
    pub(crate) fn token(&self) -> Option<Token> {
        self.attempts.last().map(|attempt| attempt.token)
    }

    /// Returns whether the lock waits in the queue of this node for a resource, and hears when it is called up.
    pub(crate) fn has_place_at(&self, node: NodeId, resource: &Resource) -> bool {
        let has_place = self.attempts.last().is_some_and(|attempt| attempt.has_place && !attempt.is_deaf);
        has_place && self.is_in_turn_for(resource, node)
    }

    /// Returns whether the last attempt has asked this node in turn for a resource.
    pub(crate) fn is_in_turn_for(&self, resource: &Resource, node: NodeId) -> bool {
        self.waits_for(resource) && self.attempts.last().is_some_and(|attempt| attempt.home == Some(node))
    }

    /// Returns whether the last attempt has asked some node in turn for a resource.
    pub(crate) fn waits_for(&self, resource: &Resource) -> bool {
        self.attempts.last().is_some_and(|attempt| attempt.waits_for.as_ref() == Some(resource))
    }

    /// Returns whether it keeps its turn at a node to take a resource while it waits for another one.
    pub(crate) fn keeps_turn(&self, node: NodeId, resource: &Resource) -> bool {
        self.kept_turns.iter().any(|(keeper, kept)| (*keeper, kept) == (node, resource))
    }

    /// Its client has told a node that nobody of it waits there for a resource, or has a turn.
    pub(crate) fn leaves_queue(&mut self, node: NodeId, resource: &Resource) {
        self.kept_turns.retain(|(keeper, kept)| (*keeper, kept) != (node, resource));
        if self.is_in_turn_for(resource, node)
            && let Some(attempt) = self.attempts.last_mut()
        {
            attempt.has_place = false;
        }
    }

    /// Returns the node that was asked in turn by the last attempt, and whether that was after a call-up.
    pub(crate) fn turn(&self) -> Option<(NodeId, bool)> {
        self.attempts.last().and_then(|attempt| Some((attempt.home?, attempt.is_called_up)))
    }

    /// Returns whether a key with this value is one of this lock's.
    pub(crate) fn owns(&self, value: &[u8]) -> bool {
        self.attempts.iter().any(|attempt| attempt.token.as_bytes() == value)
    }

    /// Returns whether such a key may be on the node after all: it was told to release it until the TTL should have been
    /// over, and did not confirm that. A node that stood still may have set the key later than that.
    pub(crate) fn has_given_up(&self, value: &[u8], node: NodeId) -> bool {
        let attempt = self.attempts.iter().find(|attempt| attempt.token.as_bytes() == value);
        let has_given_up = |attempt: &Attempt| {
            let released_at = attempt.released_at.unwrap_or(attempt.asked_at);
            let given_up_at = released_at.saturating_add(attempt.ttl).saturating_add(drift(attempt.ttl));
            Some(!attempt.cleared.contains(node) && self.settled_at? >= given_up_at)
        };
        attempt.and_then(has_given_up).unwrap_or(false)
    }

    /// Returns whether it is asked who has the keys that somebody else has left.
    fn is_adopting(&self) -> bool {
        let is_open = self.tenure.is_none() && !self.is_over;
        is_open && self.adopts.is_some()
    }
}
