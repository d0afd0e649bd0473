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
