use core::time::Duration;

use crate::{Grace, Instant};

/// How long a node takes to answer, smoothed over the last eight or so that were measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct RoundTrip {
    /// In nanoseconds; zero if nothing was measured.
    smoothed: u64,
    /// That of a waiter for whom the way is as long.
    grace: Grace,
    /// When the command was sent whose answer ends the next measurement.
    under_way: Option<Instant>,
}

impl RoundTrip {
    /// Returns it; zero if nothing was measured.
    pub(super) const fn smoothed(&self) -> Duration {
        Duration::from_nanos(self.smoothed)
    }

    /// Returns the time that a waiter has to come after the node has called it up.
    pub(super) const fn grace(&self) -> Grace {
        self.grace
    }

    /// Forgets the measurement that is under way.
    pub(super) const fn is_cut_off(&mut self) {
        self.under_way = None;
    }

    /// Notes that something is sent while nothing is owed.
    pub(super) const fn begins(&mut self, now: Instant) {
        self.under_way = Some(now);
    }

    /// Notes an answer.
    pub(super) fn ends(&mut self, now: Instant) {
        let Some(sent_at) = self.under_way.take() else { return };
        let took = now.nanos_since(sent_at);
        self.smoothed =
            if self.smoothed == 0 { took } else { self.smoothed.saturating_mul(7).saturating_add(took) / 8 };
        self.grace = Grace::over(self.smoothed());
    }
}
