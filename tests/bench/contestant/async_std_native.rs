use std::time::Duration;

use redlock_async_std::{LockGuard, Redlock};

use super::{Contestant, Failure};
use crate::executor::AsyncStd;

/// redlock-async-std over its own connections.
pub(crate) struct AsyncStdNative(Redlock);

impl Contestant for AsyncStdNative {
    type Executor = AsyncStd;
    type Held = LockGuard;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        Ok(Self(Redlock::builder().nodes(urls).build()?))
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<LockGuard> {
        self.0.lock(key, ttl).await.ok()
    }

    async fn unlock(&self, held: LockGuard) {
        held.release().await;
    }
}
