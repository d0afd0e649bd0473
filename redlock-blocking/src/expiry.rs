use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redlock_core::Instant;

/// The end of a lock's validity, to be read without waiting for those who work on the lock.
#[derive(Debug, Default)]
pub(crate) struct Expiry(AtomicU64);

impl Expiry {
    pub(crate) fn set(&self, deadline: Instant) {
        let nanos = u64::try_from(deadline.since_epoch().as_nanos()).unwrap_or(u64::MAX);
        self.0.store(nanos, Ordering::Release);
    }

    pub(crate) fn get(&self) -> Instant {
        Instant::from_epoch(Duration::from_nanos(self.0.load(Ordering::Acquire)))
    }
}
