use core::time::Duration;

use crate::command::Action;
use crate::output::Output;
use crate::round::{Owed, Recorded, Round};
use crate::span::Span;
use crate::{
    Cause, CommandId, Config, Instant, NodeId, NodeSet, Outcome, ReleaseReport, ReleaseVerdict, Reply, Request, Token,
    Ttl, Unavailable, lease,
};

/// The first wait before a node that failed is told again; it doubles up to [`MAX_RETRY`].
const MIN_RETRY: Duration = Duration::from_millis(50);
/// The longest wait before a node that failed is told again.
const MAX_RETRY: Duration = Duration::from_secs(1);

/// For so long at most others of the same handle wait for the word of the home of what is released.
const HOME_PATIENCE: Duration = Duration::from_millis(50);

/// The release of one token on all nodes that may have it.
///
/// It has a verdict as soon as that is fixed, but goes on after it: a node that failed is told again until it answers,
/// or until the key is over anyway. A node that is merely silent is not told again, because the command is still on
/// its way; its late answer settles it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Release {
    token: Token,
    round: Round,
    /// The nodes that call up those who wait for its end.
    homes: NodeSet,
    /// Those of them for whose word others of the same handle wait.
    awaited: NodeSet,
    /// The keys stay until then; the past if they are to be deleted.
    keep_until: Instant,
    /// The lock was over before its release began, also where a node still keeps the key.
    was_lost: bool,
    /// Who has not said yet whether it has got the token.
    owed: Owed,
    /// The nodes that may still have the key.
    unsettled: NodeSet,
    /// Those of them that are to be told again, at `retry_at`.
    failed: NodeSet,
    retry_at: Instant,
    retry_delay: Span,
    /// Nobody waits for the nodes any more.
    is_overdue: bool,
    /// From then on nobody waits for the word of the home.
    makes_way_at: Instant,
    /// From then on every key is over.
    until: Instant,
    /// The verdict was reported.
    is_reported: bool,
}

/// A token that is to be released on the nodes that may have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) token: Token,
    /// The nodes that may have it.
    pub(super) nodes: NodeSet,
    /// Those of them that have not said yet whether they have got it, as far as that is heard.
    pub(super) owed: Owed,
    /// None of them was told a longer TTL.
    pub(super) longest_ttl: Ttl,
    /// The nodes that call up those who wait for its end.
    pub(super) homes: NodeSet,
    /// The keys stay until then; the past if they are to be deleted.
    pub(super) keep_until: Instant,
    /// The lock was over before its release began, also where a node still keeps the key.
    pub(super) was_lost: bool,
}

impl Release {
    /// Tells all nodes that may have the key to delete it.
    pub(super) fn begin(config: &Config, request: &Request, claim: Claim, now: Instant, output: &mut Output) -> Self {
        let Claim { token, nodes, owed, longest_ttl, homes, keep_until, was_lost } = claim;
        let ttl = longest_ttl.get().max(keep_until.saturating_since(now));
        let until = now.saturating_add(ttl).saturating_add(lease::drift(ttl, config.drift_ppm()));
        let ends_at = now.saturating_add(config.node_timeout().of(ttl)).min(until);
        let id = output.send(nodes, action(request, token, homes, keep_until, now), until);
        Self {
            token,
            round: Round::open(config, nodes, id, ends_at),
            homes,
            awaited: homes,
            keep_until,
            was_lost,
            owed,
            unsettled: nodes,
            failed: NodeSet::EMPTY,
            retry_at: now,
            retry_delay: Span::of(MIN_RETRY),
            is_overdue: false,
            makes_way_at: now.saturating_add(HOME_PATIENCE),
            until,
            is_reported: false,
        }
    }

    /// Returns whether a reply with this id is one to this release.
    pub(super) fn expects(&self, id: CommandId, node: NodeId) -> bool {
        self.round.expects(id, node)
    }

    /// Takes the late reply to the command by which a node may have got the token. If it certainly has not carried that out,
    /// there is nothing to release.
    pub(super) fn handle_owed(&mut self, id: CommandId, node: NodeId, reply: &Reply) {
        if id != self.owed.id || !self.owed.nodes.contains(node) {
            return;
        }
        self.owed.nodes.remove(node);
        if matches!(reply, Reply::Unavailable(why) if why.proves_untouched()) {
            self.unsettled.remove(node);
            self.failed.remove(node);
            self.round.revoke(node, Outcome::Unavailable(Unavailable::new(Cause::NotAsked)));
        }
    }

    /// Takes a reply; returns whether somebody else wants what was released, if that is what a home has said.
    pub(super) fn handle_reply(
        &mut self,
        request: &Request,
        id: CommandId,
        node: NodeId,
        reply: Reply,
        now: Instant,
        output: &mut Output,
    ) -> Option<bool> {
        let has_called_up = matches!(reply, Reply::CalledUp);
        let reply = if has_called_up { Reply::Done } else { reply };
        // A home that was to keep the keys for a time was not asked whether somebody waits.
        let is_done_by_home = matches!(reply, Reply::Done) && self.homes.contains(node) && now >= self.keep_until;
        let is_answer = matches!(reply, Reply::Done | Reply::HeldByOther(_) | Reply::Missing);
        let recorded = self.round.record(id, node, reply);
        match recorded {
            Recorded::Stray => {}
            Recorded::WantsSource => {
                let only = NodeSet::from_iter([node]);
                let id = output.send_source(only, self.action(request, now), self.until);
                self.round.asked_again(only, id, true);
            }
            Recorded::Vote if is_answer => {
                self.unsettled.remove(node);
                self.failed.remove(node);
            }
            Recorded::Vote => self.retry_later(node, now),
        }
        let counts = recorded == Recorded::Vote && (has_called_up || is_done_by_home);
        counts.then_some(has_called_up)
    }

    pub(super) fn handle_timeout(&mut self, request: &Request, now: Instant, output: &mut Output) {
        self.round.expire(now);
        self.is_overdue |= now >= self.round.deadline();
        if now >= self.until {
            (self.unsettled, self.failed) = (NodeSet::EMPTY, NodeSet::EMPTY);
        } else if !self.failed.is_empty() && now >= self.retry_at {
            let nodes = core::mem::take(&mut self.failed);
            let id = output.send_again(nodes, self.action(request, now), self.until);
            self.round.asked_again(nodes, id, false);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let retry = (!self.failed.is_empty()).then_some(self.retry_at);
        let end = if self.is_overdue { self.until } else { self.round.deadline() };
        let end = (!self.is_settled()).then_some(end);
        Instant::earliest([retry, end])
    }

    /// Returns when others of the same handle may ask for the resources: their commands are behind the release, but the
    /// home, which may have somebody else to call, has not had its say. `None` if it has.
    pub(super) fn makes_way_at(&self) -> Option<Instant> {
        (!self.is_quiet() && self.round.awaits(self.awaited)).then_some(self.makes_way_at)
    }

    /// Waits no longer for the word of these homes.
    pub(super) const fn expect_no_word(&mut self, homes: NodeSet) {
        self.awaited = self.awaited.without(homes);
    }

    /// Returns the verdict with what each node said, once, as soon as it is fixed.
    pub(super) fn take_report(&mut self, config: &Config) -> Option<ReleaseReport> {
        if self.is_reported {
            return None;
        }
        let verdict = self.verdict(config)?;
        self.is_reported = true;
        Some(ReleaseReport { verdict, nodes: self.round.report(config) })
    }

    /// Returns whether the verdict was reported.
    pub(super) const fn is_reported(&self) -> bool {
        self.is_reported
    }

    /// Returns whether no node can have the key any more.
    pub(super) const fn is_settled(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// Returns whether every node has answered, or let its time pass.
    pub(super) const fn is_quiet(&self) -> bool {
        self.is_settled() || self.is_overdue
    }

    fn verdict(&self, config: &Config) -> Option<ReleaseVerdict> {
        let (votes, tally) = (config.votes(), self.round.tally());
        let may_be = |count: usize| count.saturating_add(tally.pending);
        if tally.done >= votes.size() {
            Some(if self.was_lost { ReleaseVerdict::AlreadyExpired } else { ReleaseVerdict::Released })
        } else if tally.held_by_other >= votes.size() {
            Some(ReleaseVerdict::TakenOver)
        } else if votes.is_blocked_by(tally.gone()) && may_be(tally.held_by_other) < votes.size() {
            Some(ReleaseVerdict::AlreadyExpired)
        } else if may_be(tally.done) < votes.size() && !votes.is_blocked_by(may_be(tally.gone())) {
            Some(ReleaseVerdict::Unconfirmed)
        } else {
            None
        }
    }

    fn retry_later(&mut self, node: NodeId, now: Instant) {
        if !self.unsettled.contains(node) {
            return;
        }
        if self.failed.is_empty() {
            let delay = self.retry_delay.get();
            self.retry_at = now.saturating_add(delay);
            self.retry_delay = Span::of(delay.saturating_mul(2).min(MAX_RETRY));
        }
        self.failed.insert(node);
    }

    fn action(&self, request: &Request, now: Instant) -> Action {
        action(request, self.token, self.homes, self.keep_until, now)
    }
}

/// Returns what the nodes are asked.
fn action(request: &Request, token: Token, homes: NodeSet, keep_until: Instant, now: Instant) -> Action {
    let resources = request.resources.clone();
    let action = match Ttl::until(keep_until, now) {
        Some(ttl) => Action::keep(resources, token, ttl),
        None => Action::release(resources, token, homes),
    };
    action.owned_by(request.owner.clone())
}
