use std::time::Duration;

use redlock_tokio::{LockGuard, Options, Redlock};

use super::{Contestant, Failure, Fenced};
use crate::executor::Tokio;

/// redlock-tokio over its own connections.
pub(crate) type TokioNative = Native<false>;
/// The same, with a fence for every lock.
pub(crate) type TokioFenced = Native<true>;

pub(crate) struct Native<const IS_FENCED: bool>(Redlock);

impl<const IS_FENCED: bool> Contestant for Native<IS_FENCED> {
    type Executor = Tokio;
    type Held = LockGuard;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        let options = Options::new().fenced(IS_FENCED);
        Ok(Self(Redlock::builder().nodes(urls).options(options).build()?))
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<LockGuard> {
        self.0.lock(key, ttl).await.ok()
    }

    async fn unlock(&self, held: LockGuard) {
        held.release().await;
    }

    fn fenced(&self) -> Fenced {
        let locks = self.0.health().locks;
        Fenced { acquired: locks.fenced, commit_rounds: locks.commit_rounds }
    }
}
