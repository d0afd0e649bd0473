use std::time::Duration;

use redlock_tokio::{LockGuard, Options, Redlock, Tracing};

use super::{Contestant, Failure, Fenced};
use crate::executor::Tokio;

/// redlock-tokio over its own connections.
pub(crate) type TokioNative = Native<false, false>;
/// The same, with a fence for every lock.
pub(crate) type TokioFenced = Native<true, false>;
/// The same, with spans that nobody subscribes to.
pub(crate) type TokioTraced = Native<false, true>;

pub(crate) struct Native<const IS_FENCED: bool, const IS_TRACED: bool>(Redlock);

impl<const IS_FENCED: bool, const IS_TRACED: bool> Contestant for Native<IS_FENCED, IS_TRACED> {
    type Executor = Tokio;
    type Held = LockGuard;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        let options = Options::new().fenced(IS_FENCED);
        let builder = Redlock::builder().nodes(urls).options(options);
        let builder = if IS_TRACED { builder.observer(Tracing::new()) } else { builder };
        Ok(Self(builder.build()?))
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
