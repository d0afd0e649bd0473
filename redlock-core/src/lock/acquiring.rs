use super::release::Claim;
use crate::command::Action;
use crate::output::Output;
use crate::quorum::Verdict;
use crate::round::{Recorded, Round};
use crate::{Cause, CommandId, Config, Instant, NodeId, NodeSet, Reply, Request, Token, Unavailable, lease};

/// One attempt: a fresh token on its way to all nodes at once.
///
/// Source: *Distributed Locks with Redis*, "The Redlock Algorithm", steps 1 to 3, with all nodes asked in parallel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    pub(super) token: Token,
    pub(super) round: Round,
    /// The moment at which the attempt began, before its first byte was sent.
    started_at: Instant,
    /// Sent later than that, it would be of no use, and its release might be given up before it.
    send_by: Instant,
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
}

impl Attempt {
    pub(super) fn begin(
        config: &Config,
        request: &Request,
        token: Token,
        round_ends_at: Instant,
        now: Instant,
        output: &mut Output,
    ) -> Self {
        let deadline = lease::deadline(config, now, request.ttl.get());
        let send_by = deadline.map_or(round_ends_at, |deadline| deadline.min(round_ends_at));
        let id = output.send(config.nodes(), action(request, token), send_by);
        Self { token, round: Round::open(config, config.nodes(), id, round_ends_at), started_at: now, send_by }
    }

    /// Returns what it has or may have acquired.
    pub(super) fn claim(&self, config: &Config, request: &Request, was_won: bool) -> Claim {
        let nodes = self.round.touched(config);
        let announce = if was_won { config.homes(&request.resources) } else { NodeSet::EMPTY };
        Claim { token: self.token, nodes, longest_ttl: request.ttl, announce, was_lost: false }
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
        let is_unexpected = match reply {
            Reply::Missing | Reply::NotOurs => true,
            // A single key is set without one.
            Reply::UnknownScript => request.resources.only().is_some(),
            _ => false,
        };
        let reply = if is_unexpected { Reply::Unavailable(Unavailable::new(Cause::Unexpected)) } else { reply };
        let recorded = self.round.record(id, node, reply);
        if recorded == Recorded::WantsSource {
            let only = NodeSet::from_iter([node]);
            let id = output.send_source(only, action(request, self.token), self.send_by);
            self.round.asked_again(only, id, true);
        }
        recorded
    }

    /// Returns the result, as soon as it is fixed. `now` is when the deciding reply was handled.
    pub(super) fn result(&self, config: &Config, request: &Request, now: Instant) -> Option<AttemptResult> {
        let tally = self.round.tally();
        let refused = tally.held_by_other.saturating_add(tally.unavailable);
        match config.votes().verdict(tally.done, refused) {
            Verdict::Undecided => None,
            Verdict::Won => Some(self.won(config, request, now)),
            Verdict::Lost if config.votes().is_blocked_by(tally.unavailable) => {
                Some(AttemptResult::Failed(Failure::Unavailable))
            }
            Verdict::Lost => Some(AttemptResult::Failed(Failure::Contended)),
        }
    }

    fn won(&self, config: &Config, request: &Request, now: Instant) -> AttemptResult {
        lease::deadline(config, self.started_at, request.ttl.get())
            .filter(|deadline| now.saturating_add(request.options.min_validity) < *deadline)
            .map_or(AttemptResult::Failed(Failure::Expired), |deadline| AttemptResult::Won { deadline })
    }
}

fn action(request: &Request, token: Token) -> Action {
    Action::acquire(request.resources.clone(), token, request.ttl)
}
