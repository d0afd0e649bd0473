//! How connections break, and how clients open them again.

use redlock_core::{Cause, Facts, Unavailable};

use super::{Checked, World};
use crate::clock::{SECOND, Time};
use crate::event::Event;
use crate::fault::FaultKind;
use crate::history::Who;
use crate::link::View;
use crate::scenario::{HEALED_AT, Mode};

impl World<'_> {
    /// The connection breaks; the client notices it sooner or later.
    pub(super) fn cut(&mut self, link: usize, cut_until: Time, died_with_node: bool) {
        let noticed_at = self.now + if self.dice.chance(70) { self.latency(link) } else { self.dice.time(0..=SECOND) };
        let state = &mut self.links[link];
        state.cut_until = state.cut_until.max(cut_until);
        let was_open = core::mem::take(&mut state.is_open);
        state.epoch += u32::from(was_open);
        let (who, epoch) = (Who::Link(state.client, state.node), state.epoch);
        if died_with_node {
            state.lost_before = epoch;
        }
        if was_open {
            self.is_gone(link, epoch - 1);
            self.agenda.note(noticed_at.min(self.healing_time()), Event::BreakNoticed { link, epoch });
            self.tell(who, || "the connection breaks".into());
        }
    }

    /// All unanswered commands may have been carried out or not. A client library that sends them again does not say so:
    /// its user learns of the break only if no connection can be opened again.
    pub(super) fn break_noticed(&mut self, link: usize, epoch: u32) -> Checked {
        if epoch != self.links[link].epoch {
            return Ok(());
        }
        if self.scenario.network.resends {
            self.links[link].is_reopening = true;
            self.connect(link);
            return Ok(());
        }
        self.is_disconnected(link, Cause::Disconnected)
    }

    /// A client begins to open a connection, in place of the one that there may be.
    pub(super) fn open(&mut self, link: usize) -> Checked {
        self.is_given_up(link)?;
        let state = &mut self.links[link];
        let (was_open, epoch) = (state.is_open, state.epoch);
        (state.is_open, state.is_reopening) = (false, false);
        state.epoch += 1;
        state.unanswered.clear();
        state.view = View::Opening;
        if was_open {
            self.is_gone(link, epoch);
            self.places_are_lost(link);
        }
        self.connect(link);
        Ok(())
    }

    fn connect(&mut self, link: usize) {
        let at = self.now + self.latency(link);
        self.agenda.note(at, Event::ConnectEnds { link, epoch: self.links[link].epoch });
    }

    pub(super) fn connect_ends(&mut self, link: usize, epoch: u32) -> Checked {
        let state = &mut self.links[link];
        if epoch != state.epoch {
            return Ok(());
        }
        let is_reopened = core::mem::take(&mut state.is_reopening);
        if self.now < state.cut_until || !self.servers[state.node].is_reachable() {
            return self.is_disconnected(link, if is_reopened { Cause::Disconnected } else { Cause::NotSent });
        }
        (state.is_open, state.silence) = (true, None);
        (state.last_command, state.last_reply) = (self.now, self.now);
        if is_reopened {
            self.send_again(link);
            return Ok(());
        }
        let (client, node) = (state.client, self.node_of(link));
        let now = self.local(client);
        self.is_connected(link);
        self.learns_run(link);
        let server = self.scenario.guard.is_on().then(|| &self.servers[node.index()]);
        let facts = server.map_or_else(Facts::default, |server| server.facts(node.index(), self.now));
        self.is_told(link, facts.uptime());
        self.clients[client].locks.handle_connected(node, facts, self.scenario.network.announces, now);
        self.check_quarantine(link)?;
        self.drive(client)
    }

    fn send_again(&mut self, link: usize) {
        for sent in self.links[link].unanswered.clone() {
            self.count(FaultKind::Resend);
            self.transmit(link, sent);
        }
    }

    fn is_disconnected(&mut self, link: usize, cause: Cause) -> Checked {
        let (client, node) = (self.links[link].client, self.node_of(link));
        let now = self.local(client);
        let state = &mut self.links[link];
        // Its server may have gone on until then.
        if state.unanswered.is_empty() && matches!(state.view, View::Open { .. }) {
            state.told.answered_at = Some(now);
        }
        state.unanswered.clear();
        state.view = View::Failed { at: now };
        self.clients[client].locks.handle_disconnected(node, &Unavailable::new(cause), now);
        self.drive(client)?;
        // Also that of an attempt that was due, and has begun while the loss was handled.
        self.places_are_lost(link);
        self.touch_all(client)
    }

    /// Until then everything that is broken must have been noticed.
    pub(super) fn healing_time(&self) -> Time {
        if self.scenario.mode == Mode::Live { self.now.max(HEALED_AT) } else { Time::MAX }
    }
}
