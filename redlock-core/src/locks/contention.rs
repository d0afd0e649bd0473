use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::config::hash;
use crate::{Instant, Resource};

/// For so long a resource counts as contended after somebody else was seen to want it.
const MEMORY: Duration = Duration::from_secs(1);

/// The largest number of resources that are remembered.
const MAX_RESOURCES: usize = 1_024;

/// The resources that others have wanted a moment ago, by the hashes of their names: one that is taken for another only
/// makes its lock ask in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Contention(BTreeMap<u64, Instant>);

impl Contention {
    /// Returns whether somebody else has wanted the resource a moment ago.
    pub(super) fn is_seen(&self, resource: &Resource, now: Instant) -> bool {
        !self.0.is_empty() && self.0.get(&hash(resource.as_bytes())).is_some_and(|until| now < *until)
    }

    /// Notes whether somebody else wants the resource.
    pub(super) fn learn(&mut self, resource: &Resource, others_want: bool, now: Instant) {
        if others_want {
            self.note(resource, now);
        } else {
            self.forget(resource);
        }
    }

    /// Notes that somebody else wants the resource.
    pub(super) fn note(&mut self, resource: &Resource, now: Instant) {
        if self.0.len() >= MAX_RESOURCES {
            self.0.retain(|_, until| now < *until);
        }
        if self.0.len() < MAX_RESOURCES {
            self.0.insert(hash(resource.as_bytes()), now.saturating_add(MEMORY));
        }
    }

    /// Notes that nobody else wants the resource.
    fn forget(&mut self, resource: &Resource) {
        if !self.0.is_empty() {
            self.0.remove(&hash(resource.as_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_so_many_for_so_long() {
        let (mut contention, start) = (Contention::default(), Instant::EPOCH);
        let resource = |number| Resource::from(format!("job:{number}"));
        for number in 0..2 * MAX_RESOURCES {
            contention.note(&resource(number), start);
        }
        let seen = |contention: &Contention, now| {
            (0..2 * MAX_RESOURCES).filter(|number| contention.is_seen(&resource(*number), now)).count()
        };
        assert_eq!(seen(&contention, start), MAX_RESOURCES);
        contention.forget(&resource(0));
        assert_eq!(seen(&contention, start), MAX_RESOURCES - 1);
        let later = start.saturating_add(MEMORY);
        assert_eq!(seen(&contention, later), 0);
        contention.note(&resource(MAX_RESOURCES), later);
        contention.note(&resource(0), later);
        assert_eq!((seen(&contention, later), contention.0.len()), (2, 2), "what is over makes room");
    }
}
