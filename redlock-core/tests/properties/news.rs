//! Events, as far as they can be foretold and compared.

use core::time::Duration;

use redlock_core::{
    AcquireError, Event, ExtendError, Instant, Loss, NodeOutcomes, OperationId, Outcome, ReleaseVerdict,
};

/// What each node said, in the order of the nodes.
pub(crate) type Outcomes = Vec<Outcome>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Acquired {
        deadline: Instant,
    },
    AcquireFailed {
        failure: Failure,
        attempts: u32,
        elapsed: Duration,
        nodes: Outcomes,
    },
    /// The extensions are counted in the order in which they were begun.
    Extended {
        extension: usize,
        deadline: Instant,
    },
    Unconfirmed {
        extension: usize,
        nodes: Outcomes,
    },
    ExtendFailed {
        extension: usize,
        loss: Lost,
    },
    Lost(Lost),
    Released {
        verdict: ReleaseVerdict,
        nodes: Outcomes,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Contended,
    Unavailable,
    Expired,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Expired,
    KeysGone(Outcomes),
    TakenOver(Outcomes),
}

impl News {
    /// All that can happen to a lock, as [`Self::kind`] puts it.
    pub(crate) const KINDS: [&str; 15] = [
        "acquired",
        "contended",
        "unavailable",
        "acquired too late",
        "extended",
        "extension unconfirmed",
        "extension too late",
        "extension without keys",
        "expired",
        "keys gone",
        "keys taken over",
        "released",
        "already expired",
        "taken over",
        "release unconfirmed",
    ];

    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Acquired { .. } => "acquired",
            Self::AcquireFailed { failure: Failure::Contended, .. } => "contended",
            Self::AcquireFailed { failure: Failure::Unavailable, .. } => "unavailable",
            Self::AcquireFailed { failure: Failure::Expired, .. } => "acquired too late",
            Self::Extended { .. } => "extended",
            Self::Unconfirmed { .. } => "extension unconfirmed",
            Self::ExtendFailed { loss: Lost::Expired, .. } => "extension too late",
            Self::ExtendFailed { loss: Lost::KeysGone(_) | Lost::TakenOver(_), .. } => "extension without keys",
            Self::Lost(Lost::Expired) => "expired",
            Self::Lost(Lost::KeysGone(_)) => "keys gone",
            Self::Lost(Lost::TakenOver(_)) => "keys taken over",
            Self::Released { verdict: ReleaseVerdict::Released, .. } => "released",
            Self::Released { verdict: ReleaseVerdict::AlreadyExpired, .. } => "already expired",
            Self::Released { verdict: ReleaseVerdict::TakenOver, .. } => "taken over",
            Self::Released { .. } => "release unconfirmed",
        }
    }

    /// Reads an event of a lock that has begun the given extensions.
    pub(crate) fn of(event: Event, extensions: &[OperationId]) -> Self {
        let place = |operation| extensions.iter().position(|begun| *begun == operation).expect("it was begun");
        match event {
            Event::Acquired { deadline } => Self::Acquired { deadline },
            Event::AcquireFailed(error) => Self::from(error),
            Event::Extended { operation, deadline } => Self::Extended { extension: place(operation), deadline },
            Event::ExtendFailed { operation, error: ExtendError::Unconfirmed(nodes) } => {
                Self::Unconfirmed { extension: place(operation), nodes: outcomes(&nodes) }
            }
            Event::ExtendFailed { operation, error: ExtendError::Lost(loss) } => {
                Self::ExtendFailed { extension: place(operation), loss: Lost::from(&loss) }
            }
            Event::Lost(loss) => Self::Lost(Lost::from(&loss)),
            Event::Released(report) => Self::Released { verdict: report.verdict, nodes: outcomes(&report.nodes) },
            other => panic!("an event that never comes: {other:?}"),
        }
    }
}

impl From<AcquireError> for News {
    fn from(error: AcquireError) -> Self {
        let failure = match &error {
            AcquireError::Contended(_) => Failure::Contended,
            AcquireError::Unavailable(_) => Failure::Unavailable,
            AcquireError::Expired(_) => Failure::Expired,
            other => panic!("an error that a lock never gives: {other}"),
        };
        let tried = error.attempts().unwrap();
        let nodes = outcomes(&tried.nodes);
        Self::AcquireFailed { failure, attempts: tried.count, elapsed: tried.elapsed, nodes }
    }
}

impl From<&Loss> for Lost {
    fn from(loss: &Loss) -> Self {
        match loss {
            Loss::Expired => Self::Expired,
            Loss::KeysGone(nodes) => Self::KeysGone(outcomes(nodes)),
            Loss::TakenOver(nodes) => Self::TakenOver(outcomes(nodes)),
            other => panic!("a loss that never comes: {other:?}"),
        }
    }
}

fn outcomes(nodes: &NodeOutcomes) -> Outcomes {
    nodes.iter().map(|(_, _, outcome)| outcome.clone()).collect()
}
