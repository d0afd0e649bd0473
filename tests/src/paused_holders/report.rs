use std::fmt;
use std::time::Duration;

/// The figures of a torture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How long it has taken.
    pub elapsed: Duration,
    /// Holders that were paused until their deadline had passed.
    pub pauses: u64,
    /// Processes that were paused at any other time.
    pub other_pauses: u64,
    /// Nodes of the lock that were killed and restarted, with their keys and counters.
    pub durable_restarts: u64,
    /// ... and without.
    pub empty_restarts: u64,
    /// Locks that clients say they have got.
    pub holds: u64,
    /// Writes that clients say were done.
    pub written: u64,
    /// Acquisitions, reads and writes that failed otherwise than by a stale fence, as clients say.
    pub failures: u64,
    /// Reads and writes that clients say were refused.
    pub refusals: u64,
    /// Writes that the store was asked for.
    pub attempts: u64,
    /// ... with a fence that was smaller than one that had been there.
    pub stale_attempts: u64,
    /// Writes that the store has done.
    pub applied: u64,
    /// ... with a fence that was smaller than one that had been there.
    pub stale_applied: u64,
    /// Writes of a number that is not the next after the one before.
    pub lost_steps: u64,
}

impl Report {
    /// Returns whether the store has done all writes that were not stale, and no other, and no step was lost.
    #[must_use]
    pub const fn is_right(&self) -> bool {
        let is_complete = self.attempts == self.applied.saturating_add(self.stale_attempts);
        is_complete && self.stale_applied == 0 && self.lost_steps == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pauses, other_pauses, durable_restarts, empty_restarts, holds, failures, refusals, .. } = self;
        let Self { attempts, stale_attempts, applied, stale_applied, lost_steps, .. } = self;
        write!(
            f,
            "{:.0} s: {pauses} holders paused past their deadline, {other_pauses} other pauses, ",
            self.elapsed.as_secs_f64()
        )?;
        write!(f, "{empty_restarts} restarts of empty nodes and {durable_restarts} of durable ones; ")?;
        write!(f, "{holds} locks held, {failures} failures, {refusals} refusals; ")?;
        write!(f, "{attempts} writes attempted, {stale_attempts} of them stale; ")?;
        write!(f, "{applied} writes applied, {stale_applied} of them stale, {lost_steps} steps lost")
    }
}
