use redlock_core::KeepAlive;
use redlock_core::shell::{Completed, WorkError};

use crate::{Acquire, Lease};

impl Acquire {
    /// Takes the lock, does the work on this thread, and releases the lock.
    ///
    /// The lock is kept alive meanwhile, [for as long as the work takes](KeepAlive::while_held) unless
    /// [`keep_alive`](Self::keep_alive) was set to something else; with `None` the work has the time of one TTL. Work cannot be
    /// interrupted: it asks its [`Lease`] with [`check`](Lease::check) before each step that needs the lock, and what is returned
    /// says whether the lock was lost. Whatever ends the work, a panic too, the lock is released.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redlock_blocking::{Redlock, WorkError};
    /// # use redlock_blocking::memory::MemoryNode;
    ///
    /// fn ten_steps(redlock: &Redlock) -> Result<u32, WorkError> {
    ///     let completed = redlock.acquire("invoice:7", Duration::from_secs(10)).run(|lease| {
    ///         let mut steps = 0;
    ///         while steps < 10 {
    ///             lease.check()?; // lost: stop
    ///             steps += 1; // ... a step that needs the lock
    ///         }
    ///         Ok(steps)
    ///     })?;
    ///     completed.value
    /// }
    /// # let redlock = Redlock::builder().nodes(["one", "two", "three"].map(MemoryNode::new)).build()?;
    /// assert_eq!(ten_steps(&redlock)?, 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`WorkError::Acquire`]: the lock was not acquired, and the work was not begun.
    pub fn run<T>(self, work: impl FnOnce(&Lease) -> T) -> Result<Completed<T>, WorkError> {
        let guard = self.keep_alive_unless_set(KeepAlive::while_held()).lock()?;
        let value = work(&guard);
        let loss = guard.check().err();
        Ok(Completed::new(value, loss, guard.release()))
    }
}
