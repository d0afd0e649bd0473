use std::time::Duration;

use redlock_tokio::{LockGuard, RedisUrl, Redlock};

use super::{Contestant, Failure};
use crate::executor::Tokio;

/// redlock-tokio over the redis crate.
pub(crate) struct TokioRedis(Redlock);

impl Contestant for TokioRedis {
    type Executor = Tokio;
    type Held = LockGuard;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        Ok(Self(Redlock::builder().nodes(urls.iter().map(RedisUrl)).build()?))
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<LockGuard> {
        self.0.lock(key, ttl).await.ok()
    }

    async fn unlock(&self, held: LockGuard) {
        held.release().await;
    }
}
