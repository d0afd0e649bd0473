use alloc::collections::BTreeMap;

use super::Fence;
use crate::Resource;

/// A store's side of fencing, in memory: it lets a holder through whose fence is the largest that was seen for a resource.
///
/// It protects what is behind it if everything that is done there asks it first, and nothing else happens between the
/// answer and the deed: put both under one mutex. A store that outlives the process must keep the fences with its data
/// instead, and compare them in the write itself.
///
/// A new holder should [admit](Self::admit) itself before it reads, so that a late write of the one before cannot come
/// between its reading and its writing.
///
/// ```
/// use redlock_core::fence::{Fence, FenceGate};
///
/// let mut gate = FenceGate::new();
/// gate.admit("invoice:7", Fence::new(33))?; // the first holder
/// gate.admit("invoice:7", Fence::new(34))?; // the next one, after the first was paused for too long
/// let stale = gate.admit("invoice:7", Fence::new(33)).unwrap_err(); // the first one wakes up
/// assert_eq!(stale.to_string(), "the lock of invoice:7 was lost: fence 33 is stale, 34 has been here since");
/// # Ok::<(), redlock_core::fence::StaleFence>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FenceGate(BTreeMap<Resource, Fence>);

impl FenceGate {
    /// Creates a gate that has seen nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Lets a holder through whose fence is at least as large as the largest that was seen for the resource, and remembers
    /// it.
    ///
    /// # Errors
    ///
    /// [`StaleFence`] when a larger one has been here: whoever asks has lost the lock, and must not go on.
    pub fn admit(&mut self, resource: impl Into<Resource>, fence: Fence) -> Result<(), StaleFence> {
        let resource = resource.into();
        let seen = self.0.entry(resource.clone()).or_insert(fence);
        if fence < *seen {
            return Err(StaleFence::new(resource, fence, *seen));
        }
        *seen = fence;
        Ok(())
    }

    /// Returns the largest fence that was seen for a resource.
    #[must_use]
    pub fn seen(&self, resource: &Resource) -> Option<Fence> {
        self.0.get(resource).copied()
    }
}

/// A holder comes too late: somebody else has had the lock since.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the lock of {resource} was lost: fence {fence} is stale, {seen} has been here since")]
#[non_exhaustive]
pub struct StaleFence {
    /// What was locked.
    pub resource: Resource,
    /// The fence of whoever comes too late.
    pub fence: Fence,
    /// The largest fence that was seen.
    pub seen: Fence,
}

impl StaleFence {
    /// Creates the refusal of a store of your own: it has seen a larger fence than the one that it was given.
    pub fn new(resource: impl Into<Resource>, fence: Fence, seen: Fence) -> Self {
        Self { resource: resource.into(), fence, seen }
    }
}
