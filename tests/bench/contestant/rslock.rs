use std::time::Duration;

use rslock::{Lock, LockManager};

use super::{Contestant, Failure};
use crate::executor::Tokio;

/// The crate rslock, on tokio.
pub(crate) struct Rslock(LockManager);

impl Contestant for Rslock {
    type Executor = Tokio;
    type Held = Lock;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        Ok(Self(LockManager::new(urls.iter().map(String::as_str).collect())))
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<Lock> {
        self.0.lock(key, ttl).await.ok()
    }

    async fn unlock(&self, held: Lock) {
        held.release().await;
    }
}
