use alloc::vec::Vec;

use super::expiry;
use crate::{Grace, Instant, WaiterId};

/// A queue that nobody has joined for so long is gone.
const QUEUE_TTL_MILLIS: u64 = 60_000;

/// Those who wait for one key, and the one who was called up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct WaitQueue {
    /// In the order in which they have come, to the microsecond.
    waiting: Vec<(u128, WaiterId)>,
    /// The last millisecond in which they are there.
    expires_at: u128,
    called: Option<Called>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Called {
    waiter: WaiterId,
    /// The last millisecond of its turn.
    expires_at: u128,
}

impl WaitQueue {
    /// Forgets what is over.
    pub(super) fn expire(&mut self, now: Instant) {
        let millis = now.since_epoch().as_millis();
        if millis > self.expires_at {
            self.waiting.clear();
        }
        self.called = self.called.take().filter(|called| millis <= called.expires_at);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.called.is_none()
    }

    /// Counts those who wait.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    /// Returns who was called up.
    pub(super) fn called(&self) -> Option<&WaiterId> {
        self.called.as_ref().map(|called| &called.waiter)
    }

    /// Returns the end of the turn of the one who was called up.
    pub(super) fn turn_ends_at(&self) -> Option<u128> {
        self.called.as_ref().map(|called| called.expires_at)
    }

    /// Puts a waiter at the end, unless it is in the queue; returns its place, counted from 1.
    pub(super) fn join(&mut self, waiter: &WaiterId, now: Instant) -> u32 {
        if !self.waiting.iter().any(|(_, other)| other == waiter) {
            self.waiting.push((now.since_epoch().as_micros(), waiter.clone()));
            self.waiting.sort();
        }
        self.expires_at = expiry(now, QUEUE_TTL_MILLIS);
        let before = self.waiting.iter().take_while(|(_, other)| other != waiter).count();
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Takes a waiter out.
    pub(super) fn leave(&mut self, waiter: &WaiterId) {
        self.waiting.retain(|(_, other)| other != waiter);
    }

    /// Ends the turn of a waiter, if it was called up; returns whether it was.
    pub(super) fn end_turn(&mut self, waiter: &WaiterId) -> bool {
        self.called.take_if(|called| called.waiter == *waiter).is_some()
    }

    /// Lets a waiter keep its turn for a time, and the grace in which it can give it back.
    pub(super) fn keep_turn(&mut self, waiter: &WaiterId, time: Grace, grace: Grace, now: Instant) {
        let millis = u64::from(time.as_millis()).saturating_add(grace.as_millis().into());
        self.called = Some(Called { waiter: waiter.clone(), expires_at: expiry(now, millis) });
    }

    /// Calls up the first one who is alive; `None` if there is none, or if `me` is the first.
    pub(super) fn call_up(
        &mut self,
        grace: Grace,
        me: Option<&WaiterId>,
        is_alive: impl Fn(&WaiterId) -> bool,
        now: Instant,
    ) -> Option<WaiterId> {
        while let Some((_, first)) = self.waiting.first().filter(|(_, first)| Some(first) != me).cloned() {
            self.waiting.remove(0);
            if is_alive(&first) {
                self.called = Some(Called { waiter: first.clone(), expires_at: expiry(now, grace.as_millis().into()) });
                return Some(first);
            }
        }
        None
    }
}
