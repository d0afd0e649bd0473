//! Who holds what.

use std::sync::Mutex;

use redlock_simulator::Time;

use crate::scheduler::Scheduler;

/// Knows every guard that there is or was.
#[derive(Default)]
pub(crate) struct Referee {
    holds: Mutex<Vec<Hold>>,
}

struct Hold {
    name: String,
    deadline: Time,
    has_ended: bool,
}

impl Referee {
    /// A lock was acquired: nobody else may hold it. The answer is its number.
    pub(crate) fn begin(&self, name: &str, deadline: Time, scheduler: &Scheduler) -> usize {
        let (now, mut holds) = (scheduler.now(), self.holds.lock().unwrap());
        let is_other = |hold: &Hold| hold.name == name && !hold.has_ended && hold.deadline > now;
        let other = holds.iter().position(is_other);
        scheduler.expect(other.is_none() || deadline <= now, || format!("lock {other:?} on {name} is valid as well"));
        holds.push(Hold { name: name.into(), deadline, has_ended: false });
        holds.len() - 1
    }

    pub(crate) fn extend(&self, number: usize, deadline: Time) {
        self.holds.lock().unwrap()[number].deadline = deadline;
    }

    pub(crate) fn end(&self, number: usize) {
        self.holds.lock().unwrap()[number].has_ended = true;
    }
}
