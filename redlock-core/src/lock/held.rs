use super::release::Claim;
use crate::command::Action;
use crate::output::Output;
use crate::round::{Recorded, Round};
use crate::{
    CommandId, Config, Instant, NodeId, NodeOutcomes, NodeSet, OperationId, Reply, Request, Token, Ttl, lease,
};

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) token: Token,
    /// The end of its validity.
    pub(super) deadline: Instant,
    /// The longest TTL that a node may have been told.
    pub(super) longest_ttl: Ttl,
    /// The last extension that is over, whose late replies still tell which nodes to heal.
    pub(super) last: Option<Extension>,
}

/// One extension: a round of compare-and-lengthen on all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Extension {
    pub(super) operation: OperationId,
    round: Round,
    ttl: Ttl,
    /// The moment at which it began, before its first byte was sent.
    started_at: Instant,
    /// The deadline of the lock when it began: past it nothing of the extension is sent.
    send_by: Instant,
}

/// The result of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExtensionResult {
    Extended { deadline: Instant },
    Unconfirmed(NodeOutcomes),
    KeysGone(NodeOutcomes),
}

impl Held {
    pub(super) fn new(token: Token, deadline: Instant, ttl: Ttl) -> Self {
        Self { token, deadline, longest_ttl: ttl, last: None }
    }

    /// Returns what is to be released in the end.
    pub(super) fn claim(&self, config: &Config) -> Claim {
        let (token, longest_ttl) = (self.token, self.longest_ttl);
        Claim { token, nodes: config.nodes(), longest_ttl, was_won: true, was_lost: false }
    }

    /// Asks all nodes to let the key live for `ttl` from now on.
    pub(super) fn extend(
        &mut self,
        config: &Config,
        request: &Request,
        operation: OperationId,
        ttl: Ttl,
        now: Instant,
        output: &mut Output,
    ) -> Extension {
        let ends_at = now.saturating_add(config.node_timeout().of(ttl.get())).min(self.deadline);
        let action = Action::Extend { resource: request.resource.clone(), token: self.token, ttl };
        let id = output.send(config.nodes(), action, self.deadline);
        let round = Round::open(config, config.nodes(), id, ends_at);
        self.longest_ttl = self.longest_ttl.max(ttl);
        Extension { operation, round, ttl, started_at: now, send_by: self.deadline }
    }

    /// Takes a late reply to the last extension. Returns what each node said to it, if that proves that a quorum can no
    /// longer have the key: an extension that has failed for want of replies may still prove it.
    pub(super) fn handle_late_reply(
        &mut self,
        config: &Config,
        request: &Request,
        id: CommandId,
        node: NodeId,
        reply: Reply,
        output: &mut Output,
    ) -> Option<NodeOutcomes> {
        let last = self.last.as_mut()?;
        last.handle_reply(request, self.token, id, node, reply, output);
        last.keys_gone(config)
    }
}

impl Extension {
    /// Takes a reply, in time or late.
    ///
    /// A node without the key is given it again, so that a lock that is held for long outlives the restart of every
    /// node, one at a time. The new key does not count in this round: nobody knows for how long the node was without.
    pub(super) fn handle_reply(
        &mut self,
        request: &Request,
        token: Token,
        id: CommandId,
        node: NodeId,
        reply: Reply,
        output: &mut Output,
    ) {
        let is_missing = reply == Reply::Missing;
        let (resource, ttl) = (request.resource.clone(), self.ttl);
        let only = NodeSet::from_iter([node]);
        match self.round.record(id, node, reply) {
            Recorded::Vote if is_missing => {
                output.send(only, Action::Acquire { resource, token, ttl }, self.send_by);
            }
            Recorded::WantsSource => {
                let id = output.send_source(only, Action::Extend { resource, token, ttl }, self.send_by);
                self.round.asked_again(only, id, true);
            }
            Recorded::Vote | Recorded::Stray => {}
        }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        self.round.expire(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.round.poll_timeout()
    }

    /// Returns the result, as soon as it is fixed. The caller has made sure that the lock's deadline has not passed.
    pub(super) fn result(&self, config: &Config) -> Option<ExtensionResult> {
        let (votes, tally) = (config.votes(), self.round.tally());
        let failed = tally.gone().saturating_add(tally.unavailable);
        if tally.done >= votes.size() {
            let deadline = lease::deadline(config, self.started_at, self.ttl.get()).unwrap_or(self.send_by);
            Some(ExtensionResult::Extended { deadline: deadline.max(self.send_by) })
        } else if let Some(nodes) = self.keys_gone(config) {
            Some(ExtensionResult::KeysGone(nodes))
        } else if votes.is_blocked_by(failed) && !votes.is_blocked_by(tally.gone().saturating_add(tally.pending)) {
            Some(ExtensionResult::Unconfirmed(self.round.report(config)))
        } else {
            None
        }
    }

    fn keys_gone(&self, config: &Config) -> Option<NodeOutcomes> {
        config.votes().is_blocked_by(self.round.tally().gone()).then(|| self.round.report(config))
    }
}
