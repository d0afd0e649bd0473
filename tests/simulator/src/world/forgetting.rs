//! Nodes that are back without their keys: who has seen it, and whose grants must not count.

use redlock_core::{Action, Command, Reply};

use super::{Checked, World};
use crate::clock::nanos;
use crate::invariant::Violation;
use crate::scenario::Guard;

impl World<'_> {
    /// The process of a client learns which run of its server a node is in.
    pub(super) fn learns_run(&mut self, link: usize) {
        let state = &mut self.links[link];
        state.known_run.get_or_insert(self.servers[state.node].runs);
    }

    /// Sees whether a reply is a grant that must not count.
    pub(super) fn see_whether_void(&mut self, link: usize, job: usize, command: &Command, reply: &Reply) -> Checked {
        let is_grant = matches!(reply, Reply::Done | Reply::Granted(_));
        let is_acquisition = matches!(command.action, Action::Acquire { .. } | Action::AcquireInTurn { .. });
        if let Some(token) = command.action.token().filter(|_| is_grant && is_acquisition)
            && self.guards_against(link)?
        {
            self.summary.void_grants += 1;
            let node = self.node_of(link);
            self.jobs[job].ledger.grant_is_void(*token, node);
        }
        Ok(())
    }

    /// Returns whether the node of a link must not vote, for what it has really forgotten or for what it has said.
    fn guards_against(&self, link: usize) -> Result<bool, Violation> {
        self.check_quarantine(link)?;
        Ok(self.has_no_vote(link) || self.is_quarantined(link))
    }

    /// Returns whether the node of a link must not vote for the client.
    fn has_no_vote(&self, link: usize) -> bool {
        let known_run = self.links[link].known_run;
        match self.scenario.guard {
            Guard::Off => false,
            Guard::Seen => self.has_forgotten_in_a_run(link, |run| known_run.is_some_and(|known_run| run > known_run)),
            Guard::Strict => self.has_forgotten_in_a_run(link, |_| true),
        }
    }

    /// Returns whether a client may be granted what somebody else holds: it has not seen that a node was started again,
    /// and guards only against what it has seen.
    pub(super) fn may_trust_the_forgetful(&self, client: usize) -> bool {
        let is_unseen = |link: usize| {
            let known_run = self.links[link].known_run;
            self.has_forgotten_in_a_run(link, |run| known_run.is_some_and(|known_run| run <= known_run))
        };
        let mut links = self.nodes_of(client).map(|node| self.link_between(client, node.index()));
        self.scenario.guard == Guard::Seen && links.any(is_unseen)
    }

    /// Notes that a node has granted the last attempt of a job.
    pub(super) fn note_granted(&mut self, node: usize, job: usize, command: &Command) {
        if matches!(command.action, Action::Acquire { .. } | Action::AcquireInTurn { .. }) {
            self.jobs[job].granted.entry(node).or_insert(self.now);
        }
    }

    /// Returns which of two jobs that hold the same has come later: the one to which a node has granted it although it had granted
    /// it to the other. When they were handed their locks does not say that, nor when they asked: a command may wait for its
    /// connection. Only where no node has granted both, as when one adopts a lock, it is the one that has asked later.
    pub(super) fn later_of(&self, job: usize, other: usize) -> usize {
        let [own, others] = [job, other].map(|job| &self.jobs[job]);
        let granted_by_both = own.granted.iter().filter_map(|(node, at)| Some((at, others.granted.get(node)?)));
        let is_other_later = granted_by_both.map(|(own, others)| others > own).reduce(|one, another| one || another);
        if is_other_later.unwrap_or(others.asked_at > own.asked_at) { other } else { job }
    }

    /// Returns whether a run of the node that matches began without the keys of those before, and some of them might still
    /// live.
    fn has_forgotten_in_a_run(&self, link: usize, matches: impl Fn(u32) -> bool) -> bool {
        let longest_ttl = nanos(self.scenario.longest_ttl());
        let mut runs = self.servers[self.links[link].node].empty_runs.iter();
        runs.any(|(run, began_at)| matches(*run) && self.now < began_at + longest_ttl)
    }
}
