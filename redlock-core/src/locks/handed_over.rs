//! What does not change of a lock that was handed over.

use alloc::boxed::Box;

use super::{LockKey, Locks};
use crate::fence::{Fence, Fences};
use crate::{LockMachine, Resource, Resources};

/// What does not change of a lock that was handed over: for a guard to keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HandedOver {
    resources: Resources,
    /// Most locks have none.
    fences: Option<Box<Fences>>,
}

impl HandedOver {
    /// Looks at a lock in the moment of its hand-over.
    #[must_use]
    pub fn of(locks: &Locks, key: LockKey) -> Self {
        let lock = locks.lock(key);
        let resources = lock.map_or_else(|| Resources::all::<Resource>([]), |lock| lock.resources().clone());
        Self { resources, fences: lock.and_then(LockMachine::fences).cloned().map(Box::new) }
    }

    /// Returns what is locked, as it is named on the nodes.
    #[must_use]
    pub const fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Returns the fence of a lock of one resource, if it is fenced.
    #[must_use]
    pub fn fence(&self) -> Option<Fence> {
        match self.fences.as_ref()?.as_slice() {
            [fence] => Some(*fence),
            _ => None,
        }
    }

    /// Returns the resources with their fences; nothing if the lock is not fenced.
    pub fn fences(&self) -> impl Iterator<Item = (&Resource, Fence)> {
        let fences = self.fences.iter().flat_map(|fences| fences.as_slice());
        self.resources.as_slice().iter().zip(fences.copied())
    }
}
