use std::time::Duration;

use redlock_core::{KeepAlive, Loss, ReleaseReport, Resource};

use crate::{AbortHandle, Acquire, AcquireError, Lease, LockGuard, Redlock};

/// One who wants to lead, among all who name the same election; made by [`Redlock::candidate`].
///
/// An election is a lock that whoever leads keeps alive. So at most one leads at any moment, under the same conditions under
/// which at most one holds a lock; and one that hangs, or that loses its network, leads no longer than its TTL.
#[derive(Clone, Debug)]
pub struct Candidate {
    redlock: Redlock,
    election: Resource,
    ttl: Duration,
    is_fenced: bool,
}

impl Candidate {
    pub(crate) const fn new(redlock: Redlock, election: Resource, ttl: Duration) -> Self {
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
    /// Candidates are elected in the order in which they came, nearly.
    ///
    /// # Errors
    ///
    /// Those that waiting cannot cure: [`AcquireError::Request`], [`AcquireError::NoEntropy`], [`AcquireError::Closed`], and
    /// [`AcquireError::Unavailable`] when too many nodes refuse this client for good, such as for a wrong password.
    pub fn campaign(&self) -> Result<Leadership, AcquireError> {
        self.begin().wait()
    }

    /// Begins a campaign that other threads can end.
    pub fn begin(&self) -> Campaign {
        let lock = self.redlock.acquire(self.election.clone(), self.ttl);
        let lock = if self.is_fenced { lock.fenced() } else { lock };
        Campaign(lock.unbounded().keep_alive(KeepAlive::while_held()))
    }
}

/// A campaign of a [`Candidate`] that is to be waited for.
#[derive(Debug)]
#[must_use = "nobody is elected before `wait`"]
pub struct Campaign(Acquire);

impl Campaign {
    /// Returns a handle by which other threads withdraw the candidate while it [waits](Self::wait).
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        self.0.abort_handle()
    }

    /// Waits until the candidate is elected.
    ///
    /// # Errors
    ///
    /// As with [`Candidate::campaign`]; [`AcquireError::Aborted`] when it was withdrawn.
    pub fn wait(self) -> Result<Leadership, AcquireError> {
        self.0.lock().map(Leadership)
    }
}

/// The time in which a [`Candidate`] leads. Dropping it resigns.
#[derive(Debug)]
#[must_use = "whoever drops it resigns"]
pub struct Leadership(LockGuard);

impl Leadership {
    /// Waits for at most `timeout` until this candidate leads no longer, and returns why: at the end of its TTL at the latest,
    /// when it could not be prolonged. Others may lead from then on. `None` when it still leads.
    #[must_use]
    pub fn wait_ended(&self, timeout: Duration) -> Option<Loss> {
        self.0.wait_lost(timeout)
    }

    redlock_core::leadership_getters!(Lease);

    /// Lets the next candidate lead at once, or after the [shortest hold](crate::Acquire::min_hold) if the options of the handle
    /// have one.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn resign(self) -> ReleaseReport {
        self.0.release()
    }
}
