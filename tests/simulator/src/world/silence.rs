//! Connections that fall silent, and what the referee expects of a machine that must find out.

use core::time::Duration;

use redlock_core::{Instant, NodeId};

use super::{Checked, World};
use crate::clock::Time;
use crate::history::Who;
use crate::invariant::{Invariant, Violation};
use crate::link::{Silence, View};

/// A node that could not be reached is tried again after this at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// # What happens to a connection
impl World<'_> {
    /// The connection goes silent for good; another one cannot be opened before `until`.
    pub(super) fn falls_silent(&mut self, link: usize, until: Time) -> Checked {
        let silence = if self.dice.chance(50) { Silence::Commands } else { Silence::Replies };
        let state = &mut self.links[link];
        state.silence = Some(silence);
        state.cut_until = state.cut_until.max(until);
        // A client that had nothing left to do has to find out what it is owed.
        self.arm_timer(self.links[link].client)
    }

    /// The machine learns that a connection stands.
    pub(super) fn is_connected(&mut self, link: usize) {
        let heard_at = self.local(self.links[link].client);
        let state = &mut self.links[link];
        self.summary.reconnections += u64::from(core::mem::take(&mut state.was_given_up));
        state.view = View::Open { heard_at };
    }

    /// A reply has come.
    pub(super) fn is_heard_of(&mut self, link: usize) {
        let heard_at = self.local(self.links[link].client);
        self.links[link].view = View::Open { heard_at };
    }

    /// A command is about to be sent.
    pub(super) fn is_owed_a_reply(&mut self, link: usize) {
        if self.links[link].unanswered.is_empty() {
            self.is_heard_of(link);
        }
    }

    /// The machine wants a connection in place of one that it was not told the end of.
    pub(super) fn is_given_up(&mut self, link: usize) -> Checked {
        let (client, node) = (self.links[link].client, self.links[link].node);
        let state = &mut self.links[link];
        let View::Open { heard_at } = state.view else { return Ok(()) };
        state.was_given_up = true;
        let owes_nothing = state.unanswered.is_empty();
        self.summary.silences += 1;
        self.tell(Who::Link(client, node), || "the connection is given up".into());
        let due = heard_at.saturating_add(self.scenario.config.silence_timeout());
        if owes_nothing || self.local(client) < due {
            let what =
                format!("a connection is given up that was heard of at {heard_at:?}, and may be silent until {due:?}");
            return Err(Violation::new(Invariant::SilenceIsNoticed, what));
        }
        Ok(())
    }
}

/// # What is expected of the machine
impl World<'_> {
    /// The machine wakes its driver when there is something to do about a connection, if not before.
    pub(super) fn check_timer_of_connections(&self, client: usize, timer: Option<Instant>) -> Checked {
        let is_late = |due: &Instant| timer.is_none_or(|timer| timer > *due);
        self.check_dues(client, is_late, |due| format!("is due at {due:?}, and the timer of its client is {timer:?}"))
    }

    /// The machine has done what was due.
    pub(super) fn check_nothing_overdue(&self, client: usize) -> Checked {
        let now = self.local(client);
        self.check_dues(client, |due| *due <= now, |due| format!("was due at {due:?}, and nothing is done at {now:?}"))
    }

    fn check_dues(
        &self,
        client: usize,
        is_wrong: impl Fn(&Instant) -> bool,
        what: impl Fn(Instant) -> String,
    ) -> Checked {
        for node in self.nodes_of(client) {
            if let Some(due) = self.due(client, node).filter(&is_wrong) {
                let what = format!("the connection to node {} {}", node.index(), what(due));
                return Err(Violation::new(Invariant::SilenceIsNoticed, what));
            }
        }
        Ok(())
    }

    /// Returns when the machine has to do something about a connection: give it up, try it out, or open another.
    fn due(&self, client: usize, node: NodeId) -> Option<Instant> {
        let (link, config) = (&self.links[self.link_between(client, node.index())], &self.scenario.config);
        match link.view {
            View::Opening => None,
            View::Open { heard_at } if link.unanswered.is_empty() => {
                config.ping_interval().map(|interval| heard_at.saturating_add(interval))
            }
            View::Open { heard_at } => Some(heard_at.saturating_add(config.silence_timeout())),
            View::Failed { at } => Some(at.saturating_add(LONGEST_PAUSE)),
        }
    }

    /// Returns whether a connection of the client owes it a reply that never comes.
    pub(super) fn waits_in_silence(&self, client: usize) -> bool {
        let mut links = self.links.iter().filter(|link| link.client == client);
        links.any(|link| link.silence.is_some() && !link.unanswered.is_empty())
    }
}
