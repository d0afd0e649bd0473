//! What waits for the earliest timer.

use std::task::{Context, Poll};

use redlock_core::Instant;

use super::wakes::register;
use super::{Over, Shell};
use crate::Runtime;
use crate::carrier::Urgency;

impl<R: Runtime> Shell<R> {
    /// Looks at all locks whose time has come; returns when the next one's comes.
    pub(crate) fn fire_timers(&self) -> Result<Option<Instant>, Over> {
        self.work_and_send(Urgency::Complete, |state, now, _| {
            state.locks.handle_timeout(now);
            state.armed = state.locks.poll_timeout();
            if state.is_over() { Err(Over) } else { Ok(state.armed) }
        })
    }

    /// Waits until there is an earlier timer than the one that is armed, or nothing to wait for.
    pub(crate) fn poll_earlier_timer(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.has_earlier_timer() || state.is_over() {
            return Poll::Ready(());
        }
        register(&mut state.timer, context);
        Poll::Pending
    }
}
