//! What must hold, checked with the eyes of one who sees every clock and every key.

use core::time::Duration;
use std::collections::BTreeSet;

use redlock_core::{Instant, Lock, LockMachine, Loss, NodeId, OperationId, Options, Reply, Request, Resources};

use super::{Checked, JobState, ResourceState, Stage, World};
use crate::clock::Time;
use crate::event::{Event, Sent};
use crate::fault::FaultKind;
use crate::history::Who;
use crate::invariant::{Invariant, Violation};
use crate::names::Names;
use crate::scenario::{HEALED_AT, Mode};
use crate::server::Server;

/// # What a lock says
impl World<'_> {
    pub(super) fn is_acquired(&mut self, job: usize, deadline: Instant) -> Checked {
        let (now, quorum) = (self.local(self.plan_of(job).client), self.scenario.quorum_of(self.plan_of(job).client));
        self.jobs[job].ledger.is_acquired(deadline, quorum, now)?;
        let plan = self.plan_of(job);
        let took = self.now - plan.begins_at;
        let delay = if self.is_healed() { 0 } else { plan.hand_over_delay };
        let is_probe = plan.is_probe;
        // Nodes that do not agree on a fence are asked once more.
        let trips = if plan.options.is_fenced() { 2 } else { 1 };
        let enough = self.scenario.round_trip() * trips;
        if is_probe && took > enough {
            let what = format!("{took} ns, where {enough} ns are enough");
            return Err(Violation::new(Invariant::OneRoundTrip, what));
        }
        if delay > 0 {
            self.count(FaultKind::LateHandOver);
        }
        self.agenda.note(self.now + delay, Event::HandOver { job });
        Ok(())
    }

    pub(super) fn is_handed_over(&mut self, job: usize, deadline: Instant) -> Checked {
        let now = self.local(self.plan_of(job).client);
        let terms = self.plan_of(job).terms;
        self.jobs[job].ledger.is_handed_over(deadline, terms.max_hold, terms.min_hold, now)?;
        self.check_first_renewal(job, now)?;
        self.summary.grants += 1;
        self.summary.adoptions += u64::from(terms.adopts.is_some());
        self.summary.grants_of_several += u64::from(self.plan_of(job).names.len() > 1);
        let turn = self.jobs[job].ledger.turn();
        self.summary.grants_in_turn += u64::from(turn.is_some());
        self.summary.grants_after_call_up += u64::from(turn.is_some_and(|(_, is_called_up)| is_called_up));
        let until = self.time_of(job, deadline);
        let (at, acquiring, held) = (self.now, self.acquiring(job), self.held(job));
        self.record(|history| {
            history.end(acquiring, at);
            history.begin(held, at);
            history.end(held, until);
        });
        let client = self.plan_of(job).client;
        self.tell(Who::Client(client), || format!("job {job} HOLDS its lock for {} us", (until - at) / 1_000));
        self.check_fairness(job)?;
        self.check_fences(job)?;
        self.begin_errand(job);
        self.check_shortest_holds(job)?;
        self.check_alone(job)?;
        for resource in self.plan_of(job).names.iter() {
            self.resources[resource].holder = Some(job);
            self.resources[resource].had_at = Some(self.now);
        }
        self.check_holders(job)
    }

    pub(super) fn is_extended(&mut self, job: usize, extension: OperationId, deadline: Instant) -> Checked {
        let (now, quorum) = (self.local(self.plan_of(job).client), self.scenario.quorum_of(self.plan_of(job).client));
        self.jobs[job].ledger.is_extended(extension, deadline, quorum, now)?;
        self.summary.extensions += 1;
        let (until, held) = (self.time_of(job, deadline), self.held(job));
        self.record(|history| history.end(held, until));
        self.check_fences_stay(job)?;
        self.check_holders(job)
    }

    pub(super) fn is_not_extended(&mut self, job: usize, extension: OperationId) -> Checked {
        // It may be lost already: that is seen next.
        let Some(lock) = self.lock(job).filter(|lock| lock.loss().is_none()) else { return Ok(()) };
        let deadline = lock.deadline();
        self.jobs[job].ledger.is_not_extended(extension, deadline)
    }

    pub(super) fn is_not_acquired(&mut self, job: usize) -> Checked {
        self.jobs[job].ledger.is_over();
        self.ends(job);
        if self.plan_of(job).is_probe {
            return Err(Violation::new(Invariant::OneRoundTrip, "a free lock was not acquired"));
        }
        Ok(())
    }

    pub(super) fn is_lost(&mut self, job: usize, loss: &Loss) -> Checked {
        let is_early =
            self.jobs[job].ledger.deadline().is_some_and(|deadline| self.local(self.plan_of(job).client) < deadline);
        self.is_had_until_now(job);
        self.jobs[job].ledger.is_over();
        self.ends(job);
        self.summary.longest_holds += u64::from(*loss == Loss::MaxHoldReached);
        if self.plan_of(job).is_probe {
            return Err(Violation::new(Invariant::KeptAlive, format!("job {job}: {loss}")));
        }
        // Where nodes forget keys that live, a quorum may have forgotten those of a holder.
        if is_early && self.is_within_the_promise() && !self.scenario.guard.is_on() {
            let what = format!("job {job} gave up a lock that it still had: {loss}");
            return Err(Violation::new(Invariant::FailedExtensionChangesNothing, what));
        }
        Ok(())
    }
}

/// # What a lock is asked
impl World<'_> {
    /// H24. What cannot be a lock is refused before anything is sent.
    pub(super) fn check_bounds(&self, resources: &Resources) -> Checked {
        let config = &self.scenario.config;
        for ttl in [Duration::ZERO, config.max_ttl().saturating_add(Duration::from_nanos(1))] {
            if Request::new(config, resources.clone(), ttl, Options::new()).is_ok() {
                return Err(Violation::new(Invariant::Bounds, format!("a TTL of {ttl:?} was let through")));
            }
        }
        Ok(())
    }
}

/// # What holds at every moment
impl World<'_> {
    /// I1. Whoever is handed a lock begins a time in which no other may hold it, so it is enough to look then.
    fn check_alone(&mut self, job: usize) -> Checked {
        let holder_of = |resource: usize| {
            let other = self.resources[resource].holder.filter(|&other| other != job && self.holds(other))?;
            Some((resource, other))
        };
        let Some((resource, other)) = self.plan_of(job).names.iter().find_map(holder_of) else { return Ok(()) };
        let intruder = self.later_of(job, other);
        let is_excused = self.may_trust_the_forgetful(self.plan_of(intruder).client);
        if self.is_within_the_promise() && !is_excused {
            let what = format!("job {job} holds resource {resource} while job {other} does");
            return Err(Violation::new(Invariant::MutualExclusion, what));
        }
        self.summary.overlaps_unseen += u64::from(is_excused);
        self.summary.overlaps += u64::from(!is_excused);
        Ok(())
    }

    /// I2, whenever a lock or a key of the resources of a job has changed. Keys also end by themselves, but when is known.
    pub(super) fn check_holders(&mut self, job: usize) -> Checked {
        self.plan_of(job).names.iter().try_for_each(|resource| self.check_holder(resource))
    }

    /// Each of so many nodes keeps the token at all names of the lock.
    fn check_holder(&mut self, resource: usize) -> Checked {
        let Some(job) = self.resources[resource].holder.filter(|&job| self.holds(job)) else { return Ok(()) };
        let ledger = &self.jobs[job].ledger;
        let (Some(deadline), Some(token)) = (ledger.deadline(), ledger.token()) else { return Ok(()) };
        let last = self.time_of(job, deadline).saturating_sub(1);
        let (now, names, resources) = (self.now, self.plan_of(job).names, &self.resources);
        let keeps = |server: &mut Server| {
            let key = |resource: usize| resources[resource].name.as_bytes();
            names.iter().all(|resource| server.keeps(key(resource), token.as_bytes(), last, now))
        };
        let keepers = self.servers.iter_mut().map(keeps).filter(|&keeps| keeps).count();
        if keepers >= self.scenario.quorum_of(self.plan_of(job).client) || !self.is_within_the_promise() {
            return Ok(());
        }
        let what = format!("{keepers} nodes keep the token of job {job} until its deadline");
        Err(Violation::new(Invariant::QuorumKeepsToken, what))
    }

    /// A lock that is held wakes its driver at its deadline, if not before.
    pub(super) fn check_timer(&self, client: usize, timer: Option<Instant>) -> Checked {
        for job in self.jobs_of(client) {
            let Some(deadline) = self.jobs[job].ledger.deadline() else { continue };
            if timer.is_none_or(|timer| timer > deadline) {
                let what = format!("job {job} is valid until {deadline:?}, the timer of its client is {timer:?}");
                return Err(Violation::new(Invariant::LossIsSignalled, what));
            }
        }
        Ok(())
    }

    /// A node that has answered a command must change nothing by answering it again, whatever it says then.
    pub(super) fn check_again(&self, sent: &Sent, node: NodeId, reply: Reply) -> Checked {
        let Some(job) = sent.job else { return Ok(()) };
        let Some(lock) = self.lock(job) else { return Ok(()) };
        for second in [reply, Reply::Done, Reply::Missing] {
            let client = self.plan_of(job).client;
            let mut again = Lock::copy_of(self.scenario.config_of(client), lock);
            again.handle_reply(sent.command.id, node, second.clone(), self.local(client));
            if *again != *lock || again.poll_event().is_some() {
                let what = format!("job {job}: the second reply of node {node} made a difference: {second:?}");
                return Err(Violation::new(Invariant::RepliesCountOnce, what));
            }
        }
        Ok(())
    }

    /// Returns whether a job waits in the queue of a node for a resource, and is the one of its client that asks.
    pub(super) fn waits_at(&self, job: usize, node: NodeId, resource: usize) -> bool {
        let is_waiting = self.lock(job).is_some_and(LockMachine::is_waiting);
        is_waiting && self.jobs[job].ledger.has_place_at(node, &self.resources[resource].name)
    }

    /// A job that has a lock is about to end or to leave it.
    pub(super) fn is_had_until_now(&mut self, job: usize) {
        if self.jobs[job].ledger.deadline().is_some() {
            for resource in self.plan_of(job).names.iter() {
                self.resources[resource].had_at = Some(self.now);
            }
        }
    }

    pub(super) fn holds(&self, job: usize) -> bool {
        let now = self.local(self.plan_of(job).client);
        self.lock(job).is_some_and(|lock| lock.is_held(now)) && self.jobs[job].ledger.deadline().is_some()
    }

    /// The moment at which the clock of the job's client shows `instant`.
    pub(super) fn time_of(&self, job: usize, instant: Instant) -> Time {
        self.clients[self.plan_of(job).client].clock.time_of(instant)
    }

    pub(super) fn is_within_the_promise(&self) -> bool {
        self.scenario.mode != Mode::Hostile
    }
}

/// # What holds in the end
impl World<'_> {
    /// Whoever waited when all was well again: by now somebody has had the lock.
    pub(super) fn check_progress(&mut self) -> Checked {
        for job in 0..self.jobs.len() {
            let plan = self.plan_of(job);
            let waits = plan.begins_at <= HEALED_AT && self.lock(job).is_some_and(LockMachine::is_acquiring);
            let was_had = |resource: &usize| {
                let ResourceState { had_at, holder, .. } = &self.resources[*resource];
                had_at.is_some_and(|at| at > HEALED_AT) || holder.is_some_and(|holder| self.holds(holder))
            };
            if waits && !self.waited_for_with(job).iter().any(was_had) {
                let what = format!("job {job} waits, and nobody has had the lock since all was well");
                return Err(Violation::new(Invariant::Progress, what));
            }
        }
        Ok(())
    }

    /// Returns the resources that a job waits for, and those of the others of its client that it may stand behind: they may
    /// want one of its resources together with one that is held for long.
    fn waited_for_with(&self, job: usize) -> BTreeSet<usize> {
        let plan = self.plan_of(job);
        let waiting: Vec<_> =
            self.jobs_of(plan.client).filter(|&job| self.lock(job).is_some_and(LockMachine::is_acquiring)).collect();
        let mut names: BTreeSet<_> = plan.names.iter().collect();
        // As many rounds as there are names reach all of them.
        for _ in 0..self.resources.len() {
            let rivals = waiting.iter().map(|&other| self.plan_of(other).names);
            let rivals: Vec<_> = rivals.filter(|rival| rival.iter().any(|name| names.contains(&name))).collect();
            names.extend(rivals.into_iter().flat_map(Names::iter));
        }
        names
    }

    /// Nothing will happen any more.
    pub(super) fn check_the_end(&mut self) -> Checked {
        let is_at_work = |job: &JobState| job.key.is_some() && job.stage != Stage::Settled;
        if let Some(job) = self.jobs.iter().position(is_at_work) {
            let what = format!("the machine never settles job {job}");
            return Err(Violation::new(Invariant::NothingLeftBehind, what));
        }
        self.check_all_answered()?;
        for node in 0..self.servers.len() {
            self.check_nothing_left(node)?;
        }
        Ok(())
    }

    fn check_all_answered(&self) -> Checked {
        for (index, link) in self.links.iter().enumerate() {
            let (locks, node) = (&self.clients[link.client].locks, self.node_of(index));
            // A node that is away for good may be owed releases of which it was told in vain.
            let has_queued = locks.has_batch(node) || locks.queued(node).any(|(_, command)| !command.is_repeated);
            if has_queued || !link.unanswered.is_empty() {
                let what = format!("commands of client {} to node {} were never answered", link.client, link.node);
                return Err(Violation::new(Invariant::RepliesCountOnce, what));
            }
        }
        Ok(())
    }

    fn check_nothing_left(&mut self, node: usize) -> Checked {
        let server = &mut self.servers[node];
        let now = server.clock.at(self.now);
        for resource in &self.resources {
            let key = resource.name.as_bytes();
            let Some(value) = server.model.get(key, now).map(<[u8]>::to_vec) else { continue };
            let owner = self.jobs.iter().position(|job| job.ledger.owns(&value));
            let id = NodeId::new(node).expect("a scenario has few nodes");
            let may_stay = owner.is_some_and(|job| {
                let job = &self.jobs[job];
                job.may_leave_keys || job.ledger.min_hold().is_some() || job.ledger.has_given_up(&value, id)
            });
            if !may_stay && self.scenario.mode != Mode::Hostile {
                let what = format!("the key of {} stays on node {node}, by job {owner:?}", resource.name);
                return Err(Violation::new(Invariant::NothingLeftBehind, what));
            }
            let longest = self.scenario.longest_ttl() + Duration::from_millis(1);
            if self.scenario.mode != Mode::Hostile && server.model.ttl(key, now).is_some_and(|ttl| ttl > longest) {
                let what = format!("the key of {} on node {node} lives for longer than any TTL", resource.name);
                return Err(Violation::new(Invariant::KeysExpire, what));
            }
        }
        Ok(())
    }
}
