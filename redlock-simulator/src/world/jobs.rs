//! What clients do: drive the real machine as a driver must, and use the lock as a user does.

use std::rc::Rc;

use redlock_core::{Command, Event as LockEvent, ExtendError, Hint, Instant, Lock, NodeId, Reply, Request};

use super::{Checked, World};
use crate::clock::{MILLISECOND, Time};
use crate::event::{Event, Sent};
use crate::fault::FaultKind;
use crate::history::{SpanKind, Who};
use crate::invariant::{Invariant, Violation};
use crate::scenario::Job;
use crate::server::verb;

/// A timer that is late is so by up to this.
const LATENESS: Time = 300 * MILLISECOND;

/// # The user
impl World<'_> {
    pub(super) fn job_begins(&mut self, job: usize) -> Checked {
        let plan = self.plan_of(job);
        let (client, now) = (plan.client, self.local(job));
        let resource = self.resources[plan.resource].name.clone();
        self.check_bounds(&resource)?;
        let request = Request::new(&self.scenario.config, resource, plan.ttl, plan.options).expect("a valid request");
        let lock = Lock::acquire(&self.scenario.config, request, self.dice.bytes(), now);
        self.jobs[job].lock = Some(Box::new(lock));
        self.tell(Who::Client(client), || format!("job {job} wants {} for {:?}", plan.resource, plan.ttl));
        let (at, span) = (self.now, self.acquiring(job));
        self.record(|history| history.begin(span, at));
        self.drive(job)
    }

    /// The caller of the acquisition gets to run.
    pub(super) fn hand_over(&mut self, job: usize) -> Checked {
        let now = self.local(job);
        let has_come = self.jobs[job].ledger.deadline().is_some();
        let Some(lock) = self.jobs[job].lock.as_mut().filter(|_| !has_come) else { return Ok(()) };
        let deadline = lock.deadline();
        if lock.hand_over(now)
            && let Some(deadline) = deadline
        {
            self.is_handed_over(job, deadline)?;
            self.jobs[job].holds_until = self.now + self.plan_of(job).hold;
            self.note_next_step(job);
        }
        self.drive(job)
    }

    /// The user extends the lock, or has had it for long enough.
    pub(super) fn step(&mut self, job: usize) -> Checked {
        if self.now >= self.jobs[job].holds_until {
            return self.leave(job, "is done");
        }
        let now = self.local(job);
        let Some(renewal) = self.plan_of(job).renewal else { return Ok(()) };
        let Some(lock) = self.jobs[job].lock.as_mut() else { return Ok(()) };
        match lock.extend(renewal.ttl, now) {
            Err(ExtendError::Lost(_)) => return self.leave(job, "has lost its lock"),
            Ok(()) | Err(_) => self.note_next_step(job),
        }
        self.drive(job)
    }

    /// The user gives up whatever there is, as when a guard or a future is dropped.
    pub(super) fn leave(&mut self, job: usize, why: &str) -> Checked {
        let (now, client) = (self.local(job), self.plan_of(job).client);
        let Some(lock) = self.jobs[job].lock.as_mut() else { return Ok(()) };
        lock.release(now);
        self.jobs[job].ledger.leaves();
        self.tell(Who::Client(client), || format!("job {job} {why}"));
        self.ends(job);
        self.drive(job)
    }

    fn note_next_step(&mut self, job: usize) {
        let until = self.jobs[job].holds_until;
        let next = self.plan_of(job).renewal.map_or(until, |renewal| self.now + renewal.every);
        self.agenda.note(next.min(until).max(self.now), Event::Step { job });
    }
}

/// # The driver
impl World<'_> {
    pub(super) fn handle_reply(&mut self, sent: &Sent, node: NodeId, reply: Reply) -> Checked {
        let now = self.local(sent.job);
        let job = &mut self.jobs[sent.job];
        job.ledger.is_answered(&sent.command, node, &reply);
        let Some(lock) = job.lock.as_mut() else { return Ok(()) };
        lock.handle_reply(sent.command.id, node, reply, now);
        self.drive(sent.job)
    }

    /// A client hears that a lock was released.
    pub(super) fn hear(&mut self, client: usize, resource: usize) -> Checked {
        for job in 0..self.jobs.len() {
            let (plan, now) = (self.plan_of(job), self.local(job));
            if let Some(lock) =
                self.jobs[job].lock.as_mut().filter(|_| (plan.client, plan.resource) == (client, resource))
            {
                lock.handle_hint(Hint::Released, now);
                self.drive(job)?;
            }
        }
        Ok(())
    }

    /// A reply that was handed in before must change nothing.
    pub(super) fn handle_again(&mut self, sent: &Sent, node: NodeId, reply: Reply) -> Checked {
        let now = self.local(sent.job);
        let Some(lock) = self.jobs[sent.job].lock.as_mut() else { return Ok(()) };
        let before = lock.clone();
        lock.handle_reply(sent.command.id, node, reply, now);
        if *lock == before {
            return Ok(());
        }
        let what = format!("job {}: the second reply of node {node} made a difference", sent.job);
        Err(Violation::new(Invariant::RepliesCountOnce, what))
    }

    pub(super) fn timer_fires(&mut self, job: usize, generation: u32) -> Checked {
        let now = self.local(job);
        let state = &mut self.jobs[job];
        let Some(lock) = state.lock.as_mut().filter(|_| generation == state.generation) else {
            self.summary.events -= 1;
            return Ok(());
        };
        state.timer = None;
        lock.handle_timeout(now);
        self.drive(job)
    }

    /// The driving rule: send all commands, take all events, arm the timer; drop the machine when it is settled.
    fn drive(&mut self, job: usize) -> Checked {
        self.jobs[job].steps += 1;
        self.poll(job)?;
        self.cancel_in_time(job)
    }

    fn poll(&mut self, job: usize) -> Checked {
        while let Some(command) = self.jobs[job].lock.as_mut().and_then(|lock| lock.poll_command()) {
            self.send_to_all(job, command)?;
        }
        while let Some(event) = self.jobs[job].lock.as_mut().and_then(|lock| lock.poll_event()) {
            self.take_event(job, event)?;
        }
        self.arm_timer(job)?;
        if self.jobs[job].lock.as_ref().is_some_and(|lock| lock.is_settled()) {
            self.jobs[job].lock = None;
            let now = self.local(job);
            return self.jobs[job].ledger.is_settled(now);
        }
        Ok(())
    }

    /// Some acquisitions are cancelled, each at a step that was drawn.
    fn cancel_in_time(&mut self, job: usize) -> Checked {
        let state = &self.jobs[job];
        let is_acquiring = state.lock.as_ref().is_some_and(|lock| lock.is_acquiring());
        if is_acquiring && self.plan_of(job).cancelled_at == Some(state.steps) {
            self.count(FaultKind::Cancel);
            self.leave(job, "is cancelled")?;
        }
        Ok(())
    }

    fn send_to_all(&mut self, job: usize, command: Command) -> Checked {
        let (now, client) = (self.local(job), self.plan_of(job).client);
        let state = &mut self.jobs[job];
        let is_lost = state.lock.as_ref().is_some_and(|lock| lock.loss().is_some());
        state.ledger.sends(&command, is_lost, now)?;
        let is_healing = state.ledger.deadline().is_some() && verb(&command.action) == "SET";
        self.summary.healings += u64::from(is_healing);
        self.tell(Who::Client(client), || format!("job {job} sends {} to {:?}", verb(&command.action), command.nodes));
        let command = Rc::new(command);
        for node in command.nodes.iter() {
            let link = self.link_between(client, node.index());
            self.send(link, Sent { job, command: Rc::clone(&command), is_resent: false });
        }
        Ok(())
    }

    fn arm_timer(&mut self, job: usize) -> Checked {
        let Some(lock) = self.jobs[job].lock.as_ref() else { return Ok(()) };
        let timer = lock.poll_timeout();
        self.check_timer(job, timer)?;
        if timer == self.jobs[job].timer {
            return Ok(());
        }
        let state = &mut self.jobs[job];
        state.timer = timer;
        state.generation += 1;
        let generation = state.generation;
        if let Some(timer) = timer {
            let at = self.clients[self.plan_of(job).client].clock.time_of(timer);
            let lateness = self.lateness();
            self.agenda.note(at.max(self.now) + lateness, Event::Timer { job, generation });
        }
        Ok(())
    }

    fn lateness(&mut self) -> Time {
        if self.is_healed() || !self.dice.chance(self.scenario.network.late_timer) {
            return 0;
        }
        self.count(FaultKind::LateTimer);
        self.dice.time(0..=LATENESS)
    }

    fn take_event(&mut self, job: usize, event: LockEvent) -> Checked {
        self.tell(Who::Client(self.plan_of(job).client), || format!("job {job}: {}", describe(&event)));
        match event {
            LockEvent::Acquired { deadline } => self.is_acquired(job, deadline),
            LockEvent::AcquireFailed(_) => self.is_not_acquired(job),
            LockEvent::Extended { deadline } => self.is_extended(job, deadline),
            LockEvent::ExtendFailed(ExtendError::Lost(_)) => Ok(()),
            LockEvent::ExtendFailed(_) => self.is_not_extended(job),
            LockEvent::Lost(loss) => self.is_lost(job, &loss),
            _ => Ok(()),
        }
    }
}

impl<'a> World<'a> {
    pub(super) fn plan_of(&self, job: usize) -> &'a Job {
        &self.scenario.jobs[job]
    }

    /// What the clock of the job's client shows.
    pub(super) fn local(&self, job: usize) -> Instant {
        self.clients[self.plan_of(job).client].clock.at(self.now)
    }

    pub(super) fn acquiring(&self, job: usize) -> SpanKind {
        let plan = self.plan_of(job);
        SpanKind::Acquiring { client: plan.client, resource: plan.resource, job }
    }

    pub(super) fn held(&self, job: usize) -> SpanKind {
        let plan = self.plan_of(job);
        SpanKind::Held { client: plan.client, resource: plan.resource, job }
    }

    /// The job neither wants nor has its lock any more.
    pub(super) fn ends(&mut self, job: usize) {
        let (now, acquiring, held) = (self.now, self.acquiring(job), self.held(job));
        self.record(|history| history.cut_short(now, |kind| kind == acquiring || kind == held));
    }
}

fn describe(event: &LockEvent) -> String {
    match event {
        LockEvent::Acquired { .. } => "acquired".into(),
        LockEvent::AcquireFailed(error) => error.to_string(),
        LockEvent::Extended { .. } => "extended".into(),
        LockEvent::ExtendFailed(error) => error.to_string(),
        LockEvent::Lost(loss) => format!("lost: {loss}"),
        LockEvent::Released(report) => report.to_string(),
        other => format!("{other:?}"),
    }
}
