//! Telling the observers what has happened, in order and while the mutex is free.

use redlock_core::observed::Observed;

use super::Shell;
use super::state::State;
use crate::Runtime;

impl<R: Runtime> Shell<R> {
    /// Tells the observers all that has happened, unless somebody else is doing that: whoever has begun takes what others add,
    /// so that the order is kept.
    pub(super) fn tell_observers(&self) {
        if !self.observers.are_interested() {
            return;
        }
        let mut events = Vec::new();
        let mut goes_on = self.state().begin_telling(&mut events);
        while goes_on {
            self.observers.tell(&events);
            events.clear();
            goes_on = self.state().go_on_telling(&mut events);
        }
    }
}

impl State {
    /// Takes what has happened; returns whether the caller is to tell it.
    fn begin_telling(&mut self, events: &mut Vec<Observed>) -> bool {
        // From the moment on in which one of them is interested.
        self.locks.observe(true);
        !self.is_telling && self.go_on_telling(events)
    }

    /// Takes what has happened since; returns whether there was anything.
    fn go_on_telling(&mut self, events: &mut Vec<Observed>) -> bool {
        events.extend(std::iter::from_fn(|| self.locks.poll_observed()));
        self.is_telling = !events.is_empty();
        self.is_telling
    }
}
