//! When a node has a vote again that was started again: exactly, by what its server has said.

use core::time::Duration;

use redlock_core::Instant;

use super::{Checked, World};
use crate::invariant::{Invariant, Violation};
use crate::ledger::drift;
use crate::link::{Link, Told};
use crate::scenario::Guard;

/// An uptime is told in whole seconds, and of a clock that may be a second behind.
const UPTIME_MAY_BE_LESS_BY: Duration = Duration::from_secs(1);

impl World<'_> {
    /// The process of a client is connected to a server, which says for how long it has been running.
    pub(super) fn is_told(&mut self, link: usize, uptime: Option<Duration>) {
        let now = self.local(self.links[link].client);
        let longest_ttl = self.scenario.longest_ttl();
        let server = &self.servers[self.links[link].node];
        let (run, was_replica) = (server.runs, server.was_replica());
        let guard = self.scenario.guard;
        let told = &mut self.links[link].told;
        let is_new = match guard {
            Guard::Off => false,
            Guard::Seen => told.run.is_some_and(|known| known != run),
            Guard::Strict => told.run != Some(run),
        };
        if is_new {
            let forgot_at = if was_replica { now } else { told.forgot_at(uptime.unwrap_or_default(), now) };
            told.votes_from = Some(forgot_at.saturating_add(longest_ttl + drift(longest_ttl)));
        }
        (told.run, told.answered_at) = (Some(run), Some(now));
        self.summary.quarantines += u64::from(self.is_quarantined(link));
    }

    /// Returns whether the node of a link has no vote for what its server has said.
    pub(super) fn is_quarantined(&self, link: usize) -> bool {
        !self.quarantine_left(link).is_zero()
    }

    /// The machine must say for how long exactly a node has no vote.
    pub(super) fn check_quarantine(&self, link: usize) -> Checked {
        if !self.scenario.guard.is_on() {
            return Ok(());
        }
        let (client, node) = (self.links[link].client, self.node_of(link));
        let health = self.clients[client].locks.health(self.local(client));
        let said = health.nodes.get(node.index()).and_then(|node| node.quarantine).unwrap_or_default();
        let expected = self.quarantine_left(link);
        if said != expected {
            let what = format!("client {client} takes no vote of {node:?} for {said:?} instead of {expected:?}");
            return Err(Violation::new(Invariant::ExactQuarantine, what));
        }
        Ok(())
    }

    fn quarantine_left(&self, link: usize) -> Duration {
        let Link { client, told, .. } = &self.links[link];
        told.votes_from.map_or(Duration::ZERO, |from| from.saturating_since(self.local(*client)))
    }
}

impl Told {
    /// Returns when a server forgot what its predecessor had granted: when it was started, or now if it was running while
    /// its predecessor still answered, as it never knew of that.
    fn forgot_at(&self, uptime: Duration, now: Instant) -> Instant {
        let started_at = now.saturating_sub(uptime.saturating_sub(UPTIME_MAY_BE_LESS_BY));
        if self.answered_at.is_some_and(|answered_at| started_at < answered_at) { now } else { started_at }
    }
}
