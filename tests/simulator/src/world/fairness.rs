//! Who waits behind whom and for how long, once all is well: of those who stand in the queue of a home.

use redlock_core::{Action, Command, LockMachine, NodeId, Reply, Resource, RetryDelay};

use super::{Checked, World};
use crate::clock::{MILLISECOND, Time, nanos};
use crate::history::Who;
use crate::invariant::{Invariant, Violation};
use crate::scenario::Mode;

/// For so long an attempt that nobody has called up may be in the way of others.
const NEWCOMERS_ARE_DONE_AFTER: Time = 80 * MILLISECOND;

/// Those who stand in the queue of the home of a resource, as far as the referee has seen it.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: Vec<Waiting>,
    /// The clients that the node may call up, also those that ask in another way meanwhile.
    standing: Vec<usize>,
    /// The holder has given the resource back, or a turn to take it that was kept is over, and somebody waits.
    freed: Option<Freed>,
    /// The clients that stood here when they were hit, and have not cost the others anything.
    dead: usize,
    /// When an attempt was begun that did not wait for its turn.
    newcomer_at: Option<Time>,
    /// A client was hit that may have left keys.
    has_remains: bool,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    client: usize,
    since: Time,
    /// How many others were granted the lock in turn, since it has stood there.
    overtaken: usize,
}

#[derive(Clone, Copy, Debug)]
struct Freed {
    at: Time,
    /// How long the one who was called up has to come.
    grace: Time,
}

/// # What the referee sees
impl World<'_> {
    /// A node has carried out a command of a client that is about queues, of those whose home it is.
    pub(super) fn home_has_done(&mut self, node: usize, client: usize, command: &Command, reply: &Reply) {
        for resource in self.queues_of(command) {
            if self.is_followed_at(resource, node) {
                self.home_of_has_done(resource, client, command, reply);
            }
        }
    }

    fn home_of_has_done(&mut self, resource: usize, client: usize, command: &Command, reply: &Reply) {
        let now = self.now;
        let line = &mut self.resources[resource].line;
        match (&command.action, reply) {
            (Action::AcquireInTurn { keeps_turn, .. }, reply) if keeps_turn_after(&command.action, reply) => {
                let kept = Time::from(keeps_turn.as_millis()) * MILLISECOND;
                let grace = Time::from(command.grace.as_millis()) * MILLISECOND;
                line.leaves(client);
                line.freed = Some(Freed { at: now + kept, grace }).filter(|_| !line.waiting.is_empty());
            }
            (Action::AcquireInTurn { .. }, reply) if is_without_place(&command.action, reply) => {
                line.standing.retain(|other| *other != client);
                line.gives_up(client);
            }
            (Action::AcquireInTurn { .. }, Reply::HeldByOther(_)) => line.joins(client, now),
            (Action::AcquireInTurn { .. }, Reply::Done | Reply::Granted(_)) => {
                line.standing.retain(|other| *other != client);
                line.leaves(client);
            }
            (Action::Leave { .. }, _) => {
                line.standing.retain(|other| *other != client);
                line.gives_up(client);
            }
            (Action::Release { .. }, Reply::Done | Reply::CalledUp) => {
                let freed = Freed { at: now, grace: Time::from(command.grace.as_millis()) * MILLISECOND };
                // What was undone was nobody's, and is waited for like any attempt that failed.
                let is_holders = self.resources[resource]
                    .holder
                    .is_some_and(|job| self.jobs[job].ledger.token() == command.action.token().copied());
                let line = &mut self.resources[resource].line;
                line.freed = Some(freed).filter(|_| is_holders && !line.waiting.is_empty());
            }
            _ => {}
        }
    }

    /// A job begins an attempt.
    pub(super) fn begins_to_ask(&mut self, job: usize) {
        let (client, names) = (self.plan_of(job).client, self.plan_of(job).names);
        for resource in names.iter() {
            let is_in_turn = self.is_in_turn(job, resource);
            let line = &mut self.resources[resource].line;
            // Who asks for several may be granted one in turn, and come in vain for another.
            if !is_in_turn || names.len() > 1 {
                line.newcomer_at = Some(self.now);
            }
            if !is_in_turn {
                // It does not wait for its turn there any more.
                line.gives_up(client);
            }
        }
    }

    /// Returns whether the last attempt of a job has asked the home of a resource in turn for that one.
    fn is_in_turn(&self, job: usize, resource: usize) -> bool {
        let home = NodeId::new(self.scenario.home(resource)).expect("a scenario has few nodes");
        self.jobs[job].ledger.is_in_turn_for(&self.resources[resource].name, home)
    }

    /// A client ends, stands still, or is cut off.
    pub(super) fn is_hit(&mut self, client: usize) {
        for resource in 0..self.resources.len() {
            let has_remains = self.may_leave_something(client, resource);
            let line = &mut self.resources[resource].line;
            line.has_remains |= has_remains;
            line.dead += usize::from(line.standing.contains(&client));
            line.gives_up(client);
        }
    }

    /// A node has carried out what had come over a connection that is gone: nobody may wait at the place that was given.
    pub(super) fn is_nobodys_place(&mut self, client: usize) {
        for resource in &mut self.resources {
            resource.line.dead += usize::from(resource.line.standing.contains(&client));
            resource.line.leaves(client);
        }
    }

    /// Returns whether a client has done more for a resource than wait for it.
    fn may_leave_something(&self, client: usize, resource: usize) -> bool {
        let is_about_it = |job: usize| self.plan_of(job).names.contains(resource);
        let only_waits = |job: usize| {
            self.lock(job).is_none_or(|lock| lock.is_waiting() || lock.is_acquiring() && lock.attempts() == 0)
        };
        let mut owed = self.links.iter().filter(|link| link.client == client).flat_map(|link| &link.unanswered);
        self.jobs_of(client).any(|job| is_about_it(job) && !only_waits(job))
            || owed.any(|sent| sent.job.is_some_and(is_about_it))
    }

    /// The resources whose queues a command is about.
    fn queues_of(&self, command: &Command) -> Vec<usize> {
        let released = match &command.action {
            Action::Release { resources, .. } => resources.as_slice(),
            _ => &[],
        };
        let number = |name: &Resource| self.resources.iter().position(|resource| resource.name == *name);
        command.action.queue().into_iter().chain(released).filter_map(number).collect()
    }

    /// A waiter that was refused and has no place is not waited for: the turn that it had is another's now. Or it keeps it,
    /// if it wants to and was refused for a later one of its names.
    pub(super) fn check_turn_is_passed_on(&mut self, node: usize, command: &Command, reply: &Reply) -> Checked {
        let Action::AcquireInTurn { waiter, .. } = &command.action else { return Ok(()) };
        let Some(resource) = command.action.queue().filter(|_| is_without_place(&command.action, reply)) else {
            return Ok(());
        };
        let is_kept = self.servers[node].has_called_up(waiter, resource, self.now);
        let keeps = keeps_turn_after(&command.action, reply);
        self.summary.turns_passed_on += u64::from(!keeps);
        self.summary.turns_kept += u64::from(keeps);
        if self.lies() || is_kept == keeps {
            return Ok(());
        }
        let what =
            if is_kept { "waits for one that it has refused" } else { "does not wait for one that keeps its turn" };
        Err(Violation::new(Invariant::TurnIsPassedOn, format!("node {node} {what}")))
    }

    /// Returns whether all handles agree that this node keeps the queue, and are called up by it.
    fn is_calm_at(&self, resource: usize, node: usize) -> bool {
        self.is_followed_at(resource, node) && self.now >= self.scenario.calm_at() && self.servers[node].is_reachable()
    }

    /// Returns whether the referee follows the queue of this node.
    fn is_followed_at(&self, resource: usize, node: usize) -> bool {
        let scenario = self.scenario;
        let has_crowd = scenario.mode == Mode::Live && scenario.is_crowded && scenario.network.announces;
        has_crowd && scenario.home(resource) == node
    }

    /// The node calls up a client, which loses its place with that.
    pub(super) fn calls_up(&mut self, node: usize, client: usize, resource: usize) {
        if self.is_followed_at(resource, node) {
            self.resources[resource].line.leaves(client);
        }
    }
}

/// # What is promised
impl World<'_> {
    /// Q3 and Q5, when a job was granted a lock.
    pub(super) fn check_fairness(&mut self, job: usize) -> Checked {
        let (client, handles) = (self.plan_of(job).client, self.clients.len());
        for resource in self.plan_of(job).names.iter() {
            let home = self.scenario.home(resource);
            if !self.is_calm_at(resource, home) {
                continue;
            }
            self.check_gap(resource)?;
            let is_in_turn = self.is_in_turn(job, resource);
            let line = &mut self.resources[resource].line;
            line.leaves(client);
            line.waiting.iter_mut().for_each(|waiting| waiting.overtaken += usize::from(is_in_turn));
            let calm_at = self.scenario.calm_at();
            let lasting = line.waiting.iter().filter(|waiting| waiting.since >= calm_at);
            let most = lasting.map(|waiting| waiting.overtaken).max().unwrap_or_default();
            self.summary.most_overtaken = self.summary.most_overtaken.max(most as u64);
            if most > handles {
                let what = format!("somebody was overtaken {most} times by {handles} handles, for resource {resource}");
                return Err(Violation::new(Invariant::Overtaking, what));
            }
        }
        Ok(())
    }

    /// From a release until the next grant, while somebody stands in the queue: the call-up, the round trip, and the reply
    /// that the waiter may have been owed; and for each who does not hear it, once, the grace and the time until the next poll.
    fn check_gap(&mut self, resource: usize) -> Checked {
        let usual = 6 * self.scenario.network.longest + 4 * MILLISECOND;
        let (now, line) = (self.now, &mut self.resources[resource].line);
        let Some(freed) = line.freed.take() else { return Ok(()) };
        let has_newcomers = line.newcomer_at.is_some_and(|at| at + NEWCOMERS_ARE_DONE_AFTER > freed.at);
        let took = now.saturating_sub(freed.at);
        if has_newcomers || line.has_remains {
            return Ok(());
        }
        self.summary.hand_overs += 1;
        if took <= usual {
            return Ok(());
        }
        let each = freed.grace + nanos(RetryDelay::DEFAULT.max()) + usual;
        let dead = line.dead as u64;
        line.dead = line.dead.saturating_sub(1);
        if took <= usual + dead * each {
            self.summary.graces += 1;
            return Ok(());
        }
        let what = format!("resource {resource} was free for {took} ns while somebody waited, {dead} of them dead");
        self.tell(Who::World, || what.clone());
        Err(Violation::new(Invariant::DeadWaiterCostsOneGrace, what))
    }

    /// Q2. By now every waiter has had its turn.
    pub(super) fn check_service(&mut self) -> Checked {
        self.summary.services += 1;
        for job in 0..self.jobs.len() {
            if self.lock(job).is_some_and(LockMachine::is_acquiring) && !self.plan_of(job).is_probe {
                let what = format!("job {job} still waits, of {}", self.jobs.len());
                return Err(Violation::new(Invariant::EveryoneIsServed, what));
            }
        }
        Ok(())
    }
}

/// Returns whether a waiter for one of several names was refused for another one, so that it does not wait there any more.
fn is_without_place(action: &Action, reply: &Reply) -> bool {
    let has_several_names = action.resources().is_some_and(|resources| resources.only().is_none());
    has_several_names && matches!(reply, Reply::HeldByOther(hold) if hold.place.is_none())
}

/// Returns whether such a waiter keeps the turn that it had.
pub(crate) fn keeps_turn_after(action: &Action, reply: &Reply) -> bool {
    let (Action::AcquireInTurn { keeps_turn, .. }, Reply::HeldByOther(hold)) = (action, reply) else { return false };
    let is_later = hold.resource.as_ref() > action.queue();
    is_without_place(action, reply) && is_later && keeps_turn.as_millis() > 0
}

impl Line {
    fn joins(&mut self, client: usize, since: Time) {
        if !self.waiting.iter().any(|waiting| waiting.client == client) {
            self.waiting.push(Waiting { client, since, overtaken: 0 });
        }
        if !self.standing.contains(&client) {
            self.standing.push(client);
        }
    }

    /// Takes a client out that does not want the resource any more, or does not come for it.
    fn gives_up(&mut self, client: usize) {
        self.leaves(client);
        if self.waiting.is_empty() {
            self.freed = None;
        }
    }

    /// Takes a client out.
    fn leaves(&mut self, client: usize) {
        self.waiting.retain(|waiting| waiting.client != client);
    }
}
