use std::time::Duration;

use redlock_tokio::{LockGuard, Redlock};

use super::{Contestant, Failure};
use crate::executor::Tokio;

/// redlock-tokio over its own connections, with a fence for every lock.
pub(crate) struct TokioFenced(Redlock);

impl Contestant for TokioFenced {
    type Executor = Tokio;
    type Held = LockGuard;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        Ok(Self(Redlock::builder().nodes(urls).build()?))
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<LockGuard> {
        self.0.lock(key, ttl).fenced().await.ok()
    }

    async fn unlock(&self, held: LockGuard) {
        held.release().await;
    }
}
