use core::time::Duration;
use std::collections::BTreeMap;

use redlock_core::{Command, CommandId, Instant, NodeId, NodeSet, Outcome, ReleaseVerdict, Reply, ScriptForm};

use super::order::{Order, Word};
use super::round::{Heard, Round};
use crate::news::Outcomes;
use crate::setup::Setup;

/// The waits before failed nodes are told again: they double from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What is to be released.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// The number of the attempt whose token it has.
    pub(crate) attempt: u32,
    /// The nodes that may have the key.
    pub(crate) nodes: NodeSet,
    /// None of them was told a longer TTL.
    pub(crate) longest_ttl: Duration,
    /// The lock was over before its release began.
    pub(crate) was_lost: bool,
}

/// The release of the token of one attempt, until no node can have its key.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    pub(crate) claim: Claim,
    round: Round,
    /// By which commands nodes may have got the key that have not said so.
    owed: BTreeMap<NodeId, CommandId>,
    unsettled: NodeSet,
    failed: NodeSet,
    wait: Duration,
    retry_at: Instant,
    /// From then on every key is over.
    until: Instant,
}

impl Undo {
    pub(crate) fn begin(
        setup: &Setup,
        claim: Claim,
        owed: BTreeMap<NodeId, CommandId>,
        now: Instant,
        orders: &mut Vec<Order>,
    ) -> Self {
        let until = now.saturating_add(claim.longest_ttl + setup.drift(claim.longest_ttl));
        let ends_at = now.saturating_add(setup.node_timeout).min(until);
        let round = Round::new(setup.nodes, claim.nodes, ends_at);
        let (unsettled, failed) = (claim.nodes, NodeSet::EMPTY);
        let undo = Self { claim, round, owed, unsettled, failed, wait: FIRST_WAIT, retry_at: now, until };
        orders.push(undo.order(claim.nodes, ScriptForm::Digest));
        undo
    }

    pub(crate) fn ask(&mut self, command: &Command) {
        self.round.ask(command);
    }

    /// Notes that nodes may have got the key by a command that they have not answered.
    pub(crate) fn owe(&mut self, command: &Command) {
        self.owed.extend(command.nodes.iter().map(|node| (node, command.id)));
    }

    /// Takes the reply to a command by which the node may have got the key. If it never did, there is nothing to release.
    pub(crate) fn hear_late(&mut self, id: CommandId, node: NodeId, is_untouched: bool) {
        let is_owed = self.owed.get(&node) == Some(&id) && self.owed.remove(&node).is_some();
        if is_owed && is_untouched {
            self.unsettled.remove(node);
            self.failed.remove(node);
            self.round.is_not_asked(node);
        }
    }

    /// Takes a reply, and says whether it was one to this release.
    pub(crate) fn answer(
        &mut self,
        id: CommandId,
        node: NodeId,
        reply: &Reply,
        now: Instant,
        orders: &mut Vec<Order>,
    ) -> bool {
        let reply = if *reply == Reply::CalledUp { &Reply::Done } else { reply };
        match self.round.answer(id, node, reply) {
            Heard::Stray => return false,
            Heard::UnknownScript => orders.push(self.order(NodeSet::from_iter([node]), ScriptForm::Source)),
            Heard::Outcome(Outcome::Unavailable(_)) => self.retry_later(node, now),
            Heard::Outcome(_) => self.unsettled.remove(node),
        }
        true
    }

    pub(crate) fn wake(&mut self, now: Instant, orders: &mut Vec<Order>) {
        self.round.close(now);
        if now >= self.until {
            (self.unsettled, self.failed) = (NodeSet::EMPTY, NodeSet::EMPTY);
        }
        if !self.failed.is_empty() && now >= self.retry_at {
            orders.push(self.order(self.failed, ScriptForm::Digest));
            self.failed = NodeSet::EMPTY;
        }
    }

    pub(crate) fn verdict(&self) -> Option<(ReleaseVerdict, Outcomes)> {
        let verdict = match self.round.released()? {
            ReleaseVerdict::Released if self.claim.was_lost => ReleaseVerdict::AlreadyExpired,
            verdict => verdict,
        };
        Some((verdict, self.round.outcomes()))
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }

    pub(crate) fn is_quiet(&self, now: Instant) -> bool {
        self.is_settled() || now >= self.round.ends_at
    }

    pub(crate) fn timer(&self, now: Instant) -> Option<Instant> {
        let end = if now >= self.round.ends_at { self.until } else { self.round.ends_at };
        let retry = if self.failed.is_empty() { end } else { self.retry_at };
        (!self.is_settled()).then_some(end.min(retry))
    }

    fn retry_later(&mut self, node: NodeId, now: Instant) {
        if !self.unsettled.contains(node) {
            return;
        }
        if self.failed.is_empty() {
            self.retry_at = now.saturating_add(self.wait);
            self.wait = (self.wait * 2).min(LAST_WAIT);
        }
        self.failed.insert(node);
    }

    fn order(&self, nodes: NodeSet, form: ScriptForm) -> Order {
        Order { word: Word::Release, attempt: self.claim.attempt, nodes, form, send_by: self.until }
    }
}
