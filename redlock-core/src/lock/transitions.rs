//! The transitions between the phases.

use alloc::boxed::Box;
use core::time::Duration;

use super::acquiring::{Ask, Attempt, AttemptResult, Failure};
use super::release::{Claim, Release};
use super::turn::Course;
use super::{LockMachine, Lost, NoTurn, Phase};
use crate::fence::Fence;
use crate::output::Context;
use crate::report::{AcquireError, Attempts, ExtendError, Loss};
use crate::request::MIN_RETRY_DELAY;
use crate::span::Span;
use crate::votes::Votes;
use crate::{Config, Event, Instant, NodeOutcomes};

/// Servers count in whole milliseconds: what goes on for one of them is over in the next.
const TICK: Duration = Duration::from_millis(1);

impl LockMachine {
    /// Expires everything that `now` has passed; the answer is `now`, or the latest instant if that is later.
    pub(super) fn catch_up(&mut self, context: &mut Context<'_>, now: Instant) -> Instant {
        self.clock = self.clock.max(now);
        // Nearly always nothing is due.
        if self.poll_timeout().is_some_and(|at| self.clock >= at) {
            self.expire(context, self.clock);
        }
        self.clock
    }

    fn expire(&mut self, context: &mut Context<'_>, now: Instant) {
        let (request, output) = (&self.request, &mut *context.output);
        for release in self.earlier.iter_mut() {
            release.handle_timeout(request, now, output);
        }
        self.earlier.retain(|release| !release.is_settled());
        self.kept_turns.expire(now);
        match &mut self.phase {
            Phase::Acquiring(attempt) if attempt.poll_timeout().is_some_and(|at| now >= at) => {
                attempt.expire(now);
                self.judge_attempt(context, now);
            }
            Phase::InLine => self.expire_in_line(context, now),
            Phase::Waiting { until } if now >= *until => self.begin_attempt_or_give_up(context, now),
            Phase::Won { deadline, .. } if now >= *deadline => self.fail_attempt(context, Failure::Expired, now),
            Phase::Held(held) if now >= held.deadline => {
                let end = held.end();
                self.lose(context, end, now);
            }
            Phase::Held(held) => {
                held.expire(now);
                self.judge_extensions(context, now);
            }
            Phase::Lost(lost) => lost.release.handle_timeout(request, now, output),
            Phase::Releasing(release) => {
                release.handle_timeout(request, now, output);
                self.judge_release(context);
            }
            Phase::Acquiring(_) | Phase::Waiting { .. } | Phase::Won { .. } | Phase::Finished => {}
        }
    }

    fn expire_in_line(&mut self, context: &mut Context<'_>, now: Instant) {
        if now >= self.give_up_at() && now > self.started_at {
            self.give_up_in_line(context, now);
        }
    }

    /// Begins the next attempt, unless the budget is used up: a timer that comes late may find it so.
    fn begin_attempt_or_give_up(&mut self, context: &mut Context<'_>, now: Instant) {
        if now < self.give_up_at() {
            self.begin_attempt(context, now);
        } else if let Some(failure) = self.last_failure.take() {
            self.give_up(context, *failure, now);
        } else {
            self.give_up_in_line(context, now);
        }
    }

    pub(super) fn begin_attempt(&mut self, context: &mut Context<'_>, now: Instant) {
        self.attempts = self.attempts.saturating_add(1);
        let ask = if let Some(detached) = &self.request.adopts {
            Ask { token: detached.token, course: Course::Adopting, proposal: None }
        } else {
            let proposal = self.request.options.is_fenced.then(|| self.proposal(now));
            Ask { token: self.secret.token(self.attempts), course: self.next_course(now), proposal }
        };
        let ends_at = self.round_ends_at(context.config, now);
        let (config, output) = (context.config, &mut *context.output);
        let attempt = Attempt::begin(config, &self.request, ask, ends_at, now, output);
        self.phase = Phase::Acquiring(attempt);
    }

    /// Returns what is proposed as a fence: the wall clock, as far as it is known.
    fn proposal(&self, now: Instant) -> Fence {
        let passed = u64::try_from(now.saturating_since(self.started_at).as_micros()).unwrap_or(0);
        Fence::new(self.request.proposal.get().saturating_add(passed)).min(Fence::MAX)
    }

    /// Returns the moment from which silence counts as a refusal: after the node timeout, and not after the budget. A
    /// budget of zero means one attempt, which takes the time it needs.
    pub(super) fn round_ends_at(&self, config: &Config, now: Instant) -> Instant {
        let ends_at = now.saturating_add(config.node_timeout().of(self.request.ttl.get()));
        if self.request.options.wait == Span::ZERO { ends_at } else { ends_at.min(self.give_up_at()) }
    }

    pub(super) fn judge_attempt(&mut self, context: &mut Context<'_>, now: Instant) {
        self.follow_home(context, now);
        self.commit_fences(context, now);
        let Phase::Acquiring(attempt) = &self.phase else { return };
        match attempt.result(context.config, &self.request, now) {
            Some(AttemptResult::Won { deadline }) => {
                self.win(deadline);
                context.output.emit(Event::Acquired { deadline });
            }
            Some(AttemptResult::Failed(failure)) => self.fail_attempt(context, failure, now),
            None => {}
        }
    }

    /// Has the fences of a fenced lock kept by a quorum, when one has granted.
    fn commit_fences(&mut self, context: &mut Context<'_>, now: Instant) {
        if matches!(&self.phase, Phase::Acquiring(attempt) if attempt.is_fenced()) {
            let ends_at = self.round_ends_at(context.config, now);
            if let Phase::Acquiring(attempt) = &mut self.phase {
                attempt.commit(context.config, &self.request, ends_at, context.output);
            }
        }
    }

    fn win(&mut self, deadline: Instant) {
        self.end_turns();
        self.phase = match core::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Acquiring(attempt) => Phase::Won { attempt, deadline },
            other => other,
        };
    }

    /// Releases what the attempt has or may have acquired, before anything else; then waits, or gives up: at once
    /// where waiting cannot help.
    pub(super) fn fail_attempt(&mut self, context: &mut Context<'_>, failure: Failure, now: Instant) {
        let (Phase::Acquiring(attempt) | Phase::Won { attempt, .. }) = &self.phase else { return };
        let claim = attempt.claim(context.config, &self.request);
        let is_hopeless = attempt.round.is_hopeless(context.config);
        let has_no_queue = attempt.home_has_no_queue(context.config, &self.request.resources);
        let kept_turn = attempt.kept_turn(context.config, &self.request.resources);
        let (was_called_up, has_place) = (attempt.was_called_up(), attempt.home_has_refused());
        let error = failure.into_error(Attempts {
            count: self.attempts,
            elapsed: now.saturating_since(self.started_at),
            ahead: 0,
            nodes: Box::new(attempt.round.report(context.config)),
        });
        if !claim.nodes.is_empty() {
            self.earlier.push(Release::begin(context.config, &self.request, claim, now, context.output));
        }
        if has_no_queue {
            self.lose_home(NoTurn::NoQueue);
        }
        let leaves_queue = self.leaves_queue(&error, kept_turn);
        // The answer may have come when the time of the turn was over.
        self.kept_turns.expire(now);
        if has_place && !leaves_queue {
            self.moves = 0;
        }
        // Nobody has it, and those who try call each other up.
        if !has_place && self.is_called_up && self.is_in_vain_again() {
            self.is_called_up = false;
        }
        if matches!(failure, Failure::NoTurn) {
            // A budget that ends says nothing about the home.
            if now < self.give_up_at() {
                self.lose_home(NoTurn::Silent);
            }
            self.last_failure.get_or_insert_with(|| Box::new(error));
            self.begin_attempt_or_give_up(context, now);
        } else if is_hopeless {
            self.give_up(context, error, now);
        } else {
            self.wait_or_give_up(context, error, was_called_up && !leaves_queue, now);
        }
    }

    fn wait_or_give_up(&mut self, context: &mut Context<'_>, error: AcquireError, was_called_up: bool, now: Instant) {
        let remaining = self.give_up_at().saturating_since(now);
        let attempts_left = self.request.options.attempts.is_none_or(|budget| self.attempts < budget);
        if attempts_left && remaining >= MIN_RETRY_DELAY {
            let delay = self.delay_after(&error, was_called_up, remaining);
            self.phase = Phase::Waiting { until: now.saturating_add(delay) };
            self.last_failure = Some(Box::new(error));
            if self.is_called_up || delay.is_zero() {
                self.begin_attempt(context, now);
            }
            return;
        }
        // An attempt that the end of the budget cut short knows less than the one before it.
        let cut_short = remaining.is_zero() && matches!(error, AcquireError::Unavailable(_));
        let known = self.last_failure.take().filter(|_| cut_short);
        self.give_up(context, known.map_or(error, |known| *known), now);
    }

    /// Returns how long to wait after a failed attempt. Who stands in a queue is called up, and asks only in case that goes
    /// wrong: now and then, and the first one when the time of whoever has the key or the turn is over. Who was called up and
    /// came in vain, because other nodes are slower to learn of the release, asks for a place at once; but not if it came in
    /// vain shortly before: then those who wait would call each other up without end, for as long as nodes are missing or
    /// have keys that the home has forgotten.
    fn delay_after(&mut self, error: &AcquireError, was_called_up: bool, limit: Duration) -> Duration {
        let retry_delay = self.request.options.retry_delay;
        let home = self.turn.as_ref().map(|turn| turn.home);
        let hold = home.and_then(|home| error.attempts()?.nodes.hold(home));
        if let Some(hold) = hold.filter(|hold| hold.place.is_some()) {
            let is_due = hold.remaining.filter(|_| hold.place == Some(1)).unwrap_or(Duration::MAX);
            let is_due = is_due.saturating_add(TICK);
            return self.backoff.upper_half_of(retry_delay.max()).min(is_due).min(limit);
        }
        let came_in_vain = was_called_up && matches!(error, AcquireError::Contended(_));
        if came_in_vain && !self.is_in_vain_again() { Duration::ZERO } else { self.backoff.next(retry_delay, limit) }
    }

    /// Notes that this attempt was in vain; returns whether an earlier one was, and nothing has happened since but that it was
    /// put in the queue again.
    pub(super) const fn is_in_vain_again(&mut self) -> bool {
        let before = core::mem::replace(&mut self.in_vain, self.attempts);
        before > 0 && self.attempts.saturating_sub(before) <= 2
    }

    /// Ends an acquisition that came to no attempt, because others of the same handle were before it.
    pub(super) fn give_up_in_line(&mut self, context: &mut Context<'_>, now: Instant) {
        let nodes = NodeOutcomes { config: context.config.clone(), votes: Votes::pending(context.config.nodes()) };
        let attempts = Attempts { count: 0, elapsed: Duration::ZERO, ahead: 0, nodes: Box::new(nodes) };
        self.give_up(context, AcquireError::Contended(attempts), now);
    }

    fn give_up(&mut self, context: &mut Context<'_>, mut error: AcquireError, now: Instant) {
        if let Some(attempts) = error.attempts_mut() {
            attempts.count = self.attempts;
            attempts.elapsed = now.saturating_since(self.started_at);
        }
        self.phase = Phase::Finished;
        context.output.emit(Event::AcquireFailed(error));
    }

    pub(super) fn judge_extensions(&mut self, context: &mut Context<'_>, now: Instant) {
        let Phase::Held(held) = &mut self.phase else { return };
        if let Some(nodes) = held.keys_gone(context.config) {
            let is_taken = context.config.votes().is_blocked_by(nodes.votes.tally().held_by_other);
            self.lose(context, if is_taken { Loss::TakenOver(nodes) } else { Loss::KeysGone(nodes) }, now);
            return;
        }
        while let Some(end) = held.end_extension(context.config) {
            context.output.emit(end);
        }
        held.forget_answered(context.output);
    }

    /// Ends a lock that was held, and with it all extensions under way. Keys that a failed extension or a slow clock
    /// still keeps are released.
    pub(super) fn lose(&mut self, context: &mut Context<'_>, loss: Loss, now: Instant) {
        let Phase::Held(held) = &self.phase else { return };
        for operation in held.operations() {
            context.output.emit(Event::ExtendFailed { operation, error: ExtendError::Lost(loss.clone()) });
        }
        let claim = Claim { was_lost: true, ..held.claim(context.config, &self.request) };
        let at = now.min(held.deadline);
        let release = Release::begin(context.config, &self.request, claim, now, context.output);
        self.phase = Phase::Lost(Box::new(Lost { at, loss: loss.clone(), release }));
        context.output.emit(Event::Lost(loss));
    }

    /// Begins to release what is claimed; returns the phase in which that goes on.
    pub(super) fn begin_release(&mut self, context: &mut Context<'_>, claim: Claim, now: Instant) -> Phase {
        let release = Release::begin(context.config, &self.request, claim, now, context.output);
        Phase::Releasing(release)
    }

    pub(super) fn judge_release(&mut self, context: &mut Context<'_>) {
        let Phase::Releasing(release) = &mut self.phase else { return };
        if let Some(report) = release.take_report(context.config) {
            context.output.emit(Event::Released(report));
        }
    }
}

impl Failure {
    const fn into_error(self, attempts: Attempts) -> AcquireError {
        match self {
            Self::Contended => AcquireError::Contended(attempts),
            Self::Unavailable | Self::NoTurn => AcquireError::Unavailable(attempts),
            Self::Expired => AcquireError::Expired(attempts),
            Self::Gone => AcquireError::Gone(attempts),
        }
    }
}
