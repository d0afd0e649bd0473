use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redlock_core::shell::Acquisition;
use redlock_core::{KeepAlive, Options, Owner, RetryDelay};

use crate::handle::Handle;
use crate::shell::Shell;
use crate::{AcquireError, Lease, LockGuard};

/// An acquisition that is to be made by [`lock`](Self::lock); its setters say how hard to try.
#[must_use = "nothing is acquired before `lock`"]
pub struct Acquire {
    handle: Handle,
    acquisition: Acquisition,
    is_aborted: Arc<AtomicBool>,
}

impl Acquire {
    pub(crate) fn new(handle: Handle, acquisition: Acquisition) -> Self {
        Self { handle, acquisition, is_aborted: Arc::default() }
    }

    redlock_core::acquire_setters!();

    /// Returns a handle by which other threads can end [`lock`](Self::lock) while it waits.
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle { shell: self.handle.shell().clone(), is_aborted: self.is_aborted.clone() }
    }

    /// Takes the lock, and waits for it if somebody else has it.
    ///
    /// The thread is blocked until the result is fixed: a round trip for each attempt, and the waits between attempts
    /// within the budget. All that was or may have been acquired in vain is released.
    ///
    /// # Errors
    ///
    /// - [`AcquireError::Contended`], [`Unavailable`](AcquireError::Unavailable) or
    ///   [`Expired`](AcquireError::Expired), with what each node said to the last attempt;
    /// - [`AcquireError::Request`] when name, TTL or options are out of bounds: nothing was sent;
    /// - [`AcquireError::NoEntropy`] when the operating system gave no random bytes: nothing was sent;
    /// - [`AcquireError::Aborted`] after [`AbortHandle::abort`], [`AcquireError::Closed`] after
    ///   [`Redlock::close`](crate::Redlock::close).
    pub fn lock(self) -> Result<LockGuard, AcquireError> {
        let shell = self.handle.shell();
        let request = self.acquisition.request(&shell.config, shell.platform.wall_clock())?;
        let (key, held) = shell.acquire(request, shell.platform.seed()?, &self.is_aborted)?;
        Ok(LockGuard::new(Lease::new(self.handle, key, held)))
    }
}

impl fmt::Debug for Acquire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("acquisition", &self.acquisition).finish_non_exhaustive()
    }
}

/// Ends an acquisition that another thread waits for; made by [`Acquire::abort_handle`]. Clones end the same one.
#[derive(Clone)]
pub struct AbortHandle {
    shell: Arc<Shell>,
    is_aborted: Arc<AtomicBool>,
}

impl AbortHandle {
    /// Lets the acquisition end with [`AcquireError::Aborted`] at once, whatever it waits for. One that begins later ends
    /// at once, too. A lock that was acquired already is not touched.
    pub fn abort(&self) {
        self.is_aborted.store(true, Ordering::Release);
        self.shell.wake_all();
    }

    /// Returns whether [`abort`](Self::abort) was called.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.is_aborted.load(Ordering::Acquire)
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("is_aborted", &self.is_aborted()).finish_non_exhaustive()
    }
}
