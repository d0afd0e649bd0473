//! The fences that were granted.

use std::collections::BTreeMap;

use redlock_core::fence::{Fence, Fences};
use redlock_core::{Action, Command, LockMachine, Reply, Resource, Resources};

use super::{Checked, JobState, World};
use crate::invariant::{Invariant, Violation};

/// All fences that were ever granted in a world.
#[derive(Debug, Default)]
pub(super) struct FencesGranted {
    by_resource: BTreeMap<Resource, Vec<Fence>>,
    /// A node has lost its counters: from then on nothing is promised.
    pub(super) are_forgotten: bool,
}

impl World<'_> {
    /// Remembers what was granted before a job begins.
    pub(super) fn note_fences(&mut self, job: usize) {
        let largest = |(name, fences): (&Resource, &Vec<Fence>)| Some((name.clone(), *fences.iter().max()?));
        self.jobs[job].grants_before = self.store.granted();
        self.jobs[job].fences_before = self.fences.by_resource.iter().filter_map(largest).collect();
    }

    /// F1 and F2, and that they are kept, when a lock is handed over.
    pub(super) fn check_fences(&mut self, job: usize) -> Checked {
        let Some(lock) = self.lock(job) else { return Ok(()) };
        let Some(fences) = lock.fences().cloned() else { return Ok(()) };
        let names = LockMachine::resources(lock).clone();
        self.jobs[job].fences = Some(fences.clone());
        if self.plan_of(job).terms.adopts.is_some() {
            return self.check_adopted_fences(job, &fences);
        }
        self.summary.fenced += 1;
        for (name, fence) in names.as_slice().iter().zip(fences.as_slice()) {
            let granted = self.fences.by_resource.entry(name.clone()).or_default();
            let before = self.jobs[job].fences_before.get(name).copied().unwrap_or_default();
            if !self.fences.are_forgotten && granted.contains(fence) {
                return Err(Violation::new(Invariant::FreshFence, format!("job {job} has {fence} for {name} again")));
            }
            if !self.fences.are_forgotten && *fence <= before {
                let what = format!("job {job} has {fence} for {name}, and {before} was granted before it began");
                return Err(Violation::new(Invariant::FencesIncrease, what));
            }
            granted.push(*fence);
        }
        self.check_fences_are_kept(job, &names, &fences)
    }

    /// Nobody else has the same fence or is granted a smaller one: each node of a quorum has counted as far, and had granted no
    /// more when it was asked for the key. If it had, it may have counted for another lock by then that has a smaller fence.
    fn check_fences_are_kept(&self, job: usize, names: &Resources, fences: &Fences) -> Checked {
        let client = self.plan_of(job).client;
        let keeps =
            |node: usize| self.has_granted_within(node, job, fences) && self.has_counted_to(node, names, fences);
        let keepers: Vec<_> = self.nodes_of(client).filter(|node| keeps(node.index())).collect();
        if self.fences.are_forgotten || keepers.len() >= self.scenario.quorum_of(client) {
            return Ok(());
        }
        let what = format!("{keepers:?} keep {fences:?}, which job {job} has");
        Err(Violation::new(Invariant::NodesKeepFence, what))
    }

    /// Remembers what a node has granted.
    pub(super) fn note_minted(&mut self, node: usize, job: usize, command: &Command, reply: &Reply) {
        let (Reply::Granted(fences), Some(token)) = (reply, command.action.token()) else { return };
        let minted = &mut self.jobs[job].minted;
        // A command that is sent again has the key already, so that nobody came between.
        if !minted.iter().any(|(with, by, _)| (with, *by) == (token, node)) {
            minted.push((*token, node, fences.clone()));
        }
    }

    fn has_granted_within(&self, node: usize, job: usize, fences: &Fences) -> bool {
        let JobState { minted, ledger, .. } = &self.jobs[job];
        let of_lock = minted.iter().find(|(with, by, _)| ledger.token().as_ref() == Some(with) && *by == node);
        of_lock
            .is_some_and(|(.., granted)| granted.as_slice().iter().zip(fences.as_slice()).all(|(one, all)| one <= all))
    }

    /// A node that is given the keys again of a fenced lock that is held is given its fences with them.
    pub(super) fn check_healed_counters(&self, node: usize, job: usize, command: &Command, reply: &Reply) -> Checked {
        let Some(lock) = self.lock(job) else { return Ok(()) };
        let Some(fences) = lock.fences() else { return Ok(()) };
        // A node that grants a fence of its own is asked to raise it, or is none of those that keep it.
        let is_healed = matches!((&command.action, reply), (Action::Acquire { .. }, Reply::Done));
        if !is_healed || self.has_counted_to(node, LockMachine::resources(lock), fences) {
            return Ok(());
        }
        let what = format!("node {node} has the keys of job {job} again, and has not counted to {fences:?}");
        Err(Violation::new(Invariant::NodesKeepFence, what))
    }

    fn has_counted_to(&self, node: usize, names: &Resources, fences: &Fences) -> bool {
        let model = &self.servers[node].model;
        names.as_slice().iter().zip(fences.as_slice()).all(|(name, fence)| model.counter(name) >= *fence)
    }

    /// Whatever happens to a lock, its holder goes on with the same fences.
    pub(super) fn check_fences_stay(&self, job: usize) -> Checked {
        let Some(fences) = self.lock(job).and_then(LockMachine::fences) else { return Ok(()) };
        if self.jobs[job].fences.as_ref() == Some(fences) {
            return Ok(());
        }
        let what = format!("job {job} had {:?}, and has {fences:?}", self.jobs[job].fences);
        Err(Violation::new(Invariant::FenceStays, what))
    }
}
