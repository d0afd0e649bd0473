use super::AcquireError;
use crate::{Loss, ReleaseReport};

/// Work that was done under a lock, which was released after it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the result of the work is in it, and whether the lock was lost meanwhile"]
pub struct Completed<T> {
    /// The result of the work.
    pub value: T,
    /// How the lock was lost before the work was over; `None` if it was held to the end, and nobody else had it meanwhile. It is
    /// not lost when the handle is closed: then it is held until its deadline.
    pub loss: Option<Loss>,
    /// What each node said to the release.
    pub release: ReleaseReport,
}

impl<T> Completed<T> {
    /// Creates the result of work that is over, for adapters.
    pub fn new(value: T, loss: Option<Loss>, release: ReleaseReport) -> Self {
        // One that nobody keeps alive any more is not lost before its deadline.
        let loss = loss.filter(|loss| *loss != Loss::Closed);
        Self { value, loss, release }
    }
}

/// The reason for which work under a lock was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// The lock was not acquired, and the work was not begun.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// The lock was lost before the work was done. In async programs the work was dropped where it was; blocking work
    /// says so itself, when it has looked.
    #[error("the lock was lost before the work was done: {0}")]
    Lost(Loss),
}

/// For work that looks at its lease before each step: `lease.check()?`.
impl From<Loss> for WorkError {
    fn from(loss: Loss) -> Self {
        Self::Lost(loss)
    }
}
