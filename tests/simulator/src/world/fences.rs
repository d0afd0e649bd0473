//! The fences that were granted.

use std::collections::BTreeMap;

use redlock_core::fence::Fence;
use redlock_core::{LockMachine, Resource};

use super::{Checked, World};
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

    /// F1 and F2, when a lock is handed over.
    pub(super) fn check_fences(&mut self, job: usize) -> Checked {
        let Some(lock) = self.lock(job) else { return Ok(()) };
        let Some(fences) = lock.fences().cloned() else { return Ok(()) };
        if self.plan_of(job).terms.adopts.is_some() {
            return self.check_adopted_fences(job, &fences);
        }
        let names = LockMachine::resources(lock).clone();
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
        Ok(())
    }
}
