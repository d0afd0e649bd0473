//! What the referee sees of the machine of a client.

use redlock_core::{Action, Command, LockMachine, ScriptForm};

use super::{Checked, Stage, World};
use crate::history::Who;
use crate::invariant::{Invariant, Violation};
use crate::link::View;
use crate::server::verb;

impl World<'_> {
    /// Sees each command when its lock gives it out, which may be long before it is sent. One that no node of it can be
    /// sent to is not seen.
    pub(super) fn see_commands(&mut self, client: usize) -> Checked {
        self.see_attempts(client);
        for (job, command) in self.new_commands(client) {
            self.see_command(job, &command)?;
        }
        self.see_refusals(client);
        Ok(())
    }

    fn see_attempts(&mut self, client: usize) {
        let (now, asked_at) = (self.local(client), self.now);
        for job in self.jobs_of(client) {
            let attempts = self.lock(job).map_or(0, LockMachine::attempts);
            let state = &mut self.jobs[job];
            if attempts > state.attempts {
                (state.attempts, state.asked_at) = (attempts, asked_at);
                state.granted.clear();
                state.ledger.begins_attempt(now);
            }
        }
    }

    fn new_commands(&self, client: usize) -> Vec<(usize, Command)> {
        let queued = self.nodes_of(client).flat_map(|node| self.clients[client].locks.queued(node));
        let new = queued.filter_map(|(key, command)| {
            let job = self.job_of(client, key)?;
            (self.jobs[job].last_command < Some(command.id)).then(|| (job, command.clone()))
        });
        let mut new: Vec<_> = new.collect();
        new.sort_by_key(|(job, command)| (*job, command.id));
        // What goes to each node is a command for that node alone.
        new.dedup_by(|(job, command), (first_job, first)| {
            let is_same = (*job, command.id) == (*first_job, first.id);
            if is_same {
                *first = first.with_nodes(first.nodes.iter().chain(command.nodes.iter()).collect());
            }
            is_same
        });
        new
    }

    fn see_command(&mut self, job: usize, command: &Command) -> Checked {
        let client = self.plan_of(job).client;
        let (now, is_lost) = (self.local(client), self.lock(job).is_some_and(|lock| lock.loss().is_some()));
        if matches!(command.action, Action::Acquire { .. } | Action::AcquireInTurn { .. }) {
            // After a call-up, attempts follow each other at once, also when a release was refused.
            self.see_refusals_of(client, job);
        }
        let state = &mut self.jobs[job];
        state.last_command = Some(command.id);
        state.ledger.gives_out(command, is_lost, now)?;
        let is_healing = state.ledger.deadline().is_some()
            && matches!((&command.action, command.form), (Action::Acquire { .. }, ScriptForm::Digest));
        self.summary.healings += u64::from(is_healing);
        if matches!(command.action, Action::Acquire { .. } | Action::AcquireInTurn { .. }) && !is_healing {
            self.begins_to_ask(job);
            if self.plan_of(job).terms.adopts.is_none() {
                self.check_first(job)?;
            }
        }
        self.tell(Who::Client(client), || format!("job {job} has {} for {:?}", verb(&command.action), command.nodes));
        Ok(())
    }

    /// A job that asks for its lock must be the first of its client that wants one of its names, and nobody of them may
    /// hold one.
    fn check_first(&mut self, job: usize) -> Checked {
        let (client, names) = (self.plan_of(job).client, self.plan_of(job).names);
        let now = self.local(client);
        let is_before = |other: &usize| {
            let is_earlier = self.jobs[*other].key < self.jobs[job].key;
            // What was adopted has its keys, and stands in no line.
            let is_in_line = self.plan_of(*other).terms.adopts.is_none();
            let is_rival = is_in_line && self.plan_of(*other).names.overlap(names);
            let is_in_the_way = |lock: &LockMachine| lock.is_held(now) || (is_earlier && lock.is_acquiring());
            *other != job && is_rival && self.lock(*other).is_some_and(is_in_the_way)
        };
        match self.jobs_of(client).find(is_before) {
            Some(other) => Err(Violation::new(Invariant::InOrder, format!("job {job} asks before job {other}"))),
            None => Ok(()),
        }
    }

    fn see_refusals(&mut self, client: usize) {
        for job in self.jobs_of(client) {
            self.see_refusals_of(client, job);
        }
    }

    fn see_refusals_of(&mut self, client: usize, job: usize) {
        // A release that keeps its keys does not wait for a connection: the time for which it keeps them would be over.
        let may_keep = !self.plan_of(job).terms.min_hold.is_zero();
        for node in self.nodes_of(client) {
            let is_open = || matches!(self.links[self.link_between(client, node.index())].view, View::Open { .. });
            if self.clients[client].locks.refusal(node).is_some() || (may_keep && !is_open()) {
                self.jobs[job].ledger.is_cut_off(node);
            }
        }
    }

    /// Sees which locks the machine has forgotten.
    pub(super) fn see_settled(&mut self, client: usize) -> Checked {
        let now = self.local(client);
        for job in self.jobs_of(client) {
            let is_known = self.jobs[job].key.is_some() && self.jobs[job].stage != Stage::Settled;
            if is_known && self.lock(job).is_none() {
                self.jobs[job].stage = Stage::Settled;
                self.jobs[job].ledger.is_settled(now)?;
            }
        }
        Ok(())
    }
}
