//! The process of a client: it drives the real machine as a driver must.

use std::rc::Rc;

use redlock_core::{Instant, LockKey, LockMachine, Locks, NodeId};

use super::{Checked, Stage, World};
use crate::clock::{Clock, MILLISECOND, Time};
use crate::event::Event;
use crate::fault::FaultKind;
use crate::scenario::Scenario;

/// A timer that is late is so by up to this.
const LATENESS: Time = 300 * MILLISECOND;

/// A client: a process with a clock, that may stand still.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) clock: Clock,
    pub(super) pauses: u32,
    /// What has happened while it stood still.
    pub(super) inbox: Vec<Event>,
    /// The jobs that it has to do.
    jobs: Rc<[usize]>,
    /// The real machine, for all of its jobs.
    pub(super) locks: Locks,
    /// The timer that is armed.
    timer: Option<Instant>,
    generation: u32,
}

impl Client {
    /// Creates a client of a scenario, by its number.
    pub(super) fn new(scenario: &Scenario, client: usize) -> Self {
        let jobs = scenario.jobs.iter().enumerate().filter(|(_, job)| job.client == client).map(|(job, _)| job);
        Self {
            clock: scenario.client_clocks[client],
            pauses: 0,
            inbox: Vec::new(),
            jobs: jobs.collect(),
            locks: Locks::new(scenario.config_of(client).clone()),
            timer: None,
            generation: 0,
        }
    }

    /// Lets another process begin in the place of this one.
    pub(super) fn restart(&mut self) {
        self.locks = Locks::new(self.locks.config().clone());
        self.timer = None;
        self.generation += 1;
    }
}

/// # The driving rule
impl World<'_> {
    /// Carries all that is to be carried, learns of all that has ended, and arms the timer.
    pub(super) fn drive(&mut self, client: usize) -> Checked {
        loop {
            self.carry(client)?;
            let Some(key) = self.clients[client].locks.poll_finished() else { break };
            if let Some(job) = self.job_of(client, key) {
                self.has_finished(job)?;
            }
        }
        self.see_renewals(client)?;
        self.see_settled(client)?;
        self.arm_timer(client)
    }

    /// Opens connections and sends batches, as far as the machine wants it. What is new is seen before it is sent.
    fn carry(&mut self, client: usize) -> Checked {
        while let Some(node) = self.clients[client].locks.poll_ready() {
            self.see_commands(client)?;
            let link = self.link_between(client, node.index());
            if self.clients[client].locks.poll_connect(node) {
                self.open(link)?;
            }
            self.send_batch(link, node)?;
            let now = self.local(client);
            if let Some(waiter) = self.clients[client].locks.poll_subscribe(node, now) {
                self.sends_subscription(link, waiter);
            }
        }
        Ok(())
    }

    fn send_batch(&mut self, link: usize, node: NodeId) -> Checked {
        let client = self.links[link].client;
        let (now, mut batch) = (self.local(client), Vec::new());
        self.clients[client].locks.poll_batch(node, &mut batch, now);
        batch.into_iter().try_for_each(|command| self.send(link, node, command))
    }

    pub(super) fn timer_fires(&mut self, client: usize, generation: u32) -> Checked {
        if generation != self.clients[client].generation {
            self.summary.events -= 1;
            return Ok(());
        }
        let now = self.local(client);
        self.clients[client].timer = None;
        self.clients[client].locks.handle_timeout(now);
        self.drive(client)?;
        // What one call leaves is due in the next one, at once.
        if self.clients[client].locks.poll_timeout().is_none_or(|next| next > now) {
            self.check_losses_are_told(client)?;
        }
        self.check_nothing_overdue(client)?;
        self.touch_all(client)
    }

    pub(super) fn arm_timer(&mut self, client: usize) -> Checked {
        let timer = self.clients[client].locks.poll_timeout();
        self.check_timer(client, timer)?;
        self.check_timer_of_connections(client, timer)?;
        if timer == self.clients[client].timer || self.is_idle(client) {
            return Ok(());
        }
        let state = &mut self.clients[client];
        state.timer = timer;
        state.generation += 1;
        let generation = state.generation;
        if let Some(timer) = timer {
            let at = state.clock.time_of(timer).max(self.now) + self.lateness();
            self.agenda.note(at, Event::Timer { client, generation });
        }
        Ok(())
    }

    /// Returns whether the client has nothing left to do but to connect to nodes again. A world in which it goes on with
    /// that does not come to rest.
    fn is_idle(&self, client: usize) -> bool {
        let has_no_lock = self.clients[client].locks.is_empty() && !self.waits_in_silence(client);
        let has_begun = |job: usize| self.jobs[job].stage != Stage::NotBegun || self.never_begins(job);
        has_no_lock && self.jobs_of(client).all(has_begun)
    }

    fn lateness(&mut self) -> Time {
        if self.is_healed() || !self.dice.chance(self.scenario.network.late_timer) {
            return 0;
        }
        self.count(FaultKind::LateTimer);
        self.dice.time(0..=LATENESS)
    }
}

impl<'a> World<'a> {
    /// Returns what the clock of the client shows.
    pub(super) fn local(&self, client: usize) -> Instant {
        self.clients[client].clock.at(self.now)
    }

    /// Returns the nodes that a client knows.
    pub(super) fn nodes_of(&self, client: usize) -> impl Iterator<Item = NodeId> + use<'a> {
        self.scenario.config_of(client).nodes().iter()
    }

    pub(super) fn jobs_of(&self, client: usize) -> impl Iterator<Item = usize> + use<> {
        let jobs = Rc::clone(&self.clients[client].jobs);
        (0..jobs.len()).map(move |index| jobs[index])
    }

    /// Returns the job whose lock has this name.
    pub(super) fn job_of(&self, client: usize, key: LockKey) -> Option<usize> {
        self.jobs_of(client).find(|&job| self.jobs[job].key == Some(key))
    }

    /// Returns the lock of a job, while the machine knows it.
    pub(super) fn lock(&self, job: usize) -> Option<&LockMachine> {
        self.clients[self.plan_of(job).client].locks.lock(self.jobs[job].key?)
    }
}
