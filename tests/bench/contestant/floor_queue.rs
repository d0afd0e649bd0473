use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::floor::Held;
use super::{Contestant, Failure, FloorRedis};
use crate::executor::Tokio;

/// `floor-redis` behind a first-in first-out queue in the process, for a workload with one key.
pub(crate) struct FloorQueue {
    floor: FloorRedis,
    queue: Arc<Mutex<()>>,
}

impl Contestant for FloorQueue {
    type Executor = Tokio;
    type Held = (Held, OwnedMutexGuard<()>);

    const IS_ONE_PROCESS: bool = true;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        Ok(Self { floor: FloorRedis::connect(urls).await?, queue: Arc::default() })
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<Self::Held> {
        let turn = self.queue.clone().lock_owned().await;
        Some((self.floor.lock(key, ttl).await?, turn))
    }

    async fn unlock(&self, (held, _turn): Self::Held) {
        self.floor.unlock(held).await;
    }
}
