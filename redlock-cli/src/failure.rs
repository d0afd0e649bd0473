use nix::sys::signal::Signal;
use redlock_tokio::{AcquireError, BuildError, RequestError};

/// The way in which a command has failed; each has a status of its own with which the process ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Arguments or configuration cannot be followed.
    #[error("{0}")]
    Usage(String),
    /// The lock was not acquired.
    #[error("the lock {name:?} was not acquired: {why}")]
    NotAcquired { name: String, why: String },
    /// Too few nodes have answered.
    #[error("{0}")]
    Unavailable(String),
    /// The lock was lost.
    #[error("the lock {name:?} was lost: {why}")]
    Lost { name: String, why: String },
    /// There is no such program.
    #[error("{program}: command not found")]
    NotFound { program: String },
    /// The program is there but could not be started.
    #[error("{program}: the command could not be started: {why}")]
    NotStarted { program: String, why: String },
    /// A signal ended this command, or SIGINT the command of the user.
    #[error("ended by {0}")]
    Interrupted(Signal),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// The status for "try again later", `EX_TEMPFAIL` of `sysexits.h`.
    const NOT_ACQUIRED: u8 = 75;
    /// The one after it.
    const LOST: u8 = 76;

    /// Makes the failure of an acquisition.
    pub(crate) fn acquire(name: &str, error: AcquireError) -> Self {
        match error {
            AcquireError::Request(error) => error.into(),
            error => Self::NotAcquired { name: name.into(), why: error.to_string() },
        }
    }

    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Other(_) => 1,
            Self::Usage(_) => 2,
            Self::NotAcquired { .. } | Self::Unavailable(_) => Self::NOT_ACQUIRED,
            Self::Lost { .. } => Self::LOST,
            Self::NotStarted { .. } => 126,
            Self::NotFound { .. } => 127,
            Self::Interrupted(signal) => signal_status(*signal as i32),
        }
    }
}

/// Returns the status by which a shell says that a command was ended by a signal.
pub(crate) fn signal_status(signal: i32) -> u8 {
    u8::try_from(signal).map_or(u8::MAX, |number| number.saturating_add(128))
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::Usage(error.to_string())
    }
}
