use core::time::Duration;

use smallvec::SmallVec;

use super::acquiring::{Attempt, Failure};
use super::{LockMachine, Phase};
use crate::output::Context;
use crate::report::AcquireError;
use crate::span::Span;
use crate::{Config, Grace, Instant, NodeId, Resource, Resources, WaiterId};

/// A lock of several resources goes from one queue to another at once, so often: then it waits as after any failed attempt,
/// and asks all nodes. Nodes that do not agree on what is held would send it to and fro.
const MOST_MOVES: u8 = 2;

/// A lock of several resources keeps its turn to take one of them for so many times as long as it has waited: as a rule, that
/// is enough to come on in another queue, however long locks are held here.
const KEEPS_TURN: u32 = 2;

/// Where a lock waits for its turn, and under which name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Turn {
    /// The node that keeps the wait queue.
    pub(crate) home: NodeId,
    pub(crate) waiter: WaiterId,
    /// Which of the lock's resources it waits for, counted from 0 in their order.
    pub(crate) waits_for: u8,
    /// For how long it is kept when the lock is refused for another resource after that one.
    pub(crate) kept_for: Grace,
}

/// Why a lock cannot wait for its turn at a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NoTurn {
    /// The home has not said whose turn it is.
    Silent,
    /// It keeps no queue for this user.
    NoQueue,
}

/// How an attempt asks the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Course {
    /// All at once.
    AtOnce,
    /// All at once, the home in turn: the waiter was called up.
    CalledUp(Turn),
    /// The home in turn, and the others when it has granted: so those who wait do not split the votes.
    HomeFirst(Turn),
    /// All at once, for keys that are there already under the token.
    Adopting,
}

/// # Waiting in the queue of the home
impl LockMachine {
    /// Lets a lock ask in turn from now on, at once. Does nothing with one that neither stands in line nor waits.
    pub(crate) fn begin_in_turn(&mut self, context: &mut Context<'_>, turn: Turn, now: Instant) {
        let now = self.catch_up(context, now);
        if matches!(self.phase, Phase::InLine | Phase::Waiting { .. }) {
            if self.request.resources.only().is_none() {
                self.kept_turns.waits(now);
                self.kept_turns.asks_in(&turn);
            }
            self.turn = Some(turn);
            self.begin_attempt(context, now);
        }
    }

    /// Takes that a node has called up the waiter: it is this lock's turn there.
    pub(crate) fn call_up(&mut self, context: &mut Context<'_>, node: NodeId, now: Instant) {
        let attempts = self.attempts;
        let now = self.catch_up(context, now);
        let is_in_no_queue = matches!(self.phase, Phase::Waiting { .. }) && self.turn.is_none();
        let stays = is_in_no_queue && self.is_in_vain_again();
        match &self.phase {
            // An attempt that was due by now asks behind the call.
            Phase::Acquiring(_) if self.attempts != attempts => {}
            // Also one that stands in no queue any more: the name is kept for it now.
            Phase::Waiting { .. } if !stays => {
                self.is_called_up = true;
                self.begin_attempt(context, now);
            }
            // The others have not answered an attempt that the home has refused. To wait for them would cost the turn.
            Phase::Acquiring(attempt) if attempt.home_has_refused() && self.turn.is_some() => {
                self.is_called_up = true;
                self.fail_attempt(context, Failure::Contended, now);
            }
            // The call has overtaken the answer that it has to wait, or has come after one that is no news any more.
            Phase::Acquiring(attempt) if !attempt.is_granted_by(node) => self.is_called_up = true,
            _ => {}
        }
    }

    /// Lets a lock that asks in turn try now and then instead.
    pub(crate) fn lose_turn(&mut self, context: &mut Context<'_>, now: Instant) {
        // An attempt that is due by now must not ask for a place of which nothing would be heard.
        let turn = self.turn.take();
        // The home may let it keep the turn that it asks for, and has not said so.
        if let Some(turn) = turn.filter(|_| matches!(self.phase, Phase::Acquiring(_)) && !self.kept_turns.is_empty()) {
            self.kept_turns.give_back_one(turn);
        }
        let now = self.catch_up(context, now);
        let give_up_at = self.give_up_at();
        if let Phase::Waiting { until } = &mut self.phase {
            let delay = self.backoff.next(self.request.options.retry_delay, give_up_at.saturating_since(now));
            *until = now.saturating_add(delay).min(*until);
        }
    }

    /// Returns whether it would be better to wait in the queue of the home than to try now and then: somebody else has the
    /// lock, or is to have a chance first, and the request may wait for as long as it takes.
    pub(crate) fn wants_turn(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
            && matches!(self.last_failure.as_deref(), None | Some(AcquireError::Contended(_)))
            && self.turn.is_none()
            && self.moves < MOST_MOVES
            && self.may_stand_in_queue()
    }

    /// Returns for which resource a lock would wait that was refused, counted from 0 in their order: of several for the one that
    /// is held, as far as nodes have said which one that is.
    pub(crate) fn would_wait_for(&self) -> Option<u8> {
        let resources = &self.request.resources;
        if resources.only().is_some() {
            return Some(0);
        }
        let held = self.last_failure.as_ref()?.attempts()?.nodes.held_resource()?;
        resources.place(|resource| *resource == held)
    }

    /// Returns whether a lock of several resources waits for this one.
    pub(crate) fn waits_for(&self, resource: &Resource) -> bool {
        self.turn.as_ref().and_then(|turn| turn.resource(&self.request.resources)) == Some(resource)
    }

    /// Returns whether it keeps its turn at a node to take one of several resources while it waits for another one.
    pub(crate) fn keeps_turn(&self, node: NodeId, resource: &Resource) -> bool {
        let place = self.request.resources.place(|other| other == resource);
        place.is_some_and(|place| self.kept_turns.has(node, place))
    }

    /// Leaves the queue in which a lock of several resources has waited, if it was refused for another one of them, so that it
    /// can wait for that one; returns whether it does. The home has taken it out of the queue, or its release does.
    ///
    /// If it keeps the turn that it had, `kept` says which one and until when. It gives back those that it has kept so far for
    /// that other resource and later ones.
    pub(super) fn leaves_queue(&mut self, error: &AcquireError, kept: Option<(Turn, Instant)>) -> bool {
        let (AcquireError::Contended(attempts), Some(turn)) = (error, &self.turn) else { return false };
        let resources = &self.request.resources;
        let held = if resources.only().is_none() { attempts.nodes.held_resource() } else { None };
        let Some(held) = held.filter(|held| turn.resource(resources) != Some(held)) else { return false };
        (self.turn, self.is_called_up) = (None, false);
        match kept {
            Some((turn, until)) => self.kept_turns.keep(turn, until),
            None => self.moves = self.moves.saturating_add(1),
        }
        if let Some(place) = self.request.resources.place(|resource| *resource == held) {
            self.kept_turns.wait_for(place);
        }
        true
    }

    /// Returns for how long a lock that has its turn keeps it while it waits for another resource: for longer, the longer it has
    /// waited, but for no longer than its TTL. If its client is gone, it holds others up for that time.
    fn turn_to_keep(&self, now: Instant) -> Grace {
        let waited = self.kept_turns.since().map_or(Duration::ZERO, |since| now.saturating_since(since));
        Grace::of(waited.saturating_mul(KEEPS_TURN).min(self.request.ttl.get()))
    }

    /// Ends the waiting of a lock that has won. A home that has granted has taken it out of the queue. One that has refused,
    /// and has called it up since then, waits for nothing.
    pub(super) fn end_turns(&mut self) {
        self.kept_turns.end();
        let is_called_up = core::mem::take(&mut self.is_called_up);
        let Some(turn) = self.turn.take().filter(|_| is_called_up) else { return };
        if !matches!(&self.phase, Phase::Acquiring(attempt) if attempt.is_granted_by(turn.home)) {
            self.kept_turns.give_back_one(turn);
        }
    }

    /// Gives back all turns that it keeps: it does not wait any more.
    pub(crate) fn give_back_turns(&mut self) {
        self.kept_turns.end();
    }

    /// Returns the turns that it has given back, of which their homes have to be told, each once.
    pub(crate) fn take_given_back(&mut self) -> SmallVec<[Turn; 1]> {
        self.kept_turns.take_given_back()
    }

    /// Returns whether there is something to be learned from it, or to be done for it, about queues.
    pub(crate) fn has_news_of_queues(&self) -> bool {
        self.others_want.is_some()
            || self.kept_turns.has_given_back()
            || self.lost_home.is_some()
            || self.wants_turn()
            || self.stands_in_queue().is_some()
    }

    /// Returns where it stands in a queue, as far as it knows, and does not ask.
    pub(crate) fn stands_in_queue(&self) -> Option<&Turn> {
        self.turn.as_ref().filter(|_| self.is_waiting())
    }

    /// Returns whether its request may wait in the queue of the home. One for a number of attempts counts its tries.
    pub(crate) fn may_stand_in_queue(&self) -> bool {
        let options = &self.request.options;
        options.attempts.is_none() && options.wait != Span::ZERO
    }

    /// Returns where it stands in a queue, or asks to.
    pub(crate) const fn turn(&self) -> Option<&Turn> {
        self.turn.as_ref()
    }

    /// Returns a home at which the lock could not wait, once, and why; it asks there no more.
    pub(crate) const fn take_lost_home(&mut self) -> Option<(NodeId, NoTurn)> {
        self.lost_home.take()
    }

    /// Leaves a home that is none.
    pub(super) fn lose_home(&mut self, why: NoTurn) {
        let Some(turn) = self.turn.take() else { return };
        self.lost_home = Some((turn.home, why));
        // It may keep the turn for one of several resources, and has said so too late.
        if why == NoTurn::Silent && !self.kept_turns.is_empty() {
            self.kept_turns.give_back_one(turn);
        }
    }

    /// Returns whether others wait for what was released, if the home has said it since this was last asked.
    pub const fn take_others_want(&mut self) -> Option<bool> {
        match self.take_word_of_home() {
            Some((_, others_want)) => Some(others_want),
            None => None,
        }
    }

    /// Returns the home that has said whether others wait for what was released, and what it has said.
    pub(crate) const fn take_word_of_home(&mut self) -> Option<(NodeId, bool)> {
        self.others_want.take()
    }

    /// Returns how the next attempt asks the nodes. A call-up is good for one.
    pub(super) fn next_course(&mut self, now: Instant) -> Course {
        let kept_for = self.turn_to_keep(now);
        if let Some(turn) = &mut self.turn {
            turn.kept_for = kept_for;
        }
        let is_called_up = core::mem::take(&mut self.is_called_up);
        match &self.turn {
            Some(turn) if is_called_up => Course::CalledUp(turn.clone()),
            Some(turn) => Course::HomeFirst(turn.clone()),
            None => {
                self.moves = 0;
                Course::AtOnce
            }
        }
    }

    /// Asks the other nodes, if the home has granted.
    pub(super) fn follow_home(&mut self, context: &mut Context<'_>, now: Instant) {
        if !matches!(&self.phase, Phase::Acquiring(attempt) if attempt.home_has_granted()) {
            return;
        }
        let ends_at = self.round_ends_at(context.config, now);
        // A call that came before this has been answered by it.
        self.is_called_up = false;
        if let Phase::Acquiring(attempt) = &mut self.phase {
            attempt.ask_others(context.config, &self.request, ends_at, context.output);
        }
    }
}

impl Turn {
    /// Returns which of the resources of its lock it waits for.
    pub(crate) fn resource<'a>(&self, resources: &'a Resources) -> Option<&'a Resource> {
        resources.at(self.waits_for)
    }
}

impl Course {
    /// Returns the home and the waiter, if the home is asked in turn.
    pub(super) const fn turn(&self) -> Option<&Turn> {
        match self {
            Self::AtOnce | Self::Adopting => None,
            Self::CalledUp(turn) | Self::HomeFirst(turn) => Some(turn),
        }
    }
}

impl Attempt {
    pub(super) const fn was_called_up(&self) -> bool {
        matches!(self.course, Course::CalledUp(_))
    }

    /// Returns whether the home has refused what is waited for without putting the waiter in a queue.
    pub(super) fn home_has_no_queue(&self, config: &Config, resources: &Resources) -> bool {
        let Some(turn) = self.course.turn() else { return false };
        let is_of_another = |held: Option<Resource>| held.is_some_and(|held| turn.resource(resources) != Some(&held));
        let hold = self.round.report(config).hold(turn.home).filter(|_| self.home_has_refused());
        hold.is_some_and(|hold| hold.place.is_none() && !is_of_another(hold.resource))
    }

    /// Returns the turn that the lock keeps at the home, and until when, if the home has refused it for another resource. That
    /// counts from before the home was asked, so the home keeps it for at least as long.
    pub(super) fn kept_turn(&self, config: &Config, resources: &Resources) -> Option<(Turn, Instant)> {
        let turn = self.course.turn().filter(|turn| turn.kept_for > Grace::NONE)?;
        let hold = self.round.report(config).hold(turn.home).filter(|hold| hold.place.is_none())?;
        let is_after = hold.resource.as_ref() > turn.resource(resources);
        let time = Duration::from_millis(turn.kept_for.as_millis().into());
        is_after.then(|| (turn.clone(), self.started_at().saturating_add(time)))
    }

    /// Returns whether a node has granted what it was asked for: that has answered all of its calls before.
    fn is_granted_by(&self, node: NodeId) -> bool {
        self.round.done().contains(node)
    }

    /// Returns whether the home has said that it is somebody else's turn. One that has granted, and has lost a key since, has not:
    /// it may have others still.
    pub(super) fn home_has_refused(&self) -> bool {
        let refused = self.round.refused().without(self.holders());
        self.course.turn().is_some_and(|turn| refused.contains(turn.home))
    }

    fn home_has_granted(&self) -> bool {
        self.waits_for_home() && self.course.turn().is_some_and(|turn| self.round.done().contains(turn.home))
    }
}
