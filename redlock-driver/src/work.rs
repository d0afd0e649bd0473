use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use redlock_core::KeepAlive;
use redlock_core::shell::{Completed, WorkError};

use crate::{Acquire, Lease, Runtime};

impl<R: Runtime> Acquire<R> {
    /// Takes the lock, does the work, and releases the lock.
    ///
    /// The lock is kept alive meanwhile, [for as long as the work takes](KeepAlive::while_held) unless
    /// [`keep_alive`](Self::keep_alive) was set to something else; with `None` the work has the time of one TTL. When the lock is
    /// lost, the work is dropped at the point at which it waits, at the deadline at the latest; work that does not wait is not
    /// interrupted, and may ask its [`Lease`]. Whatever ends the work, a panic too, the lock is released.
    ///
    /// Cancel-safe: dropping the future drops the work and releases the lock.
    ///
    /// ```
    /// # use redlock_driver::memory::MemoryNode;
    /// # use redlock_driver::{Redlock, Runtime, Instant};
    /// # use std::{future::Future, time::Duration};
    /// # #[derive(Clone)]
    /// # struct Tokio;
    /// # impl Runtime for Tokio {
    /// #     fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
    /// #         tokio::time::sleep(deadline.saturating_since(self.now()))
    /// #     }
    /// #     fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
    /// #         tokio::spawn(task);
    /// #     }
    /// # }
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let nodes = ["one", "two", "three"].map(MemoryNode::new);
    /// # let redlock = Redlock::builder().nodes(nodes).build_on(Tokio)?;
    /// let work = redlock.lock("invoice:7", Duration::from_secs(10)).run(|lease| async move {
    ///     // ... something that takes its time ...
    ///     lease.remaining()
    /// });
    /// let completed = work.await?;
    /// assert!(completed.value > Duration::from_secs(9) && completed.loss.is_none());
    /// println!("{}", completed.release);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`WorkError::Acquire`]: the lock was not acquired, and the work was not begun;
    /// - [`WorkError::Lost`]: the lock was lost, and the work was dropped.
    pub async fn run<T, W: Future<Output = T>>(
        self,
        work: impl FnOnce(Lease<R>) -> W,
    ) -> Result<Completed<T>, WorkError> {
        let guard = self.keep_alive_unless_set(KeepAlive::while_held()).await?;
        let lease = (*guard).clone();
        let value = {
            let ended = lease.lost();
            match select(pin!(work(lease)), ended).await {
                Either::Left((value, _)) => value,
                Either::Right((loss, _)) => return Err(WorkError::Lost(loss)),
            }
        };
        let loss = guard.check().err();
        Ok(Completed::new(value, loss, guard.release().await))
    }
}
