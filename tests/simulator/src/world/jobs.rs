//! What clients do with their locks, as users do.

use core::time::Duration;

use redlock_core::{AcquireError, ExtendError, Instant, LockKey, LockMachine, Locks, OperationId, Owner, Request};

use super::{Checked, Stage, World};
use crate::event::Event;
use crate::fault::FaultKind;
use crate::history::{SpanKind, Who};
use crate::scenario::Job;

/// # What the user does
impl World<'_> {
    pub(super) fn job_begins(&mut self, job: usize) -> Checked {
        let plan = self.plan_of(job);
        let (client, now) = (plan.client, self.local(plan.client));
        let resources = plan.names.resources();
        self.check_bounds(&resources)?;
        let request = match self.left_to(job) {
            Some(detached) => Request::adopting(&self.scenario.config, &detached, plan.options),
            None => Request::new(&self.scenario.config, resources, plan.ttl, plan.options),
        };
        let request = request.expect("a valid request");
        let request = if self.scenario.proposes { request.at_wall_clock(now.since_epoch()) } else { request };
        let request = if plan.terms.is_labelled { request.owned_by(label(job)) } else { request };
        self.note_fences(job);
        self.begins_to_adopt(job, now);
        let key = self.clients[client].locks.acquire(request, self.dice.bytes(), now).expect("it is never closed");
        (self.jobs[job].key, self.jobs[job].stage) = (Some(key), Stage::Wants);
        self.tell(Who::Client(client), || format!("job {job} wants {} for {:?}", plan.names, plan.ttl));
        let is_in_line = self.lock(job).is_some_and(|lock| lock.is_acquiring() && lock.attempts() == 0);
        self.summary.in_line += u64::from(is_in_line);
        let (at, span) = (self.now, self.acquiring(job));
        self.record(|history| history.begin(span, at));
        self.drive(client)?;
        self.touch(job)
    }

    /// The caller of the acquisition gets to run.
    pub(super) fn hand_over(&mut self, job: usize) -> Checked {
        if self.jobs[job].stage != Stage::Wants {
            return Ok(());
        }
        self.come_for(job)?;
        self.drive(self.plan_of(job).client)?;
        self.touch(job)
    }

    /// The user extends the lock, or has had it for long enough.
    pub(super) fn step(&mut self, job: usize) -> Checked {
        if self.jobs[job].stage != Stage::Holds {
            return Ok(());
        }
        if self.now >= self.jobs[job].holds_until {
            return if self.heir_of(job).is_some() { self.detach(job) } else { self.leave(job, "is done") };
        }
        let Some(renewal) = self.plan_of(job).renewal else { return Ok(()) };
        let ttl = renewal.ttl_of(self.jobs[job].renewals);
        let Some((locks, key, now)) = self.machine(job) else { return Ok(()) };
        match locks.extend(key, ttl, now) {
            Err(ExtendError::Lost(_)) => return self.leave(job, "has lost its lock"),
            Err(_) => {}
            Ok(extension) => self.extension_begins(job, extension, ttl, now),
        }
        self.note_next_step(job);
        self.drive(self.plan_of(job).client)
    }

    fn extension_begins(&mut self, job: usize, extension: OperationId, ttl: Duration, now: Instant) {
        let state = &mut self.jobs[job];
        self.summary.overlapping_extensions += u64::from(!state.extensions.is_empty());
        state.renewals += 1;
        state.extensions.push(extension);
        state.ledger.begins_extension(extension, ttl, now);
    }

    /// The user releases the lock, and waits for that.
    fn leave(&mut self, job: usize, why: &str) -> Checked {
        if let Some((locks, key, now)) = self.machine(job) {
            locks.release(key, now);
        }
        self.is_left(job, Stage::Leaves, why)
    }

    /// The user gives up whatever there is, as when a guard or a future is dropped.
    fn cancel(&mut self, job: usize) -> Checked {
        self.abandon(job);
        self.is_left(job, Stage::Gone, "is cancelled")
    }

    pub(super) fn is_left(&mut self, job: usize, stage: Stage, why: &str) -> Checked {
        let client = self.plan_of(job).client;
        self.jobs[job].stage = stage;
        self.is_had_until_now(job);
        self.jobs[job].ledger.leaves();
        self.tell(Who::Client(client), || format!("job {job} {why}"));
        self.ends(job);
        self.drive(client)
    }

    fn abandon(&mut self, job: usize) {
        self.jobs[job].stage = Stage::Gone;
        if let Some((locks, key, now)) = self.machine(job) {
            locks.abandon(key, now);
        }
    }

    fn note_next_step(&mut self, job: usize) {
        let until = self.jobs[job].holds_until;
        let next = self.plan_of(job).renewal.map_or(until, |renewal| self.now + renewal.wait(self.jobs[job].renewals));
        self.agenda.note(next.min(until).max(self.now), Event::Step { job });
    }
}

fn label(job: usize) -> Owner {
    Owner::new(format!("job {job}")).expect("it can be printed")
}

/// # What the user learns
impl World<'_> {
    /// The operation of a job has ended, or its lock is not held any more.
    pub(super) fn has_finished(&mut self, job: usize) -> Checked {
        match self.jobs[job].stage {
            Stage::Wants => self.acquisition_ends(job),
            Stage::Holds => self.tenure_changes(job),
            Stage::Leaves => {
                self.release_ends(job);
                Ok(())
            }
            Stage::NotBegun | Stage::Gone | Stage::Settled => Ok(()),
        }
    }

    fn acquisition_ends(&mut self, job: usize) -> Checked {
        match self.lock(job).filter(|lock| lock.is_acquiring()).and_then(LockMachine::deadline) {
            Some(deadline) => {
                self.says(job, || "acquired".into());
                self.is_acquired(job, deadline)
            }
            None => self.come_for(job),
        }
    }

    fn come_for(&mut self, job: usize) -> Checked {
        let Some((locks, key, now)) = self.machine(job) else { return Ok(()) };
        match locks.hand_over(key, now) {
            None => Ok(()),
            Some(Ok(deadline)) => self.has_come(job, deadline),
            Some(Err(error)) => self.goes_without(job, &error),
        }
    }

    fn has_come(&mut self, job: usize, deadline: Instant) -> Checked {
        self.jobs[job].stage = Stage::Holds;
        self.is_handed_over(job, deadline)?;
        self.jobs[job].holds_until = self.now + self.plan_of(job).hold;
        self.note_next_step(job);
        Ok(())
    }

    fn goes_without(&mut self, job: usize, error: &AcquireError) -> Checked {
        self.says(job, || error.to_string());
        self.abandon(job);
        self.is_not_acquired(job)
    }

    fn tenure_changes(&mut self, job: usize) -> Checked {
        self.extensions_end(job)?;
        let is_known = self.jobs[job].ledger.deadline().is_none();
        let Some(loss) = self.lock(job).and_then(LockMachine::loss).filter(|_| !is_known).cloned() else {
            return Ok(());
        };
        self.says(job, || format!("lost: {loss}"));
        self.is_lost(job, &loss)
    }

    /// One that was confirmed in the same moment has moved the deadline, so it comes before those that have failed.
    fn extensions_end(&mut self, job: usize) -> Checked {
        let mut failed = Vec::new();
        for extension in std::mem::take(&mut self.jobs[job].extensions) {
            let Some((locks, key, _)) = self.machine(job) else { return Ok(()) };
            match locks.take_extended(key, extension) {
                Some(Ok(deadline)) => {
                    self.says(job, || "extended".into());
                    self.is_extended(job, extension, deadline)?;
                }
                Some(Err(error)) => failed.push((extension, error)),
                None => self.jobs[job].extensions.push(extension),
            }
        }
        self.see_renewal(job)?;
        failed.into_iter().try_for_each(|(extension, error)| {
            self.says(job, || error.to_string());
            self.is_not_extended(job, extension)
        })
    }

    fn release_ends(&mut self, job: usize) {
        let Some((locks, key, _)) = self.machine(job) else { return };
        if let Some(report) = locks.take_released(key) {
            self.says(job, || report.to_string());
            self.abandon(job);
        }
    }

    fn says(&mut self, job: usize, what: impl FnOnce() -> String) {
        self.tell(Who::Client(self.plan_of(job).client), || format!("job {job}: {}", what()));
    }
}

/// # Cancellations, each at a step that was drawn
impl World<'_> {
    /// Counts that the lock of a job was touched.
    pub(super) fn touch(&mut self, job: usize) -> Checked {
        self.jobs[job].steps += 1;
        let is_acquiring = self.lock(job).is_some_and(LockMachine::is_acquiring);
        let is_due = self.plan_of(job).cancelled_at == Some(self.jobs[job].steps);
        if !is_acquiring || !is_due || self.jobs[job].stage != Stage::Wants {
            return Ok(());
        }
        self.count(FaultKind::Cancel);
        self.cancel(job)
    }

    /// Counts that any lock of a client may have been touched.
    pub(super) fn touch_all(&mut self, client: usize) -> Checked {
        for job in self.jobs_of(client) {
            if self.jobs[job].key.is_some() {
                self.touch(job)?;
            }
        }
        Ok(())
    }
}

impl<'a> World<'a> {
    /// Returns the machine that knows the lock of a job, its name there, and what the clock of the client shows.
    pub(super) fn machine(&mut self, job: usize) -> Option<(&mut Locks, LockKey, Instant)> {
        let client = self.plan_of(job).client;
        let (key, now) = (self.jobs[job].key?, self.local(client));
        Some((&mut self.clients[client].locks, key, now))
    }

    pub(super) fn plan_of(&self, job: usize) -> &'a Job {
        &self.scenario.jobs[job]
    }

    pub(super) fn acquiring(&self, job: usize) -> SpanKind {
        let plan = self.plan_of(job);
        SpanKind::Acquiring { client: plan.client, names: plan.names, job }
    }

    pub(super) fn held(&self, job: usize) -> SpanKind {
        let plan = self.plan_of(job);
        SpanKind::Held { client: plan.client, names: plan.names, job }
    }

    /// The job neither wants nor has its lock any more.
    pub(super) fn ends(&mut self, job: usize) {
        let (now, acquiring, held) = (self.now, self.acquiring(job), self.held(job));
        self.record(|history| history.cut_short(now, |kind| kind == acquiring || kind == held));
    }
}
