//! What must be true, by the numbers of the design: of one call of one client, of one command on one node, and of a
//! whole world.

use std::fmt;

use redlock_core::model::Node;
use redlock_core::{Action, Command, Event, ExtendError, Instant};

use super::client::{Attempt, Client, Said};
use super::scenario::{Role, VALIDITY};

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// I1
    TwoHolders,
    /// I2, and with it I3
    NoQuorumBehindHolder,
    /// I3
    HandedOverTooLate,
    /// I4
    DeadlineTooLate,
    /// I5
    DeadlineMovedBack,
    /// I5
    FailedExtensionChangedSomething,
    /// I6
    CameBackToLife,
    /// I8
    TouchedForeignKey,
    /// I9
    SentAfterRelease,
    /// I10
    TokenUsedAgain,
    /// I11
    SettledTooEarly,
    /// I11
    LeftKeyBehind,
    /// I11
    NeverSettled,
    /// F1, F2
    FenceNotLarger,
    /// What the search rests on: the machine treats all nodes alike.
    UnlikeImage,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoHolders => "I1: two clients hold the lock",
            Self::NoQuorumBehindHolder => "I2, I3: a client holds the lock, but no quorum of nodes has its token",
            Self::HandedOverTooLate => "I3: the lock was handed over with less validity than was asked for",
            Self::DeadlineTooLate => "I4: the deadline is later than the first send, TTL and drift allow",
            Self::DeadlineMovedBack => "I5: the deadline of a held lock moved back",
            Self::FailedExtensionChangedSomething => "I5: an extension that failed changed something",
            Self::CameBackToLife => "I6: a lock that was lost or released is alive again",
            Self::TouchedForeignKey => "I8: a command changed the key of another token",
            Self::SentAfterRelease => "I9: something else than a release was sent after a release",
            Self::TokenUsedAgain => "I10: two attempts have the same token",
            Self::SettledTooEarly => "I11: a machine is settled, but a node has its key, and the TTL is not over",
            Self::LeftKeyBehind => "I11: nothing will happen any more, but a key is left",
            Self::NeverSettled => "I11: nothing will happen any more, but a machine is not settled",
            Self::FenceNotLarger => "F1, F2: a lock was handed over with a fence that is not larger than all before it",
            Self::UnlikeImage => "the machine does not treat all nodes alike",
        })
    }
}

/// One call of one client.
pub(super) struct Step<'a> {
    pub(super) role: Role,
    pub(super) before: &'a Client,
    pub(super) after: &'a Client,
    pub(super) said: &'a Said,
    pub(super) now: Instant,
}

impl Step<'_> {
    pub(super) fn check(&self) -> Result<(), Violation> {
        let rules = [
            (self.hands_over_in_time(), Violation::HandedOverTooLate),
            (self.keeps_deadline_early(), Violation::DeadlineTooLate),
            (self.keeps_deadline(), Violation::DeadlineMovedBack),
            (self.survives_failed_extension(), Violation::FailedExtensionChangedSomething),
            (self.stays_over(), Violation::CameBackToLife),
            (self.only_releases_after_release(), Violation::SentAfterRelease),
            (self.has_fresh_token(), Violation::TokenUsedAgain),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, violation)| Err(violation))
    }

    fn hands_over_in_time(&self) -> bool {
        let ends_at = self.before.asked_at.saturating_add(VALIDITY);
        !self.said.handed_over || self.now.saturating_add(self.role.min_validity()) < ends_at
    }

    fn keeps_deadline_early(&self) -> bool {
        let latest = self.after.asked_at.saturating_add(VALIDITY);
        let promised = self.said.events.iter().filter_map(|event| match event {
            Event::Acquired { deadline } | Event::Extended { deadline, .. } => Some(*deadline),
            _ => None,
        });
        self.after.lock.deadline().into_iter().chain(promised).all(|deadline| deadline <= latest)
    }

    fn keeps_deadline(&self) -> bool {
        let (before, after) = (&self.before.lock, &self.after.lock);
        !(before.is_held(self.now) && after.is_held(self.now)) || after.deadline() >= before.deadline()
    }

    fn survives_failed_extension(&self) -> bool {
        let has_failed =
            |event: &Event| matches!(event, Event::ExtendFailed { error: ExtendError::Unconfirmed(_), .. });
        let (before, after) = (&self.before.lock, &self.after.lock);
        !self.said.events.iter().any(has_failed) || (after.deadline() == before.deadline() && after.is_held(self.now))
    }

    fn stays_over(&self) -> bool {
        let was_over = self.before.was_lost || self.before.was_released;
        let is_alive = self.after.lock.is_held(self.now) || self.after.lock.is_acquiring();
        !(was_over && (is_alive || self.said.handed_over))
    }

    fn only_releases_after_release(&self) -> bool {
        let is_release = |command: &Command| matches!(command.action, Action::Release { .. });
        !self.after.was_released || self.said.commands.iter().all(is_release)
    }

    fn has_fresh_token(&self) -> bool {
        let attempts = &self.after.attempts;
        let is_new = |(position, attempt): (usize, &Attempt)| {
            attempts[..position].iter().all(|earlier| earlier.token != attempt.token)
        };
        attempts.iter().enumerate().all(is_new)
    }
}

/// What one command did on one node: a key of another token, and its time to live, stay as they are (I8).
pub(super) fn check_execution(
    mut before: Node,
    mut after: Node,
    command: &Command,
    now: Instant,
) -> Result<(), Violation> {
    let key = command.action.resources().expect("it is of a lock").as_slice()[0].as_bytes();
    let is_foreign =
        before.get(key, now).is_some_and(|value| value != command.action.token().expect("it is of a lock").as_bytes());
    let is_unchanged = before.get(key, now) == after.get(key, now) && before.ttl(key, now) == after.ttl(key, now);
    if is_foreign && !is_unchanged { Err(Violation::TouchedForeignKey) } else { Ok(()) }
}
