use crate::{AcquireError, ExtendError, Instant, Loss, ReleaseReport};

/// Tells the extensions of one lock apart: the end of one that its caller gave up is never taken for that of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(u32);

impl OperationId {
    pub(crate) const FIRST: Self = Self(0);

    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// An event of a [`Lock`](crate::Lock).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The lock is held and valid until the deadline. Hand it over with [`Lock::hand_over`](crate::Lock::hand_over).
    Acquired {
        /// The end of its validity.
        deadline: Instant,
    },
    /// The lock was not acquired, and no further attempt will be made.
    AcquireFailed(AcquireError),
    /// The lock is valid until the deadline, which is not before the old one.
    Extended {
        /// The extension.
        operation: OperationId,
        /// The end of its validity.
        deadline: Instant,
    },
    /// The lock was not extended.
    ExtendFailed {
        /// The extension.
        operation: OperationId,
        /// The reason.
        error: ExtendError,
    },
    /// The lock that was held is lost, for ever.
    Lost(Loss),
    /// The verdict of a release is fixed.
    Released(ReleaseReport),
}
