use alloc::boxed::Box;

use super::minting::Minting;
use super::release::Claim;
use super::turn::Course;
use crate::command::Action;
use crate::fence::{Fence, Fences};
use crate::output::Output;
use crate::quorum::Verdict;
use crate::round::{Owed, Recorded, Round};
use crate::{Cause, CommandId, Config, Instant, NodeId, NodeSet, Outcome, Reply, Request, Token, Unavailable, lease};

/// One attempt: a fresh token on its way to all nodes at once, or to the home and then to the others.
///
/// Source: *Distributed Locks with Redis*, "The Redlock Algorithm", steps 1 to 3, with all nodes asked in parallel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    pub(super) token: Token,
    pub(super) round: Round,
    pub(super) course: Course,
    /// The nodes that are asked when the home has granted.
    unasked: NodeSet,
    /// The moment at which the attempt began, before its first byte was sent.
    started_at: Instant,
    /// Sent later than that, it would be of no use, and its release might be given up before it.
    send_by: Instant,
    /// The fences, if the lock is to have some that are new.
    minting: Option<Box<Minting>>,
}

/// What an attempt asks for.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) token: Token,
    pub(super) course: Course,
    /// What is proposed as a fence, if the lock is to have a new one.
    pub(super) proposal: Option<Fence>,
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptResult {
    Won { deadline: Instant },
    Failed(Failure),
}

/// The reason for which an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Contended,
    Unavailable,
    Expired,
    /// The keys that were to be adopted are not there any more.
    Gone,
    /// The home has not said whose turn it is. That says nothing about the lock.
    NoTurn,
}

impl Attempt {
    pub(super) fn begin(
        config: &Config,
        request: &Request,
        ask: Ask,
        round_ends_at: Instant,
        now: Instant,
        output: &mut Output,
    ) -> Self {
        let (Ask { token, course, proposal }, nodes) = (ask, config.nodes());
        let minting = proposal.map(|proposal| Box::new(Minting::begin(proposal, config.fence_retention())));
        let first = course.turn().map_or(nodes, |turn| NodeSet::from_iter([turn.home]));
        let send_by = send_by(config, request, now, round_ends_at);
        let mint = minting.as_ref().map(|minting| minting.mint());
        let id = output.send(first, action(request, token, &course, first).fenced(mint), send_by);
        let (round, unasked) = (Round::open(config, nodes, id, round_ends_at), nodes.without(first));
        let mut attempt = Self { token, round, course, unasked, started_at: now, send_by, minting };
        // Of several resources another may be held: then the others would be asked in vain.
        if attempt.was_called_up() && request.resources.only().is_some() {
            attempt.ask_others(config, request, round_ends_at, output);
        }
        attempt
    }

    /// Asks the nodes that were not asked. The validity counts from the moment at which the home was asked all the same.
    pub(super) fn ask_others(&mut self, config: &Config, request: &Request, ends_at: Instant, output: &mut Output) {
        self.send_by = send_by(config, request, self.started_at, ends_at);
        let others = core::mem::take(&mut self.unasked);
        if !others.is_empty() {
            let id = output.send(others, self.action(request, others), self.send_by);
            self.round.asked_by(others, id, ends_at);
        }
    }

    /// Returns the moment at which it began, before its first byte was sent.
    pub(super) const fn started_at(&self) -> Instant {
        self.started_at
    }

    /// Returns whether nobody but the home was asked.
    pub(super) const fn waits_for_home(&self) -> bool {
        !self.unasked.is_empty()
    }

    /// Returns what it has or may have acquired.
    pub(super) fn claim(&self, config: &Config, request: &Request) -> Claim {
        let mut nodes = config.nodes().without(self.untouched()).without(self.unasked);
        if matches!(self.course, Course::Adopting) {
            // They may be somebody else's still.
            nodes = NodeSet::EMPTY;
        }
        if let Some(turn) = self.course.turn()
            && self.home_has_refused()
        {
            // A waiter that was refused by the home stays in its queue, and has nothing to undo.
            nodes.remove(turn.home);
        }
        let homes = config.homes(&request.resources);
        let (token, longest_ttl, keep_until) = (self.token, request.ttl, Instant::EPOCH);
        Claim { token, nodes, owed: self.owed(), longest_ttl, homes, keep_until, was_lost: false }
    }

    /// Returns who has not said yet whether it has got the keys. That says nothing of a lock that is adopted: a node may have had
    /// them before it was asked.
    pub(super) fn owed(&self) -> Owed {
        if matches!(self.course, Course::Adopting) { Owed::NOTHING } else { self.round.owed() }
    }

    /// Returns the nodes that certainly have none of the keys. A lock that is adopted may have some where nobody was asked.
    pub(super) fn untouched(&self) -> NodeSet {
        if matches!(self.course, Course::Adopting) {
            return NodeSet::EMPTY;
        }
        self.round.untouched().without(self.holders())
    }

    /// Returns the nodes that have granted a fenced lock, whatever they have said since.
    pub(super) fn holders(&self) -> NodeSet {
        self.minting.as_ref().map_or(NodeSet::EMPTY, |minting| minting.holders())
    }

    /// Takes a reply, in time or late: also one that comes after the hand-over says whether the node has the keys.
    pub(super) fn handle_reply(
        &mut self,
        request: &Request,
        id: CommandId,
        node: NodeId,
        reply: Reply,
        output: &mut Output,
    ) -> Recorded {
        if let Some(minting) = self.minting.as_mut().filter(|minting| minting.expects(id, node)) {
            if let Some(outcome) = minting.handle_reply(request, self.token, node, reply, output) {
                self.round.revoke(node, outcome);
            }
            return Recorded::Vote;
        }
        let granted = match &reply {
            Reply::Granted(fences) => Some(fences.clone()),
            _ => None,
        };
        let is_unexpected = match reply {
            Reply::Done | Reply::Granted(_) => granted.is_some() != self.minting.is_some(),
            Reply::Missing => !matches!(self.course, Course::Adopting),
            Reply::NotOurs => true,
            Reply::UnknownScript => self.action(request, NodeSet::from_iter([node])).is_plain(),
            _ => false,
        };
        let reply = if is_unexpected { Reply::Unavailable(Unavailable::new(Cause::Unexpected)) } else { reply };
        let recorded = self.round.record(id, node, reply);
        if recorded == Recorded::WantsSource {
            let only = NodeSet::from_iter([node]);
            let id = output.send_source(only, self.action(request, only), self.send_by);
            self.round.asked_again(only, id, true);
        }
        if let (Some(minting), Some(fences), Recorded::Vote) = (&mut self.minting, granted, recorded) {
            minting.grant(node, fences);
        }
        recorded
    }

    /// Returns whether a reply with this id is one to this attempt.
    pub(super) fn expects(&self, id: CommandId, node: NodeId) -> bool {
        self.round.expects(id, node) || self.minting.as_ref().is_some_and(|minting| minting.expects(id, node))
    }

    /// Returns whether no reply to it counts any more.
    pub(super) fn is_answered(&self) -> bool {
        self.round.is_answered() && self.minting.as_ref().is_none_or(|minting| minting.is_answered())
    }

    /// Returns whether it has new fences.
    pub(super) const fn is_fenced(&self) -> bool {
        self.minting.is_some()
    }

    /// Has the fences kept by a quorum, when one has granted.
    pub(super) fn commit(&mut self, config: &Config, request: &Request, ends_at: Instant, output: &mut Output) {
        if let Some(minting) = &mut self.minting {
            let ends_at = send_by(config, request, self.started_at, ends_at);
            minting.advance(config.quorum(), request, self.token, ends_at, output);
        }
    }

    /// Returns the fences, once they are fixed.
    pub(super) fn fences(&self) -> Option<&Fences> {
        self.minting.as_ref()?.fences()
    }

    /// Returns whether it took a second round for its fences; `None` if it has no new ones.
    pub(super) fn commit_round(&self) -> Option<bool> {
        self.minting.as_ref().map(|minting| minting.is_second_round())
    }

    /// Counts silence as a refusal when its time is over.
    pub(super) fn expire(&mut self, now: Instant) {
        self.round.expire(now);
        let late = self.minting.as_mut().map_or(NodeSet::EMPTY, |minting| minting.expire(now));
        for node in late.iter() {
            self.round.revoke(node, Outcome::Unavailable(Unavailable::new(Cause::NoAnswer)));
        }
    }

    /// Returns the moment at which [`Self::expire`] has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let minting = self.minting.as_ref().and_then(|minting| minting.poll_timeout());
        Instant::earliest([self.round.poll_timeout(), minting])
    }

    /// Returns the result, as soon as it is fixed. `now` is when the deciding reply was handled.
    pub(super) fn result(&self, config: &Config, request: &Request, now: Instant) -> Option<AttemptResult> {
        let tally = self.round.tally();
        if self.waits_for_home() {
            return match (tally.held_by_other, tally.unavailable) {
                (0, 0) => None,
                (0, _) => Some(AttemptResult::Failed(Failure::NoTurn)),
                _ => Some(AttemptResult::Failed(Failure::Contended)),
            };
        }
        let (done, ahead) = match &self.minting {
            Some(minting) => (minting.committed().len(), minting.ahead().len()),
            None => (tally.done, 0),
        };
        let refused = tally.gone().saturating_add(tally.unavailable).saturating_add(ahead);
        match config.votes().verdict(done, refused) {
            Verdict::Undecided => None,
            Verdict::Won => Some(self.won(config, request, now)),
            Verdict::Lost if matches!(self.course, Course::Adopting) => self.not_adopted(config),
            Verdict::Lost if config.votes().is_blocked_by(tally.unavailable) => {
                Some(AttemptResult::Failed(Failure::Unavailable))
            }
            Verdict::Lost => Some(AttemptResult::Failed(Failure::Contended)),
        }
    }

    /// Says why a lock is not adopted, as soon as that is fixed: it is over only if no quorum can have its keys, whatever the
    /// nodes have that have not answered.
    fn not_adopted(&self, config: &Config) -> Option<AttemptResult> {
        let (votes, tally) = (config.votes(), self.round.tally());
        if votes.is_blocked_by(tally.gone()) {
            Some(AttemptResult::Failed(Failure::Gone))
        } else if votes.is_blocked_by(tally.gone().saturating_add(tally.pending)) {
            None
        } else {
            Some(AttemptResult::Failed(Failure::Unavailable))
        }
    }

    fn won(&self, config: &Config, request: &Request, now: Instant) -> AttemptResult {
        lease::deadline(config, self.started_at, request.ttl.get())
            .filter(|deadline| now.after(request.options.min_validity) < *deadline)
            .map_or(AttemptResult::Failed(Failure::Expired), |deadline| AttemptResult::Won { deadline })
    }

    fn action(&self, request: &Request, nodes: NodeSet) -> Action {
        let mint = self.minting.as_ref().map(|minting| minting.mint());
        action(request, self.token, &self.course, nodes).fenced(mint)
    }
}

/// Returns what these nodes are asked: the home alone, or others.
fn action(request: &Request, token: Token, course: &Course, nodes: NodeSet) -> Action {
    let (resources, ttl, owner) = (request.resources.clone(), request.ttl, request.owner.clone());
    if matches!(course, Course::Adopting) {
        return Action::extend(resources, token, ttl).owned_by(owner);
    }
    match course.turn().filter(|turn| nodes == NodeSet::from_iter([turn.home])) {
        Some(turn) => {
            let in_turn = Action::acquire_all_in_turn(resources, turn.waits_for, token, ttl, turn.waiter.clone());
            in_turn.keeping_turn(turn.kept_for).owned_by(owner)
        }
        None => Action::acquire(resources, token, ttl).owned_by(owner),
    }
}

/// Returns until when the commands of an attempt may be sent.
fn send_by(config: &Config, request: &Request, started_at: Instant, round_ends_at: Instant) -> Instant {
    let deadline = lease::deadline(config, started_at, request.ttl.get());
    deadline.map_or(round_ends_at, |deadline| deadline.min(round_ends_at))
}
