//! How planned faults begin and end.

use super::{Checked, Stage, World};
use crate::clock::{MILLISECOND, SECOND, Time, nanos};
use crate::event::Event;
use crate::fault::{Fault, FaultKind};
use crate::history::{SpanKind, Who};
use crate::link::{Told, View};

/// A clock steps by up to this, forward or back.
const JUMP: i32 = 2_000;

impl World<'_> {
    pub(super) fn fault_begins(&mut self, fault: usize) -> Checked {
        let Fault { kind, lasts, node, client, .. } = self.scenario.faults[fault];
        let (now, ends_at) = (self.now, self.now + lasts);
        self.count(kind);
        self.tell_of(fault, "begins");
        if matches!(kind, FaultKind::Pause | FaultKind::ClientCrash | FaultKind::Cut) && self.is_healed() {
            self.is_hit(client);
        }
        match kind {
            FaultKind::Loss => {
                let link = self.link_between(client, node);
                self.links[link].stalled_until = ends_at;
            }
            FaultKind::Cut => self.cut(self.link_between(client, node), ends_at, false),
            FaultKind::Silence => self.falls_silent(self.link_between(client, node), ends_at)?,
            FaultKind::Crash | FaultKind::Amnesia | FaultKind::Demotion => self.node_ends(node, kind, ends_at),
            FaultKind::Hang => {
                self.servers[node].hung += 1;
                self.record(|history| history.begin(SpanKind::Hung { node }, now));
            }
            FaultKind::Slow => self.servers[node].slow += 1,
            FaultKind::Refusal => self.servers[node].refusing += 1,
            FaultKind::ScriptFlush => self.servers[node].model.forget_scripts(),
            FaultKind::Eviction => self.evict(node),
            FaultKind::Wipe => self.forget_keys(node),
            FaultKind::ClockJump => {
                let millis = i64::from(self.dice.number(-JUMP..=JUMP));
                self.servers[node].clock.jump(millis * 1_000_000);
            }
            FaultKind::Pause => {
                self.clients[client].pauses += 1;
                self.record(|history| history.begin(SpanKind::Paused { client }, now));
            }
            FaultKind::ClientCrash => self.client_ends(client),
            _ => {}
        }
        self.agenda.note(ends_at, Event::FaultEnds { fault });
        Ok(())
    }

    pub(super) fn fault_ends(&mut self, fault: usize) -> Checked {
        let Fault { kind, node, client, .. } = self.scenario.faults[fault];
        let now = self.now;
        match kind {
            FaultKind::Crash | FaultKind::Amnesia | FaultKind::Demotion => {
                self.servers[node].down -= 1;
                if self.servers[node].down == 0 {
                    self.servers[node].starts(now);
                }
                self.record(|history| history.end(SpanKind::Down { node }, now));
            }
            FaultKind::Hang => {
                self.servers[node].hung -= 1;
                self.record(|history| history.end(SpanKind::Hung { node }, now));
                self.catch_up(node)?;
            }
            FaultKind::Slow => self.servers[node].slow -= 1,
            FaultKind::Refusal => self.servers[node].refusing -= 1,
            FaultKind::Pause => {
                self.clients[client].pauses -= 1;
                self.record(|history| history.end(SpanKind::Paused { client }, now));
                self.tell_of(fault, "is over");
                return self.resume(client);
            }
            _ => return Ok(()),
        }
        self.tell_of(fault, "is over");
        Ok(())
    }

    fn tell_of(&mut self, fault: usize, what: &str) {
        let Fault { kind, node, client, .. } = self.scenario.faults[fault];
        let who = match (kind.hits_a_client(), kind.hits_a_node()) {
            (true, true) => Who::Link(client, node),
            (true, false) => Who::Client(client),
            _ => Who::Node(node),
        };
        self.tell(who, || format!("{kind} {what}"));
    }

    fn node_ends(&mut self, node: usize, kind: FaultKind, until: Time) {
        let now = self.now;
        let without_vote = if self.scenario.guard.is_on() { nanos(self.scenario.longest_ttl()) } else { 0 };
        let server = &mut self.servers[node];
        server.down += 1;
        server.down_until = server.down_until.max(until + without_vote);
        server.inbox.clear();
        server.model.forget_scripts();
        server.end_connections(|_| true);
        self.record(|history| history.begin(SpanKind::Down { node }, now));
        for client in 0..self.clients.len() {
            self.cut(self.link_between(client, node), 0, true);
        }
        if kind != FaultKind::Demotion {
            self.servers[node].has_ended = true;
        }
        if kind != FaultKind::Crash {
            self.servers[node].has_forgotten = true;
            self.forget_keys(node);
        }
    }

    fn forget_keys(&mut self, node: usize) {
        let now = self.now;
        self.servers[node].model.wipe();
        self.fences.are_forgotten = true;
        self.record(|history| {
            history.cut_short(now, |kind| matches!(kind, SpanKind::Key { node: on, .. } if on == node));
        });
    }

    fn evict(&mut self, node: usize) {
        let (now, resource) = (self.now, self.dice.below(self.resources.len()));
        self.servers[node].model.delete(self.resources[resource].name.as_bytes());
        self.record(|history| {
            let is_key =
                |kind| matches!(kind, SpanKind::Key { node: on, resource: of, .. } if on == node && of == resource);
            history.cut_short(now, is_key);
        });
    }

    /// A node goes on: what has arrived meanwhile it carries out, first in first out for each connection.
    fn catch_up(&mut self, node: usize) -> Checked {
        let mut inbox = core::mem::take(&mut self.servers[node].inbox);
        let (clients, first) = (self.clients.len(), self.dice.below(self.clients.len()));
        let newest_first = self.dice.chance(50);
        inbox.sort_by_key(|(link, epoch, _)| {
            let connection = if newest_first { u32::MAX - epoch } else { *epoch };
            ((self.links[*link].client + first) % clients, connection)
        });
        for (link, epoch, sent) in inbox {
            self.command_arrives(link, epoch, sent)?;
        }
        Ok(())
    }

    /// A client goes on: it learns of everything that has happened meanwhile.
    fn resume(&mut self, client: usize) -> Checked {
        let missed = core::mem::take(&mut self.clients[client].inbox);
        missed.into_iter().try_for_each(|event| self.happen(event))
    }

    /// A client ends, and another begins in its place with connections of its own.
    fn client_ends(&mut self, client: usize) {
        let now = self.now;
        self.record(|history| {
            history.begin(SpanKind::Crash { client }, now);
            history.end(SpanKind::Crash { client }, now);
        });
        for node in 0..self.servers.len() {
            self.lose_connection(self.link_between(client, node));
        }
        for job in self.jobs_of(client) {
            self.forget_job(job);
        }
        self.clients[client].restart();
        self.agenda.note(now + MILLISECOND, Event::ClientBegins { client });
    }

    /// A connection ends with its client.
    fn lose_connection(&mut self, link: usize) {
        let cut_until = self.now + self.dice.time(0..=SECOND / 4);
        let state = &mut self.links[link];
        let gone = state.is_open.then_some(state.epoch);
        (state.is_open, state.is_reopening) = (false, false);
        state.epoch += 1;
        state.cut_until = state.cut_until.max(cut_until);
        (state.view, state.known_run, state.told) = (View::Opening, None, Told::default());
        for job in state.unanswered.drain(..).filter_map(|sent| sent.job) {
            self.jobs[job].may_leave_keys = true;
        }
        if let Some(epoch) = gone {
            self.is_gone(link, epoch);
        }
    }

    /// A job ends with its client.
    fn forget_job(&mut self, job: usize) {
        self.is_had_until_now(job);
        let state = &mut self.jobs[job];
        if state.key.take().is_some() && state.stage != Stage::Settled {
            state.stage = Stage::Settled;
            state.may_leave_keys = true;
            state.ledger.is_over();
            self.ends(job);
        }
    }
}
