use std::time::Duration;

use redlock::{Lock, RedLock};

use super::{Contestant, Failure};
use crate::executor::Threads;

/// The crate redlock, which blocks.
pub(crate) struct Redlock(RedLock);

/// A lock of the crate, without the borrow of its manager.
pub(crate) struct Held {
    resource: Vec<u8>,
    token: Vec<u8>,
    validity: usize,
}

impl Contestant for Redlock {
    type Executor = Threads;
    type Held = Held;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        Ok(Self(RedLock::new(urls.iter().map(String::as_str).collect())))
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<Held> {
        let ttl = usize::try_from(ttl.as_millis()).ok()?;
        let lock = self.0.lock(key.as_bytes(), ttl).ok()??;
        Some(Held { resource: lock.resource, token: lock.val, validity: lock.validity_time })
    }

    async fn unlock(&self, held: Held) {
        let Held { resource, token, validity } = held;
        self.0.unlock(&Lock { resource, val: token, validity_time: validity, lock_manager: &self.0 });
    }
}
