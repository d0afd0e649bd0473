use std::time::Duration;

use redlock_blocking::{LockGuard, Redlock};

use super::{Contestant, Failure};
use crate::executor::Threads;

/// redlock-blocking over its own connections.
pub(crate) struct BlockingNative(Redlock);

impl Contestant for BlockingNative {
    type Executor = Threads;
    type Held = LockGuard;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        Ok(Self(Redlock::builder().nodes(urls).build()?))
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<LockGuard> {
        self.0.lock(key, ttl).ok()
    }

    async fn unlock(&self, held: LockGuard) {
        held.release();
    }
}
