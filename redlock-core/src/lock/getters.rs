//! What can be seen of the machine.

use super::release::Release;
use super::{LockMachine, Phase};
use crate::fence::Fences;
use crate::report::Loss;
use crate::{DetachedLock, Instant, NodeSet, Request, Resources, Token};

/// # Getters
impl LockMachine {
    /// Returns the resources that are locked.
    #[must_use]
    pub const fn resources(&self) -> &Resources {
        &self.request.resources
    }

    pub(crate) const fn request(&self) -> &Request {
        &self.request
    }

    /// Returns the end of the time budget.
    pub(super) fn give_up_at(&self) -> Instant {
        self.started_at.after(self.request.options.wait)
    }

    /// Reads something of each part of the lock that an extension needs. What comes of it says nothing.
    pub(crate) fn glance(&self) -> u64 {
        let first_name = self.request.resources.as_slice().first();
        let first_byte = first_name.and_then(|name| name.as_bytes().first()).copied().unwrap_or_default();
        let times = [self.deadline(), Some(self.clock), Some(self.started_at)];
        let bits = times.into_iter().flatten().fold(u64::from(first_byte), |bits, time| bits ^ time.nanos());
        bits ^ self.request.ttl.as_millis()
    }

    /// Returns the number of attempts that were begun.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the end of the validity of a lock that is held or was lost; `None` for any other.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Won { deadline, .. } => Some(*deadline),
            Phase::Held(held) => Some(held.deadline),
            Phase::Lost(lost) => Some(lost.at),
            Phase::InLine | Phase::Acquiring(_) | Phase::Waiting { .. } | Phase::Releasing(_) | Phase::Finished => None,
        }
    }

    /// Returns whether the lock is held and valid at `now`. The state alone does not say it: the deadline does.
    #[must_use]
    pub fn is_held(&self, now: Instant) -> bool {
        match &self.phase {
            Phase::Held(held) => now.max(self.clock) < held.deadline,
            _ => false,
        }
    }

    /// Returns whether an acquisition is under way: the lock was neither handed over, nor given up, nor released.
    #[must_use]
    pub const fn is_acquiring(&self) -> bool {
        match &self.phase {
            Phase::InLine | Phase::Acquiring(_) | Phase::Waiting { .. } | Phase::Won { .. } => true,
            Phase::Held(_) | Phase::Lost(_) | Phase::Releasing(_) | Phase::Finished => false,
        }
    }

    /// Returns whether the lock was given back by its owner.
    pub(crate) const fn is_releasing(&self) -> bool {
        matches!(self.phase, Phase::Releasing(_))
    }

    /// Returns whether the next attempt waits for its time: until [`poll_timeout`](Self::poll_timeout) no reply can
    /// bring the acquisition on.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }

    /// Returns whether others of the same handle that want one of the resources have to wait for this one: it is being
    /// acquired or held, or its home has not answered the release and is still [waited for](Self::makes_way_at).
    #[must_use]
    pub fn is_in_the_way(&self) -> bool {
        match &self.phase {
            Phase::InLine | Phase::Acquiring(_) | Phase::Waiting { .. } | Phase::Won { .. } | Phase::Held(_) => true,
            Phase::Releasing(_) => self.makes_way_at().is_some_and(|at| self.clock < at),
            Phase::Lost(_) | Phase::Finished => false,
        }
    }

    /// Returns when a lock that is being released gets out of others' way, although its home has not answered; `None` if
    /// it has, and for any other lock.
    #[must_use]
    pub fn makes_way_at(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Releasing(release) => release.makes_way_at(),
            _ => None,
        }
    }

    /// Returns the nodes that have all keys of a lock that is held, as far as their latest replies tell: those that have
    /// granted it, also after the hand-over, that have confirmed its last extension, or that were given back the keys that
    /// they had lost. Empty for a lock that is not held.
    #[must_use]
    pub const fn held_on(&self) -> NodeSet {
        match &self.phase {
            Phase::Held(held) => held.keepers,
            _ => NodeSet::EMPTY,
        }
    }

    /// Returns the fences of a lock that is held, if it is fenced.
    #[must_use]
    pub fn fences(&self) -> Option<&Fences> {
        match &self.phase {
            Phase::Held(held) => held.fences(),
            _ => None,
        }
    }

    /// Returns whether a lock that was won took a second round for its fences; `None` for any other, and for one that has no
    /// new fences.
    pub(crate) fn commit_round(&self) -> Option<bool> {
        match &self.phase {
            Phase::Won { attempt, .. } => attempt.commit_round(),
            _ => None,
        }
    }

    /// Returns the moment from which the validity of a lock counts that was won and not handed over; `None` for any other.
    pub(crate) fn won_since(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Won { attempt, .. } => Some(attempt.started_at()),
            _ => None,
        }
    }

    /// Returns what somebody else needs to [adopt](Request::adopting) a lock that is held and valid at `now`; `None` for any other.
    #[must_use]
    pub fn detached(&self, now: Instant) -> Option<DetachedLock> {
        match &self.phase {
            Phase::Held(held) if self.is_held(now) => Some(held.detached(&self.request)),
            _ => None,
        }
    }

    /// Returns the token of a lock that is held, or was won and not handed over.
    pub(crate) const fn token(&self) -> Option<&Token> {
        match &self.phase {
            Phase::Won { attempt, .. } => Some(&attempt.token),
            Phase::Held(held) => Some(held.token()),
            _ => None,
        }
    }

    /// Returns how the lock was lost, if it was.
    #[must_use]
    pub fn loss(&self) -> Option<&Loss> {
        match &self.phase {
            Phase::Lost(lost) => Some(&lost.loss),
            _ => None,
        }
    }

    /// Returns whether no release waits for a node that is still in time: all that could be told was told.
    ///
    /// A node that was down, or silent for too long, is told again later; see [`is_settled`](Self::is_settled).
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let phase = match &self.phase {
            Phase::Releasing(release) => release.is_reported() && release.is_quiet(),
            Phase::Lost(lost) => lost.release.is_quiet(),
            _ => true,
        };
        phase && self.earlier.iter().all(Release::is_quiet)
    }

    /// Returns whether the machine has nothing left to do and can be dropped: every node has confirmed the release, or
    /// the keys' TTL is over.
    ///
    /// The TTL also covers what a release can no longer reach: a command that a node carries out only after that time,
    /// because it hung, leaves its key for another TTL at most.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let phase = match &self.phase {
            Phase::Releasing(release) => release.is_reported() && release.is_settled(),
            Phase::Finished => true,
            _ => false,
        };
        phase && self.earlier.is_empty()
    }
}
