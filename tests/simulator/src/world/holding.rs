//! For how long locks are held, and how they pass from one process to another.

use core::time::Duration;

use redlock_core::fence::Fences;
use redlock_core::{Action, Command, DetachedLock, Instant};

use super::{Checked, Stage, World};
use crate::clock::{MILLISECOND, Time, nanos};
use crate::event::Event;
use crate::invariant::{Invariant, Violation};

/// # Locks that are left and adopted
impl World<'_> {
    /// Returns the job that adopts the lock of another when that is done.
    pub(super) fn heir_of(&self, job: usize) -> Option<usize> {
        let is_heir = |heir: &usize| self.plan_of(*heir).terms.adopts.is_some_and(|adoption| adoption.from == job);
        (0..self.jobs.len()).find(is_heir)
    }

    /// Returns what was left for a job to adopt.
    pub(super) fn left_to(&self, job: usize) -> Option<DetachedLock> {
        self.jobs[self.plan_of(job).terms.adopts?.from].detached.clone()
    }

    /// Returns whether a job waits for a lock that nobody leaves any more.
    pub(super) fn never_begins(&self, job: usize) -> bool {
        let Some(adoption) = self.plan_of(job).terms.adopts else { return false };
        let is_over = matches!(self.jobs[adoption.from].stage, Stage::Leaves | Stage::Gone | Stage::Settled);
        !self.jobs[job].is_due && (is_over || self.never_begins(adoption.from))
    }

    /// The user leaves the lock to its keys, and somebody else adopts it later.
    pub(super) fn detach(&mut self, job: usize) -> Checked {
        self.is_had_until_now(job);
        let Some((locks, key, now)) = self.machine(job) else { return Ok(()) };
        let detached = locks.detach(key, now).ok();
        let (heir, is_there) = (self.heir_of(job), detached.is_some());
        let state = &mut self.jobs[job];
        state.detached = detached;
        if let Some(heir) = heir.filter(|_| is_there) {
            state.may_leave_keys = true;
            state.ledger.is_detached();
            self.jobs[heir].is_due = true;
            self.summary.detached += 1;
            let after = self.plan_of(heir).terms.adopts.map_or(0, |adoption| adoption.after);
            self.agenda.note(self.now + after, Event::JobBegins { job: heir });
        }
        self.is_left(job, Stage::Gone, if is_there { "leaves its lock" } else { "has lost its lock" })
    }

    /// A job is about to ask for a lock, which it may adopt.
    pub(super) fn begins_to_adopt(&mut self, job: usize, now: Instant) {
        let Some(adoption) = self.plan_of(job).terms.adopts else { return };
        let Some(token) = self.jobs[adoption.from].ledger.token() else { return };
        let (state, ttl) = (&mut self.jobs[job], self.scenario.jobs[job].ttl);
        // What the one before has not brought to its end goes on, and may last for longer than the lock.
        state.may_leave_keys = true;
        state.ledger.begins_adoption(token, ttl, now);
    }

    /// Who adopts a lock has the fences of whoever had it.
    pub(super) fn check_adopted_fences(&self, job: usize, fences: &Fences) -> Checked {
        if self.left_to(job).as_ref().and_then(DetachedLock::fences) == Some(fences) {
            return Ok(());
        }
        let what = format!("job {job} has {fences:?} after an adoption");
        Err(Violation::new(Invariant::AdoptionChangesNothing, what))
    }
}

/// # Locks that are kept alive
impl World<'_> {
    /// A lock that is kept alive was handed over: it wants to be looked at in time. If it was handed over late, its first extension may
    /// have begun already, or have been in vain.
    pub(super) fn check_first_renewal(&self, job: usize, now: Instant) -> Checked {
        let (plan, locks) = (self.plan_of(job), &self.clients[self.plan_of(job).client].locks);
        let has_begun = |node| locks.queued(node).next().is_some() || locks.refusal(node).is_some();
        if !plan.terms.is_kept_alive || self.scenario.config.nodes().iter().any(has_begun) {
            return Ok(());
        }
        self.jobs[job].ledger.is_kept_alive_from(locks.poll_timeout(), now)
    }

    pub(super) fn see_renewals(&mut self, client: usize) -> Checked {
        for job in self.jobs_of(client) {
            self.see_renewal(job)?;
        }
        Ok(())
    }

    /// Sees whether a lock was extended in the background: nobody is told.
    pub(super) fn see_renewal(&mut self, job: usize) -> Checked {
        let Some(old) = self.jobs[job].ledger.deadline() else { return Ok(()) };
        let Some(lock) = self.lock(job).filter(|lock| lock.loss().is_none()) else { return Ok(()) };
        let Some(deadline) = lock.deadline().filter(|deadline| *deadline != old) else { return Ok(()) };
        let (now, quorum) = (self.local(self.plan_of(job).client), self.scenario.quorum_of(self.plan_of(job).client));
        self.jobs[job].ledger.is_renewed(deadline, quorum, now)?;
        self.summary.renewals += 1;
        let (until, held) = (self.time_of(job, deadline), self.held(job));
        self.record(|history| history.end(held, until));
        self.check_fences_stay(job)?;
        self.check_holders(job)
    }

    /// H28. When a client has looked at its timer, nobody holds a lock whose deadline has passed without knowing it.
    pub(super) fn check_losses_are_told(&self, client: usize) -> Checked {
        let now = self.local(client);
        for job in self.jobs_of(client) {
            if let Some(deadline) = self.jobs[job].ledger.deadline().filter(|deadline| *deadline <= now) {
                let what =
                    format!("job {job} was valid until {deadline:?}, and is not told at {now:?} that it is lost");
                return Err(Violation::new(Invariant::LossIsSignalled, what));
            }
        }
        Ok(())
    }
}

/// # Locks that nobody else is to get for a while
impl World<'_> {
    /// A node has confirmed a command of a lock: if that was its release, the keys stay until its shortest hold is over.
    pub(super) fn check_kept(&mut self, node: usize, job: usize, command: &Command) -> Checked {
        let Some(until) = self.shortest_hold_ends_at(job).filter(|until| *until > self.now) else { return Ok(()) };
        let is_of_hold = self.jobs[job].ledger.token().as_ref() == command.action.token();
        if !matches!(command.action, Action::Release { .. }) || !is_of_hold || !self.is_within_the_promise() {
            return Ok(());
        }
        for resource in self.plan_of(job).names.iter() {
            let ends_at = self.servers[node].expires_at(self.resources[resource].name.as_bytes(), self.now);
            self.summary.keys_kept += 1;
            if ends_at < until {
                let what =
                    format!("node {node} keeps resource {resource} of job {job} until {ends_at} instead of {until}");
                return Err(Violation::new(Invariant::MinimumHold, what));
            }
        }
        Ok(())
    }

    /// A node is told to keep keys until the shortest hold is over, and no longer, to the millisecond.
    pub(super) fn check_keeps_no_longer(&self, client: usize, job: usize, command: &Command) -> Checked {
        let Action::Release { keep: Some(keep), .. } = command.action else { return Ok(()) };
        let Some((until, _)) = self.jobs[job].ledger.min_hold() else { return Ok(()) };
        let left = until.saturating_since(self.local(client));
        if keep.get() > left + Duration::from_millis(1) {
            let what = format!(
                "job {job} has its keys kept for {:?} where {left:?} are left of its shortest hold",
                keep.get()
            );
            return Err(Violation::new(Invariant::MinimumHold, what));
        }
        Ok(())
    }

    /// Whoever is handed a lock comes after the shortest hold of whoever had it, if a quorum of its own has kept it for that
    /// long.
    pub(super) fn check_shortest_holds(&self, job: usize) -> Checked {
        for resource in self.plan_of(job).names.iter() {
            let Some(before) = self.resources[resource].holder.filter(|&before| before != job) else { continue };
            let is_kept = self.jobs[before].ledger.min_hold();
            let is_kept = is_kept
                .is_some_and(|(_, kept_by)| kept_by.len() >= self.scenario.quorum_of(self.plan_of(before).client));
            let until = self.shortest_hold_ends_at(before).filter(|until| *until > self.now);
            let is_excused = self.may_trust_the_forgetful(self.plan_of(job).client);
            if let Some(until) = until.filter(|_| is_kept && self.is_within_the_promise() && !is_excused) {
                let what = format!("job {job} has resource {resource}, which job {before} keeps until {until}");
                return Err(Violation::new(Invariant::MinimumHold, what));
            }
        }
        Ok(())
    }

    /// Returns when others may have what a job has held, at the latest; the clocks of nodes run at other rates.
    fn shortest_hold_ends_at(&self, job: usize) -> Option<Time> {
        let (until, _) = self.jobs[job].ledger.min_hold()?;
        let min_hold = nanos(self.plan_of(job).terms.min_hold);
        Some(self.time_of(job, until).saturating_sub(min_hold / 100 + 2 * MILLISECOND))
    }
}
