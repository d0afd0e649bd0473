//! How commands and replies travel.

use std::rc::Rc;

use redlock_core::{Action, Cause, Command, NodeId, Reply};

use super::{Checked, World};
use crate::clock::{SECOND, Time};
use crate::event::{Event, Sent};
use crate::fault::FaultKind;
use crate::history::{SpanKind, Who, answer};
use crate::invariant::{Invariant, Violation};
use crate::link::Silence;
use crate::server::verb;

/// A slow node takes so much longer.
const SLOWNESS: Time = 20;

/// What a refusing node says.
pub(super) const REFUSALS: [Cause; 4] = [Cause::Loading, Cause::OutOfMemory, Cause::NotAuthenticated, Cause::Busy];

/// # Commands
impl World<'_> {
    pub(super) fn link_between(&self, client: usize, node: usize) -> usize {
        client * self.servers.len() + node
    }

    /// Sends a command over a link, behind all earlier ones. A connection that is broken carries nothing.
    pub(super) fn send(&mut self, link: usize, node: NodeId, command: Command) -> Checked {
        let job = self.sender_of(link, &command)?;
        match job {
            Some(job) => {
                self.jobs[job].ledger.sends(&command, node)?;
                self.check_keeps_no_longer(self.links[link].client, job, &command)?;
            }
            None => self.is_aside(link, node, &command.action),
        }
        let sent = Sent { job, command: Rc::new(command) };
        self.is_owed_a_reply(link);
        self.links[link].unanswered.push_back(sent.clone());
        if self.links[link].is_open {
            self.transmit(link, sent);
        }
        Ok(())
    }

    fn is_aside(&mut self, link: usize, node: NodeId, action: &Action) {
        let Action::Leave { resources, .. } = action else {
            self.summary.pings += 1;
            return;
        };
        self.summary.leaves += 1;
        for job in self.jobs_of(self.links[link].client) {
            for resource in resources.as_slice() {
                self.jobs[job].ledger.leaves_queue(node, resource);
            }
        }
    }

    /// Returns the job whose lock sends it; none sends what belongs to no lock.
    fn sender_of(&self, link: usize, command: &Command) -> Result<Option<usize>, Violation> {
        let Some(token) = command.action.token() else { return Ok(None) };
        let mut jobs = self.jobs_of(self.links[link].client);
        let sender = jobs.find(|&job| self.jobs[job].ledger.owns(token.as_bytes()));
        let what = || format!("{} with a token that no lock has asked with", verb(&command.action));
        sender.map(Some).ok_or_else(|| Violation::new(Invariant::FreshToken, what()))
    }

    pub(super) fn transmit(&mut self, link: usize, sent: Sent) {
        let earliest = self.now + self.latency(link);
        let state = &mut self.links[link];
        let (at, epoch) = (state.command_arrives_at(earliest), state.epoch);
        if state.silence == Some(Silence::Commands) {
            return;
        }
        self.agenda.note(at, Event::Command { link, epoch, sent });
    }

    pub(super) fn latency(&mut self, link: usize) -> Time {
        let network = &self.scenario.network;
        let usual = self.dice.time(network.shortest..=network.longest);
        if self.is_healed() {
            return usual;
        }
        let straggles = if self.dice.chance(network.straggler) { self.dice.time(2..=100) } else { 1 };
        let slowness = if self.servers[self.links[link].node].slow > 0 { SLOWNESS } else { 1 };
        (usual * straggles * slowness).min(SECOND).min(self.healing_time() - self.now)
    }

    pub(super) fn command_arrives(&mut self, link: usize, epoch: u32, sent: Sent) -> Checked {
        let state = &self.links[link];
        let (node, client) = (state.node, state.client);
        let is_current = epoch == state.epoch;
        if epoch < state.lost_before || self.servers[node].down > 0 {
            return Ok(());
        }
        if self.servers[node].hung > 0 {
            self.servers[node].inbox.push((link, epoch, sent));
            return Ok(());
        }
        if !is_current && !self.dice.chance(self.scenario.network.late_execution) {
            return Ok(());
        }
        if !is_current {
            self.count(FaultKind::LateExecution);
            if let Some(job) = sent.job {
                self.jobs[job].may_leave_keys = true;
            }
        }
        let reply = self.execute(node, client, &sent)?;
        if !is_current {
            self.is_nobodys_place(client);
        }
        self.tell_call_ups(node);
        if is_current && self.links[link].silence.is_none() {
            let earliest = self.now + self.latency(link);
            let at = self.links[link].reply_arrives_at(earliest);
            self.agenda.note(at, Event::Reply { link, epoch, reply });
        }
        Ok(())
    }

    fn execute(&mut self, node: usize, client: usize, sent: &Sent) -> Result<Reply, Violation> {
        let refusal = self.dice.pick(&REFUSALS);
        let executed = if self.lies() {
            self.execute_with_lies(node, &sent.command, refusal)
        } else {
            self.servers[node].execute(&sent.command, refusal, self.now)
        };
        self.check_turn_is_passed_on(node, &sent.command, &executed.reply)?;
        self.home_has_done(node, client, &sent.command, &executed.reply);
        let verb = verb(&sent.command.action);
        let purpose = sent.job.map_or_else(String::new, |job| format!(" for job {job}"));
        self.tell(Who::Node(node), || format!("{verb} of client {client}{purpose}: {}", answer(&executed.reply)));
        if executed.touched_another {
            let what = format!("{verb}{purpose} touched another's key on node {node}");
            return Err(Violation::new(Invariant::OthersKeysUntouched, what));
        }
        if executed.is_partial {
            let what = format!("{verb}{purpose} did something to one key on node {node} and not to another");
            return Err(Violation::new(Invariant::AllOrNone, what));
        }
        if executed.is_mislabelled {
            let what = format!("{verb}{purpose} on node {node}: {:?}", executed.reply);
            return Err(Violation::new(Invariant::LabelOfHolder, what));
        }
        self.summary.labels += u64::from(matches!(&executed.reply, Reply::HeldByOther(hold) if hold.owner.is_some()));
        if let Some(job) =
            sent.job.filter(|_| matches!(executed.reply, Reply::Done | Reply::Granted(_) | Reply::CalledUp))
        {
            self.note_granted(node, job, &sent.command);
            self.keys_changed(node, job, &sent.command)?;
            self.check_kept(node, job, &sent.command)?;
            self.note_minted(node, job, &sent.command, &executed.reply);
            self.check_healed_counters(node, job, &sent.command, &executed.reply)?;
        }
        Ok(executed.reply)
    }

    fn keys_changed(&mut self, node: usize, job: usize, command: &Command) -> Checked {
        self.plan_of(job).names.iter().for_each(|resource| self.key_changed(node, job, resource, command));
        self.check_holders(job)
    }

    fn key_changed(&mut self, node: usize, job: usize, resource: usize, command: &Command) {
        let (now, key) = (self.now, SpanKind::Key { node, resource, job });
        let expires_at = self.servers[node].expires_at(self.resources[resource].name.as_bytes(), now);
        match &command.action {
            Action::Acquire { .. } | Action::AcquireInTurn { .. } => self.record(|history| {
                history.begin(key, now);
                history.end(key, expires_at);
            }),
            Action::Extend { .. } => self.record(|history| history.end(key, expires_at)),
            Action::Release { .. } => self.record(|history| history.end(key, now)),
            _ => {}
        }
    }
}

/// # Replies
impl World<'_> {
    pub(super) fn reply_arrives(&mut self, link: usize, epoch: u32, reply: Reply) -> Checked {
        if epoch != self.links[link].epoch {
            return Ok(());
        }
        let sent = self.links[link].unanswered.pop_front().expect("a connection answers no more than it was sent");
        let (client, node) = (self.links[link].client, self.node_of(link));
        let now = self.local(client);
        match sent.job {
            Some(job) => {
                self.jobs[job].ledger.is_answered(&sent.command, node, &reply);
                self.see_whether_void(link, job, &sent.command, &reply)?;
            }
            None if reply != Reply::Done => self.places_are_lost(link),
            None => {}
        }
        self.summary.places += u64::from(matches!(&reply, Reply::HeldByOther(hold) if hold.place.is_some()));
        self.is_heard_of(link);
        self.links[link].told.answered_at = Some(now);
        self.clients[client].locks.handle_reply(node, reply.clone(), now);
        if !self.is_healed() && self.dice.chance(self.scenario.network.double_reply) {
            self.count(FaultKind::DoubleReply);
            self.check_again(&sent, node, reply)?;
        }
        self.drive(client)?;
        sent.job.map_or(Ok(()), |job| self.touch(job))?;
        self.call_up_from_nowhere(link)
    }

    /// Those of a client who stand in a queue of a node may hear nothing any more.
    pub(super) fn places_are_lost(&mut self, link: usize) {
        let node = self.node_of(link);
        for job in self.jobs_of(self.links[link].client) {
            self.jobs[job].ledger.place_is_lost(node);
        }
    }

    /// Returns whether nodes say anything about their queues at the moment.
    pub(super) fn lies(&self) -> bool {
        self.scenario.lies && !self.is_healed()
    }

    pub(super) fn node_of(&self, link: usize) -> NodeId {
        NodeId::new(self.links[link].node).expect("a scenario has few nodes")
    }
}
