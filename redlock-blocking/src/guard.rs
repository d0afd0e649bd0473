use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redlock_core::{Event, ExtendError, Instant, ReleaseReport, Resource};

use crate::engine::Acquired;
use crate::expiry::Expiry;
use crate::lane::Lane;
use crate::lock_key::LockKey;
use crate::mailbox::Letter;
use crate::redlock::Handle;
use crate::work::Work;

/// A lock that was acquired. It is released when the guard is dropped, or with a report by [`release`](Self::release).
///
/// A guard does not make the lock last: after [`deadline`](Self::deadline) somebody else may have it. Extend it in
/// time, look at [`remaining`](Self::remaining) before each step that needs the lock, and give the step less time than
/// that.
///
/// The guard can be sent to other threads. Dropping it sends the release, behind everything that was sent for this
/// lock, and waits for nothing.
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard {
    /// Dropped after the release was sent.
    _handle: Handle,
    lane: Arc<Lane>,
    key: LockKey,
    resource: Resource,
    expiry: Arc<Expiry>,
}

impl LockGuard {
    pub(crate) fn new(handle: Handle, Acquired { lane, key, expiry }: Acquired, resource: Resource) -> Self {
        Self { _handle: handle, lane, key, resource, expiry }
    }

    /// Extends the lock: it is good for `ttl` from now on, less the drift. Returns the new deadline.
    ///
    /// Only a quorum that confirms before the old deadline counts. An extension that fails changes nothing, and one
    /// with a short `ttl` does not shorten the lock. A node that lost the key is given it anew.
    ///
    /// # Errors
    ///
    /// - [`ExtendError::Lost`]: the lock is lost, for ever. Stop the work that needs it.
    /// - [`ExtendError::Unconfirmed`]: too few nodes confirmed in time; the old deadline stands, try again before it.
    /// - [`ExtendError::Request`]: the TTL is out of bounds; nothing was sent.
    pub fn extend(&mut self, ttl: Duration) -> Result<Instant, ExtendError> {
        let (key, mut session) = (self.key, self.lane.enter());
        let now = redlock_system::now();
        session.update(key, now, |lock| lock.extend(ttl, now)).unwrap_or(Err(ExtendError::NotHeld))?;
        session.drive(key, |work, _| match work.take_outcome(key)? {
            Event::Extended { deadline } => Some(Ok(deadline)),
            Event::ExtendFailed(error) => Some(Err(error)),
            _ => None,
        })
    }

    /// Releases the lock on all nodes and reports what each said.
    ///
    /// Releasing a lock that has expired is no error, and never touches the lock of a successor: the report says so.
    /// The report is there as soon as the result is fixed, at the latest after the node timeout; nodes that did not
    /// answer until then are settled in the background.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn release(self) -> ReleaseReport {
        let (key, mut session) = (self.key, self.lane.enter());
        let now = redlock_system::now();
        session.update(key, now, |lock| lock.release(now));
        session.drive(key, |work: &mut Work, _| match work.take_outcome(key)? {
            Event::Released(report) => Some(report),
            _ => None,
        })
    }

    /// The end of the lock's validity, on the clock of [`now`](crate::now). For a lock that was found to be lost
    /// before, the moment of that.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.expiry.get()
    }

    /// For how long the lock is valid from now on; zero when it is not.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline().saturating_since(redlock_system::now())
    }

    /// Whether the lock is valid at this moment. The clock is read at every call.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// Where the deadline can be looked at.
    #[cfg(feature = "cache")]
    pub(crate) const fn expiry(&self) -> &Arc<Expiry> {
        &self.expiry
    }

    /// What is locked.
    #[must_use]
    pub const fn resource(&self) -> &Resource {
        &self.resource
    }
}

impl Drop for LockGuard {
    /// A release that was made already is not made again.
    fn drop(&mut self) {
        self.lane.post(Letter::Abandoned(self.key));
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("resource", &self.resource)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
