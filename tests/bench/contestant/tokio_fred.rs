use std::time::Duration;

use redlock_tokio::{FredUrl, LockGuard, Redlock};

use super::{Contestant, Failure};
use crate::executor::Tokio;

/// redlock-tokio over fred.
pub(crate) struct TokioFred(Redlock);

impl Contestant for TokioFred {
    type Executor = Tokio;
    type Held = LockGuard;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        Ok(Self(Redlock::builder().nodes(urls.iter().map(FredUrl)).build()?))
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<LockGuard> {
        self.0.lock(key, ttl).await.ok()
    }

    async fn unlock(&self, held: LockGuard) {
        held.release().await;
    }
}
