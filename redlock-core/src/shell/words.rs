//! One word each for what is observed: the values of labels and fields, of which there is a small number.

use crate::observed::Verb;
use crate::{AcquireError, Cause, ExtendError, Loss, Outcome, ReleaseVerdict};

pub(super) const fn acquire_error(error: &AcquireError) -> &'static str {
    match error {
        AcquireError::Contended(_) => "contended",
        AcquireError::Unavailable(_) => "unavailable",
        AcquireError::Expired(_) => "expired",
        AcquireError::Gone(_) => "gone",
        AcquireError::Closed => "closed",
    }
}

pub(super) const fn extend_error(error: &ExtendError) -> &'static str {
    match error {
        ExtendError::Lost(_) => "lost",
        ExtendError::Unconfirmed(_) => "unconfirmed",
        ExtendError::Request(_) => "refused",
        ExtendError::NotHeld => "not_held",
    }
}

pub(super) const fn loss(loss: &Loss) -> &'static str {
    match loss {
        Loss::Expired => "expired",
        Loss::KeysGone(_) => "keys_gone",
        Loss::TakenOver(_) => "taken_over",
        Loss::MaxHoldReached => "max_hold_reached",
        Loss::Closed => "closed",
        Loss::Released => "released",
    }
}

pub(super) const fn verdict(verdict: ReleaseVerdict) -> &'static str {
    match verdict {
        ReleaseVerdict::Released => "released",
        ReleaseVerdict::AlreadyExpired => "already_expired",
        ReleaseVerdict::TakenOver => "taken_over",
        ReleaseVerdict::Unconfirmed => "unconfirmed",
    }
}

pub(super) const fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Acquire => "acquire",
        Verb::Raise => "raise",
        Verb::Extend => "extend",
        Verb::Release => "release",
        Verb::Other => "other",
    }
}

pub(super) const fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Pending => "pending",
        Outcome::Done => "done",
        Outcome::HeldByOther(_) => "held",
        Outcome::Missing => "missing",
        Outcome::Unavailable(why) if matches!(why.cause(), Cause::NotSent | Cause::NotAsked) => "not_sent",
        Outcome::Unavailable(_) => "unavailable",
    }
}

#[cfg(feature = "metrics")]
pub(super) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::NoAnswer => "no_answer",
        Cause::NotSent => "not_reachable",
        Cause::NotAsked => "not_asked",
        Cause::Disconnected => "disconnected",
        Cause::Loading => "loading",
        Cause::ReadOnly => "read_only",
        Cause::OutOfMemory => "out_of_memory",
        Cause::NotAuthenticated => "not_authenticated",
        Cause::NotTrusted => "not_trusted",
        Cause::NoPermission => "no_permission",
        Cause::Busy => "busy",
        Cause::Cluster => "cluster",
        Cause::CrossSlot => "cross_slot",
        Cause::NoDatabase => "no_database",
        Cause::UnknownCommand => "unknown_command",
        Cause::Restarted => "restarted",
        Cause::Unsuitable => "unsuitable",
        Cause::Refused => "refused",
        Cause::Unexpected => "unexpected",
    }
}
