//! How those who wait in the queues of nodes subscribe, and how they are called up.

use redlock_core::{Cause, Heard, LockMachine, NodeId, Unavailable, WaiterId};

use super::network::REFUSALS;
use super::{Checked, World};
use crate::clock::{MILLISECOND, SECOND, Time};
use crate::event::Event;
use crate::fault::FaultKind;
use crate::history::Who;
use crate::invariant::{Invariant, Violation};
use crate::link::Silence;
use crate::scenario::HEALED_AT;
use crate::subscriptions::Connection;

/// A node notices within this time that a connection is gone.
const NOTICED_WITHIN: Time = 2 * SECOND;
/// A subscription at a node that hangs waits for it, and looks again after this time.
const LOOKS_AGAIN: Time = 100 * MILLISECOND;

/// # What nodes do
impl World<'_> {
    /// A subscription arrives over whatever connection. It ends with the connection for commands.
    pub(super) fn subscription_arrives(&mut self, link: usize, epoch: u32, waiter: WaiterId) {
        let node = self.links[link].node;
        if epoch != self.links[link].epoch || self.servers[node].down > 0 {
            return;
        }
        if self.servers[node].hung > 0 {
            return self.agenda.note(self.now + LOOKS_AGAIN, Event::Subscription { link, epoch, waiter });
        }
        let (client, heard) = (self.links[link].client, self.subscribe(link, &waiter));
        self.tell(Who::Node(node), || format!("SUBSCRIBE of client {client}: {heard:?}"));
        if heard == Heard::Subscribed && self.is_disturbed() {
            let breaks_at = self.now + self.dice.time(0..=SECOND);
            self.agenda.note(breaks_at.min(self.healing_time()), Event::SubscriptionBreaks { link, epoch });
        }
        self.let_hear(link, epoch, heard);
    }

    fn subscribe(&mut self, link: usize, waiter: &WaiterId) -> Heard {
        let (node, epoch) = (self.links[link].node, self.links[link].epoch);
        if self.servers[node].refusing > 0 {
            return Heard::Deaf(Unavailable::new(self.dice.pick(&REFUSALS)));
        }
        if self.lies() && self.dice.chance(30) {
            return Heard::Deaf(self.any_refusal());
        }
        self.servers[node].model.subscribe(waiter);
        self.servers[node].subscriptions.add(waiter.clone(), Connection { link, epoch });
        Heard::Subscribed
    }

    /// The second connection breaks, if there is one still.
    pub(super) fn subscription_breaks(&mut self, link: usize, epoch: u32) {
        let gone = Connection { link, epoch };
        self.servers[self.links[link].node].end_connections(|connection| connection == gone);
        self.let_hear(link, epoch, Heard::Deaf(Unavailable::new(Cause::Disconnected)));
    }

    fn let_hear(&mut self, link: usize, epoch: u32, heard: Heard) {
        if self.links[link].silence.is_none() {
            let earliest = self.now + self.latency(link);
            let at = self.links[link].heard_at(earliest);
            self.agenda.note(at, Event::Heard { link, epoch, heard });
        }
    }

    /// Returns whether a subscription suffers what messages about call-ups do.
    fn is_disturbed(&mut self) -> bool {
        let is_disturbed = !self.is_healed() && self.dice.chance(self.scenario.network.lost_call_up);
        if is_disturbed {
            self.count(FaultKind::LostCallUp);
        }
        is_disturbed
    }

    /// A connection is gone; the node notices it at once or later, and calls up who does not hear it until then.
    pub(super) fn is_gone(&mut self, link: usize, epoch: u32) {
        if !self.scenario.network.announces {
            return;
        }
        let later = if self.dice.chance(60) { 0 } else { self.dice.time(0..=NOTICED_WITHIN) };
        let limit = if self.now < HEALED_AT { self.healing_time() } else { Time::MAX };
        self.unnoticed += 1;
        self.agenda.note((self.now + later).min(limit), Event::NodeNotices { link, epoch });
    }

    pub(super) fn node_notices(&mut self, link: usize, epoch: u32) {
        self.unnoticed -= 1;
        let gone = Connection { link, epoch };
        self.servers[self.links[link].node].end_connections(|connection| connection == gone);
    }

    /// The node tells those who were called up. Whoever has sent the command hears of it before its reply.
    pub(super) fn tell_call_ups(&mut self, node: usize) {
        while let Some((waiter, name)) = self.servers[node].model.poll_call_up() {
            let resource = self.resources.iter().position(|resource| resource.name == name);
            let resource = resource.expect("nobody waits for another resource");
            self.tell(Who::Node(node), || format!("calls up a waiter for {resource}"));
            for connection in self.servers[node].subscriptions.of(&waiter) {
                self.calls_up(node, self.links[connection.link].client, resource);
                for _ in 0..self.copies() {
                    self.push(connection, resource);
                }
            }
        }
    }

    /// Returns how often a message arrives that a node pushes.
    fn copies(&mut self) -> usize {
        if self.is_healed() {
            return 1;
        }
        let network = &self.scenario.network;
        if self.dice.chance(network.lost_call_up) {
            self.count(FaultKind::LostCallUp);
            0
        } else if self.dice.chance(network.double_call_up) {
            self.count(FaultKind::DoubleCallUp);
            2
        } else {
            1
        }
    }

    /// Pushes it behind all replies on the same connection.
    fn push(&mut self, connection: Connection, resource: usize) {
        let Connection { link, epoch } = connection;
        if epoch != self.links[link].epoch || self.links[link].silence.is_some() {
            self.summary.call_ups_missed += 1;
            return;
        }
        let earliest = self.now + self.latency(link);
        let at = self.links[link].reply_arrives_at(earliest);
        self.agenda.note(at, Event::CallUp { link, epoch, resource });
    }
}

/// # What clients hear
impl World<'_> {
    /// A client subscribes, over a connection that is opened for that alone or not.
    pub(super) fn sends_subscription(&mut self, link: usize, waiter: WaiterId) {
        self.summary.subscriptions += 1;
        let state = &self.links[link];
        let (epoch, is_carried) = (state.epoch, state.is_open && state.silence != Some(Silence::Commands));
        if is_carried && !self.is_disturbed() {
            let round_trips = if self.dice.chance(50) { 1 } else { 3 };
            let at = self.now + (0..round_trips).map(|_| self.latency(link)).sum::<Time>();
            self.agenda.note(at, Event::Subscription { link, epoch, waiter });
        }
    }

    pub(super) fn heard_arrives(&mut self, link: usize, epoch: u32, heard: Heard) -> Checked {
        if epoch != self.links[link].epoch {
            return Ok(());
        }
        let (client, node) = (self.links[link].client, self.node_of(link));
        let now = self.local(client);
        if matches!(heard, Heard::Deaf(_)) {
            self.places_are_lost(link);
        }
        self.clients[client].locks.handle_heard(node, heard, now);
        self.drive(client)?;
        self.touch_all(client)
    }

    pub(super) fn call_up_arrives(&mut self, link: usize, epoch: u32, resource: usize) -> Checked {
        if epoch != self.links[link].epoch {
            self.summary.call_ups_missed += 1;
            return Ok(());
        }
        self.summary.call_ups += 1;
        self.is_called_up(link, resource)
    }

    /// Sometimes a client hears that it is called up, and no node has done so.
    pub(super) fn call_up_from_nowhere(&mut self, link: usize) -> Checked {
        if self.is_healed() || !self.dice.chance(self.scenario.network.stray_call_up) {
            return Ok(());
        }
        self.count(FaultKind::StrayCallUp);
        let resource = self.dice.below(self.resources.len());
        self.is_called_up(link, resource)
    }

    /// Returns whether a waiter may try now and then instead, although the node keeps its place: its handle's subscription may have
    /// been refused, or the node has denied to another waiter of the handle that it has queues.
    fn may_have_lost_its_turn(&self) -> bool {
        let may_refuse = !self.is_healed() && self.scenario.faults.iter().any(|fault| fault.kind == FaultKind::Refusal);
        may_refuse || self.lies()
    }

    /// Returns whether one of the client may make use of a turn for a resource: those that stand in line behind others
    /// cannot, nor those that wait for another one of several names, unless they keep it meanwhile.
    fn may_want_turn(&self, client: usize, node: NodeId, resource: usize) -> bool {
        if self.jobs_of(client).all(|job| self.jobs[job].key.is_none()) {
            // It has not begun to wait for anything, and has no name to wait under.
            return true;
        }
        let jobs = self.jobs_of(client).filter(|&job| self.plan_of(job).names.contains(resource));
        let mut locks = jobs.filter_map(|job| Some((job, self.lock(job)?)));
        locks.any(|(job, lock)| {
            let is_in_line = lock.is_acquiring() && lock.attempts() == 0 && !lock.is_waiting();
            let (ledger, name) = (&self.jobs[job].ledger, &self.resources[resource].name);
            let is_elsewhere =
                self.plan_of(job).names.len() > 1 && !ledger.waits_for(name) && !ledger.keeps_turn(node, name);
            !is_in_line && !is_elsewhere
        })
    }

    /// The one of the client that waits in the queue of the node for the resource asks at once; if there is none, the client
    /// leaves the queue.
    fn is_called_up(&mut self, link: usize, resource: usize) -> Checked {
        let (client, node) = (self.links[link].client, self.node_of(link));
        let (now, name) = (self.local(client), self.resources[resource].name.clone());
        self.tell(Who::Client(client), || format!("is called up for {resource} by node {}", node.index()));
        let waiting: Vec<_> = self.jobs_of(client).filter(|&job| self.waits_at(job, node, resource)).collect();
        let attempts =
            |world: &Self, job| world.lock(job).filter(|lock| lock.is_acquiring()).map(LockMachine::attempts);
        let before: Vec<_> = waiting.into_iter().map(|job| (job, attempts(self, job))).collect();
        for job in self.jobs_of(client).filter(|&job| self.scenario.jobs[job].names.contains(resource)) {
            self.jobs[job].ledger.hears_call_up();
        }
        let (is_wanted, leaves) = (self.may_want_turn(client, node, resource), self.summary.leaves);
        self.clients[client].locks.handle_heard(node, Heard::CalledUp(name), now);
        self.drive(client)?;
        if !is_wanted {
            self.summary.turns_declined += 1;
            if self.summary.leaves == leaves {
                let what = format!("client {client} keeps a turn for {resource} at node {} for nobody", node.index());
                return Err(Violation::new(Invariant::CallUpIsTaken, what));
            }
        }
        for (job, before) in before {
            if before.is_some() && attempts(self, job) == before && !self.may_have_lost_its_turn() {
                let what = format!("job {job} was called up by node {} and does not ask", node.index());
                return Err(Violation::new(Invariant::CallUpIsTaken, what));
            }
        }
        for job in self.jobs_of(client) {
            if self.jobs[job].key.is_some() && self.plan_of(job).names.contains(resource) {
                self.touch(job)?;
            }
        }
        Ok(())
    }
}
