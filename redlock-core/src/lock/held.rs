use alloc::boxed::Box;
use alloc::sync::Arc;

use super::acquiring::Attempt;
use super::release::Claim;
use crate::command::Action;
use crate::extension::Extension;
use crate::fence::{Fences, Fencing};
use crate::output::Output;
use crate::rare_list::{Items, RareList};
use crate::round::{Owed, Recorded, Round};
use crate::{
    CommandId, Config, DetachedLock, Event, ExtendError, Instant, KeepAlive, Loss, NodeId, NodeOutcomes, NodeSet,
    OperationId, Reply, Request, Token, Ttl,
};

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    token: Token,
    /// The nodes that have all keys, as far as their latest replies tell.
    pub(super) keepers: NodeSet,
    /// The nodes that certainly never had one of the keys: there is nothing to release.
    untouched: NodeSet,
    /// The end of its validity.
    pub(super) deadline: Instant,
    /// The end of the longest hold: no validity goes beyond it.
    hold_ends_at: Option<Instant>,
    /// The longest TTL that a node may have been told.
    longest_ttl: Ttl,
    /// Until then nobody else gets it, also when it is released.
    min_hold_until: Instant,
    /// Its fences, if it is fenced, and how a node that has lost them is told.
    fencing: Option<Arc<Fencing>>,
    /// The attempt that was won, as long as late replies to it tell which nodes have the keys, and no extension is over.
    attempt: Option<Box<Attempt>>,
    /// The extensions under way, in the order in which they were begun, and the one that was over last, as long as late
    /// replies to it tell which nodes have the keys and which to heal.
    extensions: RareList<Extension>,
    /// The keys that are being given again to nodes that had lost them, at most one command a node.
    replanted: RareList<Replanted>,
}

/// A command that gives a node again the keys that it has lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Replanted {
    node: NodeId,
    id: CommandId,
    ttl: Ttl,
    send_by: Instant,
    has_source: bool,
}

impl Held {
    /// The bytes that an extension takes until all nodes have answered it.
    pub(super) const BYTES_PER_EXTENSION: usize = size_of::<Items<Extension>>();

    /// Begins with the hand-over, at `now`.
    pub(super) fn new(config: &Config, attempt: Attempt, deadline: Instant, request: &Request, now: Instant) -> Self {
        let adopted = request.adopts.as_ref();
        let fences = attempt.fences().or_else(|| adopted?.fences.as_ref());
        let longest_ttl = adopted.map_or(request.ttl, |detached| Ttl::saturating(detached.longest_ttl));
        let max_hold = request.options.kept_alive().and_then(KeepAlive::max_hold);
        let hold_ends_at = max_hold.map(|max_hold| now.saturating_add(max_hold));
        Self {
            token: attempt.token,
            keepers: attempt.round.done(),
            untouched: attempt.untouched(),
            deadline: hold_ends_at.map_or(deadline, |ends_at| deadline.min(ends_at)),
            hold_ends_at,
            longest_ttl: longest_ttl.max(request.ttl),
            min_hold_until: now.after(request.options.min_hold),
            fencing: fences.map(|fences| Fencing::raise(fences.clone(), config.fence_retention())),
            attempt: (!attempt.is_answered()).then(|| Box::new(attempt)),
            extensions: RareList::new(),
            replanted: RareList::new(),
        }
    }

    /// Returns what is to be released in the end.
    pub(super) fn claim(&self, config: &Config, request: &Request) -> Claim {
        let (token, homes, keep_until) = (self.token, config.homes(&request.resources), self.min_hold_until);
        let (nodes, longest_ttl) = (config.nodes().without(self.untouched), self.longest_ttl);
        // Once an extension is over, who has not answered may have been given the keys by that.
        let owed = self.attempt.as_ref().map_or(Owed::NOTHING, |attempt| attempt.owed());
        Claim { token, nodes, owed, longest_ttl, homes, keep_until, was_lost: false }
    }

    pub(super) fn fences(&self) -> Option<&Fences> {
        self.fencing.as_ref()?.fences()
    }

    /// Returns what somebody else needs to adopt it.
    pub(super) fn detached(&self, request: &Request) -> DetachedLock {
        DetachedLock {
            resources: request.resources.clone(),
            token: self.token,
            ttl: request.ttl.get(),
            longest_ttl: self.longest_ttl.get(),
            fences: self.fences().cloned(),
            owner: request.owner.clone(),
        }
    }

    /// Returns the value of its keys.
    pub(super) const fn token(&self) -> &Token {
        &self.token
    }

    /// Begins an extension: asks all nodes to let the key live for `ttl` from now on.
    pub(super) fn extend(
        &mut self,
        config: &Config,
        request: &Request,
        operation: OperationId,
        ttl: Ttl,
        now: Instant,
        output: &mut Output,
    ) {
        let ends_at = now.saturating_add(config.node_timeout().of(ttl.get()));
        let action = Action::extend(request.resources.clone(), self.token, ttl).owned_by(request.owner.clone());
        let id = output.send(config.nodes(), action, self.deadline);
        let round = Round::open(config, config.nodes(), id, ends_at);
        self.longest_ttl = self.longest_ttl.max(ttl);
        let extension = Extension::new(operation, round, ttl, now, self.deadline);
        self.extensions.push_into(extension, &mut output.spare);
    }

    /// Takes a reply to whatever expects it, in time or late.
    ///
    /// A node without the keys is given them again, but does not count in the round of the extension: nobody knows for how
    /// long it was without.
    pub(super) fn handle_reply(
        &mut self,
        request: &Request,
        id: CommandId,
        node: NodeId,
        reply: Reply,
        output: &mut Output,
    ) {
        let has_keys = says_that_it_has_keys(&reply);
        let mut extensions = self.extensions.iter_mut();
        let recorded = if let Some(extension) = extensions.find(|extension| extension.round.expects(id, node)) {
            let is_missing = matches!(reply, Reply::Missing);
            let recorded = extension.round.record(id, node, reply);
            if recorded == Recorded::WantsSource {
                send_source(extension, request, self.token, node, output);
            }
            let (operation, ttl, send_by) = (extension.operation, extension.ttl, extension.send_by);
            if recorded == Recorded::Vote && is_missing {
                self.replant_missing(request, Replanted { node, id, ttl, send_by, has_source: false }, output);
            } else if recorded == Recorded::Vote && has_keys == Some(true) {
                self.recover(node, operation);
            }
            recorded
        } else if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.expects(id, node)) {
            let recorded = attempt.handle_reply(request, id, node, reply, output);
            // Later the node may have been given the keys again.
            if self.extensions.is_empty() {
                self.untouched = attempt.untouched();
            }
            recorded
        } else {
            self.handle_replanted(request, id, node, &reply, output)
        };
        match has_keys {
            Some(true) if recorded == Recorded::Vote => self.keepers.insert(node),
            Some(false) if recorded == Recorded::Vote => self.keepers.remove(node),
            _ => {}
        }
    }

    /// Notes that the node has confirmed an extension, and so has the keys that it may have lacked at earlier ones.
    fn recover(&mut self, node: NodeId, confirmed: OperationId) {
        for earlier in self.extensions.iter_mut().filter(|extension| extension.operation < confirmed) {
            earlier.recovered.insert(node);
        }
    }

    fn handle_replanted(
        &mut self,
        request: &Request,
        id: CommandId,
        node: NodeId,
        reply: &Reply,
        output: &mut Output,
    ) -> Recorded {
        let place = self.replanted.iter().position(|sent| sent.id == id && sent.node == node);
        let Some(sent) = place.and_then(|place| self.replanted.remove(place)) else { return Recorded::Stray };
        let is_plain = self.replanting(request, sent.ttl).is_plain();
        if *reply == Reply::UnknownScript && !is_plain && !sent.has_source {
            self.replant(request, Replanted { has_source: true, ..sent }, output);
        }
        Recorded::Vote
    }

    /// Gives a node its keys again that it lacked at the command `missing.id`, so that a lock that is held for long
    /// outlives the restart of every node, one at a time. Not if it has been sent them since: a second command would find
    /// the keys of the first, and take them for somebody else's.
    fn replant_missing(&mut self, request: &Request, missing: Replanted, output: &mut Output) {
        let mut earlier = self.replanted.iter().filter(|earlier| earlier.node == missing.node);
        if earlier.all(|earlier| earlier.id < missing.id) {
            self.replanted.retain(|earlier| earlier.node != missing.node);
            self.replant(request, missing, output);
        }
    }

    fn replant(&mut self, request: &Request, mut sent: Replanted, output: &mut Output) {
        let action = self.replanting(request, sent.ttl);
        let only = NodeSet::from_iter([sent.node]);
        self.untouched.remove(sent.node);
        sent.id = if sent.has_source {
            output.send_source(only, action, sent.send_by)
        } else {
            output.send(only, action, sent.send_by)
        };
        self.replanted.push(sent);
    }

    /// Returns what a node is asked that is given its keys again.
    fn replanting(&self, request: &Request, ttl: Ttl) -> Action {
        let action = Action::acquire(request.resources.clone(), self.token, ttl);
        action.fenced(self.fencing.clone()).owned_by(request.owner.clone())
    }

    /// Returns how the lock is lost at its deadline.
    pub(super) fn end(&self) -> Loss {
        if self.hold_ends_at == Some(self.deadline) { Loss::MaxHoldReached } else { Loss::Expired }
    }

    /// Counts silence as a refusal in the extensions whose time is over.
    pub(super) fn expire(&mut self, now: Instant) {
        let under_way = self.extensions.iter_mut().filter(|extension| !extension.is_over);
        under_way.for_each(|extension| extension.round.expire(now));
    }

    /// Returns what each node said to an extension, if that proves that a quorum can no longer have the key. Also one
    /// that has failed for want of replies may still prove it.
    pub(super) fn keys_gone(&self, config: &Config) -> Option<NodeOutcomes> {
        self.extensions.iter().rev().find_map(|extension| extension.keys_gone(config))
    }

    /// Ends the first extension whose result is fixed; returns the event that tells it. The caller has made sure that the
    /// deadline has not passed and that no keys are gone.
    pub(super) fn end_extension(&mut self, config: &Config) -> Option<Event> {
        let under_way = self.extensions.iter().enumerate().filter(|(_, extension)| !extension.is_over);
        let mut results = under_way.map(|(position, extension)| Some((position, extension.result(config)?)));
        let (position, result) = results.find_map(|result| result)?;
        let extension = self.extensions.get_mut(position)?;
        extension.is_over = true;
        let operation = extension.operation;
        self.attempt = None;
        self.extensions.retain(|extension| !extension.is_over || extension.operation == operation);
        Some(match result {
            Ok(deadline) => {
                let deadline = self.hold_ends_at.map_or(deadline, |ends_at| deadline.min(ends_at));
                self.deadline = self.deadline.max(deadline);
                Event::Extended { operation, deadline: self.deadline }
            }
            Err(nodes) => Event::ExtendFailed { operation, error: ExtendError::Unconfirmed(nodes) },
        })
    }

    /// Forgets what is over, once no reply to it counts any more. The caller has made sure that no keys are gone.
    pub(super) fn forget_answered(&mut self, output: &mut Output) {
        self.attempt.take_if(|attempt| attempt.is_answered());
        let is_kept = |extension: &Extension| !(extension.is_over && extension.round.is_answered());
        self.extensions.retain_and_give_back(is_kept, &mut output.spare);
    }

    /// Returns the operations of the extensions under way, in the order in which they were begun.
    pub(super) fn operations(&self) -> impl Iterator<Item = OperationId> {
        self.under_way().map(|extension| extension.operation)
    }

    fn under_way(&self) -> impl Iterator<Item = &Extension> {
        self.extensions.iter().filter(|extension| !extension.is_over)
    }

    /// Returns the moment at which the lock is lost, or an extension has waited for long enough.
    pub(super) fn poll_timeout(&self) -> Instant {
        let rounds = self.under_way().filter_map(|extension| extension.round.poll_timeout());
        rounds.fold(self.deadline, Instant::min)
    }
}

/// Sends an extension to a node again, in full.
fn send_source(extension: &mut Extension, request: &Request, token: Token, node: NodeId, output: &mut Output) {
    let only = NodeSet::from_iter([node]);
    let action = Action::extend(request.resources.clone(), token, extension.ttl).owned_by(request.owner.clone());
    let id = output.send_source(only, action, extension.send_by);
    extension.round.asked_again(only, id, true);
}

/// Returns whether the node has all keys after its reply; `None` if that does not say it.
const fn says_that_it_has_keys(reply: &Reply) -> Option<bool> {
    match reply {
        Reply::Done | Reply::Granted(_) => Some(true),
        Reply::HeldByOther(_) | Reply::Missing => Some(false),
        Reply::CalledUp
        | Reply::Time(_)
        | Reply::Inspected(_)
        | Reply::NotOurs
        | Reply::UnknownScript
        | Reply::Unavailable(_) => None,
    }
}
