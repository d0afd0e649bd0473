//! What the lock says to its user.

use core::time::Duration;

use redlock_core::{Instant, OperationId};

use super::tenure::{Extension, Tenure};
use super::validity::validity;
use super::{Checked, Ledger};
use crate::invariant::{Invariant, Violation};

impl Ledger {
    /// The lock says that it is acquired, valid until `deadline`.
    pub(crate) fn is_acquired(&self, deadline: Instant, quorum: usize, now: Instant) -> Checked {
        self.check_not_over()?;
        let Some(attempt) = self.attempts.last() else {
            return Err(Violation::new(Invariant::GrantedByQuorum, "acquired without an attempt"));
        };
        if attempt.granted.len() < quorum {
            return Err(Violation::new(Invariant::GrantedByQuorum, format!("granted by {:?} only", attempt.granted)));
        }
        if attempt.granted.without(attempt.void).len() < quorum {
            let what = format!("the grants of {:?} count, and {:?} have granted", attempt.void, attempt.granted);
            return Err(Violation::new(Invariant::NoVoteWithoutMemory, what));
        }
        let expected = attempt.asked_at.saturating_add(validity(attempt.ttl));
        if deadline != expected {
            return Err(Violation::new(Invariant::Deadline, format!("{deadline:?} instead of {expected:?}")));
        }
        check_in_time(deadline, now)
    }

    /// The lock is handed over, to be held for these times.
    pub(crate) fn is_handed_over(
        &mut self,
        deadline: Instant,
        max_hold: Option<Duration>,
        min_hold: Duration,
        now: Instant,
    ) -> Checked {
        self.check_not_over()?;
        let ends_at = max_hold.map(|max_hold| now.saturating_add(max_hold));
        self.min_hold_until = Some(now.saturating_add(min_hold)).filter(|_| !min_hold.is_zero());
        let tenure = Tenure { deadline, ends_at, extensions: Vec::new(), asked_for_text: None };
        tenure.check_longest_hold(deadline)?;
        (self.tenure, self.held_from) = (Some(tenure), Some(now));
        check_in_time(deadline, now)
    }

    /// A lock that is kept alive wants to be looked at for the first time at `next`: so that there is time for two tries before
    /// its deadline, which counts from the attempt.
    pub(crate) fn is_kept_alive_from(&self, next: Option<Instant>, now: Instant) -> Checked {
        let Some(attempt) = self.attempts.last() else { return Ok(()) };
        let latest = now.max(attempt.asked_at.saturating_add(attempt.ttl / 2));
        if next.is_some_and(|next| next <= latest) {
            return Ok(());
        }
        let what = format!("the lock wants to be looked at {next:?}, and is to be extended by {latest:?}");
        Err(Violation::new(Invariant::KeptAlive, what))
    }

    /// The lock says that its deadline is the given one, and has told nobody of an extension: it was extended in the
    /// background.
    pub(crate) fn is_renewed(&mut self, deadline: Instant, quorum: usize, now: Instant) -> Checked {
        let Some(tenure) = &mut self.tenure else { return Ok(()) };
        let old = tenure.deadline;
        tenure.check_longest_hold(deadline)?;
        let is_it = |extension: &Extension| {
            let expected = tenure.capped(extension.asked_at.saturating_add(validity(extension.ttl))).max(old);
            extension.operation.is_none() && extension.confirmed.len() >= quorum && deadline == expected
        };
        let Some(place) = tenure.extensions.iter().position(is_it).filter(|_| now < old) else {
            let what =
                format!("at {now:?} the deadline {old:?} has become {deadline:?}, which no quorum has confirmed");
            return Err(Violation::new(Invariant::ContinuousExtension, what));
        };
        tenure.extensions.remove(place);
        tenure.deadline = deadline;
        Ok(())
    }

    /// The lock is left to its keys, for somebody else to adopt.
    pub(crate) fn is_detached(&mut self) {
        self.leaves();
        self.left = self.token();
    }

    /// The lock says that it is extended until `deadline`.
    pub(crate) fn is_extended(
        &mut self,
        operation: OperationId,
        deadline: Instant,
        quorum: usize,
        now: Instant,
    ) -> Checked {
        self.check_not_over()?;
        let Some(tenure) = &mut self.tenure else {
            return Err(Violation::new(Invariant::EndIsFinal, "a lock that is not held says that it is extended"));
        };
        let old = tenure.deadline;
        let Some(extension) = tenure.end(operation) else {
            return Err(Violation::new(
                Invariant::ContinuousExtension,
                "an extension that had failed has come to count",
            ));
        };
        if now >= old || extension.confirmed.len() < quorum {
            let what = format!("confirmed at {now:?} by {:?}, the old deadline being {old:?}", extension.confirmed);
            return Err(Violation::new(Invariant::ContinuousExtension, what));
        }
        tenure.check_longest_hold(deadline)?;
        let expected = tenure.capped(extension.asked_at.saturating_add(validity(extension.ttl))).max(old);
        if deadline != expected {
            return Err(Violation::new(Invariant::Deadline, format!("{deadline:?} instead of {expected:?}")));
        }
        tenure.deadline = deadline;
        Ok(())
    }

    /// The lock says that an extension has failed, and that its deadline is the given one.
    pub(crate) fn is_not_extended(&mut self, operation: OperationId, deadline: Option<Instant>) -> Checked {
        let Some(tenure) = &mut self.tenure else { return Ok(()) };
        tenure.end(operation);
        if deadline == Some(tenure.deadline) {
            return Ok(());
        }
        let what = format!("the deadline was {:?} and is {deadline:?}", tenure.deadline);
        Err(Violation::new(Invariant::FailedExtensionChangesNothing, what))
    }

    /// The lock says that it is over: lost, or not acquired.
    pub(crate) fn is_over(&mut self) {
        (self.tenure, self.is_over) = (None, true);
    }

    /// The user asks for the release.
    pub(crate) fn leaves(&mut self) {
        self.is_leaving = true;
        self.is_over = true;
        self.tenure = None;
    }

    /// The machine has nothing to do any more.
    pub(crate) fn is_settled(&mut self, now: Instant) -> Checked {
        self.settled_at = Some(now);
        self.check_released()
    }

    fn check_not_over(&self) -> Checked {
        if self.is_over { Err(Violation::new(Invariant::EndIsFinal, "a lock that was over came back")) } else { Ok(()) }
    }
}

fn check_in_time(deadline: Instant, now: Instant) -> Checked {
    if now < deadline {
        return Ok(());
    }
    Err(Violation::new(Invariant::GrantedByQuorum, format!("held at {now:?}, past its deadline {deadline:?}")))
}
