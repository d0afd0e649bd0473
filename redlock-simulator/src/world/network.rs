//! How commands and replies travel, and what breaks on the way.

use redlock_core::{Action, Cause, NodeId, Reply, Unavailable};

use super::{Checked, World};
use crate::clock::{MICROSECOND, MILLISECOND, SECOND, Time};
use crate::event::{Event, Sent};
use crate::fault::FaultKind;
use crate::history::{SpanKind, Who};
use crate::invariant::{Invariant, Violation};
use crate::ledger::answer;
use crate::link::LinkState;
use crate::scenario::{HEALED_AT, Mode};
use crate::server::verb;

/// A slow node takes so much longer.
const SLOWNESS: Time = 20;

/// What a refusing node says.
const REFUSALS: [Cause; 4] = [Cause::Loading, Cause::OutOfMemory, Cause::NotAuthenticated, Cause::Busy];

/// # Commands
impl World<'_> {
    pub(super) fn link_between(&self, client: usize, node: usize) -> usize {
        client * self.servers.len() + node
    }

    /// Sends a command over a link, behind all earlier ones.
    pub(super) fn send(&mut self, link: usize, sent: Sent) {
        match self.links[link].state {
            LinkState::Open => self.transmit(link, sent),
            LinkState::Broken => self.links[link].unanswered.push_back(sent),
            LinkState::Connecting => self.links[link].waiting.push_back(sent),
            LinkState::Failed => self.agenda.note(self.now, Event::NotSent { link, sent }),
        }
    }

    fn transmit(&mut self, link: usize, sent: Sent) {
        let earliest = self.now + self.latency(link);
        let state = &mut self.links[link];
        let (at, epoch) = (state.command_arrives_at(earliest), state.epoch);
        state.unanswered.push_back(sent.clone());
        self.agenda.note(at, Event::Command { link, epoch, sent });
    }

    fn latency(&mut self, link: usize) -> Time {
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
        let node = state.node;
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
            self.jobs[sent.job].may_leave_keys = true;
        }
        let reply = self.execute(node, &sent)?;
        if is_current {
            let earliest = self.now + self.latency(link);
            let at = self.links[link].reply_arrives_at(earliest);
            self.agenda.note(at, Event::Reply { link, epoch, reply });
        }
        Ok(())
    }

    fn execute(&mut self, node: usize, sent: &Sent) -> Result<Reply, Violation> {
        let refusal = self.dice.pick(&REFUSALS);
        let executed = self.servers[node].execute(&sent.command, refusal, self.now);
        let (verb, client) = (verb(&sent.command.action), self.scenario.jobs[sent.job].client);
        self.tell(Who::Node(node), || {
            format!("{verb} of client {client} for job {}: {}", sent.job, answer(&executed.reply))
        });
        if executed.touched_another {
            let what = format!("{verb} of job {} touched another's key on node {node}", sent.job);
            return Err(Violation::new(Invariant::OthersKeysUntouched, what));
        }
        if executed.reply == Reply::Done {
            self.key_changed(node, sent)?;
        }
        Ok(executed.reply)
    }

    fn key_changed(&mut self, node: usize, sent: &Sent) -> Checked {
        let (job, resource) = (sent.job, self.scenario.jobs[sent.job].resource);
        let (now, key) = (self.now, SpanKind::Key { node, resource, job });
        let expires_at = self.servers[node].expires_at(sent.command.action.resource().as_bytes(), now);
        match &sent.command.action {
            Action::Acquire { .. } => self.record(|history| {
                history.begin(key, now);
                history.end(key, expires_at);
            }),
            Action::Extend { .. } => self.record(|history| history.end(key, expires_at)),
            Action::Release { announce, .. } => {
                self.record(|history| history.end(key, now));
                if *announce {
                    self.announce(resource);
                }
            }
            _ => {}
        }
        self.check_holder(resource)
    }
}

/// # Announcements
impl World<'_> {
    /// The node announces a release; whoever listens hears it sooner or later.
    fn announce(&mut self, resource: usize) {
        for client in (0..self.clients.len()).filter(|_| self.scenario.network.announces) {
            let at = self.now + self.dice.time(0..=2 * self.scenario.network.longest);
            self.agenda.note(at, Event::Announcement { client, resource });
        }
    }
}

/// # Replies
impl World<'_> {
    pub(super) fn reply_arrives(&mut self, link: usize, epoch: u32, reply: Reply) -> Checked {
        let state = &mut self.links[link];
        if epoch != state.epoch || state.state != LinkState::Open {
            return Ok(());
        }
        let sent = state.unanswered.pop_front().expect("a connection answers no more than it was sent");
        self.answered(link, &sent, reply)
    }

    /// A client learns that a command could not be sent.
    pub(super) fn not_sent(&mut self, link: usize, sent: &Sent) -> Checked {
        let cause = if sent.is_resent { Cause::Disconnected } else { Cause::NotSent };
        self.answered(link, sent, Reply::Unavailable(Unavailable::new(cause)))
    }

    fn answered(&mut self, link: usize, sent: &Sent, reply: Reply) -> Checked {
        let node = self.links[link].node;
        let id = NodeId::new(node).expect("a scenario has few nodes");
        self.handle_reply(sent, id, reply.clone())?;
        if !self.is_healed() && self.dice.chance(self.scenario.network.double_reply) {
            self.count(FaultKind::DoubleReply);
            self.handle_again(sent, id, reply)?;
        }
        Ok(())
    }
}

/// # Connections
impl World<'_> {
    /// The connection breaks; the client notices it sooner or later.
    pub(super) fn cut(&mut self, link: usize, cut_until: Time, died_with_node: bool) {
        let noticed_at = self.now + if self.dice.chance(70) { self.latency(link) } else { self.dice.time(0..=SECOND) };
        let state = &mut self.links[link];
        state.cut_until = state.cut_until.max(cut_until);
        let was_open = state.state == LinkState::Open;
        state.epoch += u32::from(was_open);
        let (who, epoch) = (Who::Link(state.client, state.node), state.epoch);
        if died_with_node {
            state.lost_before = epoch;
        }
        if was_open {
            state.state = LinkState::Broken;
            self.agenda.note(noticed_at.min(self.healing_time()), Event::BreakNoticed { link, epoch });
            self.tell(who, || "the connection breaks".into());
        }
    }

    /// All unanswered commands may have been carried out or not; a client that resends does not say so.
    pub(super) fn break_noticed(&mut self, link: usize, epoch: u32) -> Checked {
        let at = self.now + self.latency(link);
        let state = &mut self.links[link];
        if epoch != state.epoch {
            return Ok(());
        }
        state.state = LinkState::Connecting;
        let mut unanswered = core::mem::take(&mut state.unanswered);
        if self.scenario.network.resends {
            for sent in &mut unanswered {
                sent.is_resent = true;
                self.summary.faults.count(FaultKind::Resend);
            }
            unanswered.append(&mut state.waiting);
            core::mem::swap(&mut state.waiting, &mut unanswered);
        }
        self.agenda.note(at, Event::Reconnect { link });
        for sent in unanswered {
            self.answered(link, &sent, Reply::Unavailable(Unavailable::new(Cause::Disconnected)))?;
        }
        Ok(())
    }

    pub(super) fn reconnect(&mut self, link: usize) -> Checked {
        let state = &self.links[link];
        let (cut_until, node, client) = (state.cut_until, state.node, state.client);
        if matches!(state.state, LinkState::Open | LinkState::Broken) {
            return Ok(());
        }
        let waiting = core::mem::take(&mut self.links[link].waiting);
        if self.now < cut_until || !self.servers[node].is_reachable() {
            self.links[link].state = LinkState::Failed;
            if self.now < cut_until {
                self.agenda.note(cut_until, Event::Reconnect { link });
            }
            return waiting.iter().try_for_each(|sent| self.not_sent(link, sent));
        }
        self.links[link].state = LinkState::Open;
        let (sends_after, local) = (self.now, self.clients[client].clock.at(self.now));
        (self.links[link].last_command, self.links[link].last_reply) = (sends_after, sends_after);
        for sent in waiting {
            if sent.command.send_by <= local {
                self.agenda.note(self.now, Event::NotSent { link, sent });
            } else {
                self.transmit(link, sent);
            }
        }
        Ok(())
    }

    /// Clients try again to reach a node that is back.
    pub(super) fn node_is_back(&mut self, node: usize) {
        for client in 0..self.clients.len() {
            let at = self.now + self.dice.time(MICROSECOND..=MILLISECOND);
            self.agenda.note(at, Event::Reconnect { link: self.link_between(client, node) });
        }
    }

    /// Until then everything that is broken must have been noticed.
    fn healing_time(&self) -> Time {
        if self.scenario.mode == Mode::Live { self.now.max(HEALED_AT) } else { Time::MAX }
    }
}
