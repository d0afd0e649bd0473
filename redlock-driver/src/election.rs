use std::fmt;
use std::time::Duration;

use redlock_core::{KeepAlive, Loss, ReleaseReport, Resource};

use crate::{AcquireError, Lease, LockGuard, Redlock, Runtime};

/// A candidate for leadership, among all who name the same election; made by [`Redlock::candidate`].
///
/// An election is a lock that whoever leads keeps alive. So at most one leads at any moment, under the same conditions under
/// which at most one holds a lock; and one that hangs, or that loses its network, leads no longer than its TTL.
pub struct Candidate<R: Runtime> {
    redlock: Redlock<R>,
    election: Resource,
    ttl: Duration,
    is_fenced: bool,
}

impl<R: Runtime> Candidate<R> {
    pub(crate) const fn new(redlock: Redlock<R>, election: Resource, ttl: Duration) -> Self {
        Self { redlock, election, ttl, is_fenced: false }
    }

    /// Has the nodes mint a [fence](Lease::fence) for each time in which this candidate leads, by which what only a leader writes
    /// to can refuse one that comes too late; the [lease](Leadership::lease) has it. A leader that is paused for longer than
    /// its TTL goes on as if it led.
    #[must_use]
    pub fn fenced(self) -> Self {
        Self { is_fenced: true, ..self }
    }

    /// Waits until this candidate is elected, for as long as that takes: also while nodes are down, and whatever the options of
    /// the handle say about time and attempts.
    ///
    /// Candidates are elected in the order in which they came, nearly. The future does not borrow the candidate. Cancel-safe:
    /// dropping it withdraws.
    ///
    /// # Errors
    ///
    /// Those that waiting cannot cure: [`AcquireError::Request`], [`AcquireError::NoEntropy`], [`AcquireError::Closed`],
    /// [`AcquireError::NoRuntime`], and [`AcquireError::Unavailable`] when too many nodes refuse this client for good, such as
    /// for a wrong password.
    pub fn campaign(&self) -> impl Future<Output = Result<Leadership<R>, AcquireError>> + Send + use<R> {
        let lock = self.redlock.lock(self.election.clone(), self.ttl);
        let lock = if self.is_fenced { lock.fenced() } else { lock };
        let lock = lock.unbounded().keep_alive(KeepAlive::while_held());
        async { lock.await.map(Leadership) }
    }
}

impl<R: Runtime> Clone for Candidate<R> {
    fn clone(&self) -> Self {
        let Self { redlock, election, ttl, is_fenced } = self;
        Self { redlock: redlock.clone(), election: election.clone(), ttl: *ttl, is_fenced: *is_fenced }
    }
}

impl<R: Runtime> fmt::Debug for Candidate<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("election", &self.election).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

/// The time in which a [`Candidate`] leads. Dropping it resigns.
#[must_use = "whoever drops it resigns"]
pub struct Leadership<R: Runtime>(LockGuard<R>);

impl<R: Runtime> Leadership<R> {
    /// Waits until this candidate leads no longer, and yields why: at the end of its TTL at the latest, when it could not be
    /// prolonged. Others may lead from then on.
    pub async fn ended(&self) -> Loss {
        self.0.lost().await
    }

    redlock_core::leadership_getters!(Lease<R>);

    /// Lets the next candidate lead at once, or after the [shortest hold](crate::Acquire::min_hold) if the options of the handle
    /// have one.
    pub async fn resign(self) -> ReleaseReport {
        self.0.release().await
    }
}

impl<R: Runtime> fmt::Debug for Leadership<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Leadership").field(&self.0).finish()
    }
}
