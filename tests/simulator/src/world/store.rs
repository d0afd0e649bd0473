//! A store that checks fences, and holders that write to it whenever they like: after they were paused, past their
//! deadlines, and when they have released their locks.

use std::collections::BTreeMap;

use redlock_core::Resource;
use redlock_core::fence::{Fence, FenceGate};

use super::{Checked, World};
use crate::clock::{MILLISECOND, Time, nanos};
use crate::dice::Dice;
use crate::event::Event;
use crate::history::Who;
use crate::invariant::{Invariant, Violation};

/// Separates the dice of the store from all others, so that its visitors change nothing else in a world.
const SALT: u64 = 550_118;

/// The store, with the eyes of the referee on it.
#[derive(Debug)]
pub(super) struct Store {
    dice: Dice,
    gate: FenceGate,
    /// Of each resource, the acquisitions that were let in, in the order of their first visits.
    visits: BTreeMap<Resource, Vec<Acquisition>>,
    errands: Vec<Errand>,
    /// The number of acquisitions that were granted.
    granted: usize,
    /// The number of events that are noted and belong to the store.
    pending: usize,
}

/// A fenced acquisition, and its place among all grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Acquisition {
    /// The job that has acquired; whoever adopts its lock goes on with the same acquisition.
    job: usize,
    /// The number of grants before it began.
    began_after: usize,
    /// Its own number.
    granted: usize,
}

impl Acquisition {
    /// Returns whether the other one was granted after this one: by the order of grants where locks exclude each other, or
    /// because it began after this one was granted.
    const fn is_before(self, other: Self, locks_exclude: bool) -> bool {
        if locks_exclude { self.granted < other.granted } else { self.granted <= other.began_after }
    }
}

/// What a holder does at the store: it reads, and then writes some times.
#[derive(Debug)]
struct Errand {
    job: usize,
    acquisition: Acquisition,
    fences: Vec<(Resource, Fence)>,
    visits_left: u32,
    has_read: bool,
}

impl Store {
    /// Creates a store that has seen nobody.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed ^ SALT),
            gate: FenceGate::new(),
            visits: BTreeMap::new(),
            errands: Vec::new(),
            granted: 0,
            pending: 0,
        }
    }

    /// Returns the number of acquisitions that were granted.
    pub(super) const fn granted(&self) -> usize {
        self.granted
    }

    /// Returns the number of events that are still to come. They touch nothing but the store.
    pub(super) const fn pending(&self) -> usize {
        self.pending
    }

    /// Notes that an event is due.
    pub(super) const fn takes(&mut self, event: &Event) {
        if matches!(event, Event::Errand { .. } | Event::Visit { .. }) {
            self.pending -= 1;
        }
    }
}

/// # The holders
impl World<'_> {
    /// Sends the holder of a fenced lock to the store.
    pub(super) fn begin_errand(&mut self, job: usize) {
        let Some(lock) = self.lock(job) else { return };
        let Some(fences) = lock.fences() else { return };
        let names = lock.resources().as_slice().iter().cloned();
        let fences = names.zip(fences.as_slice().iter().copied()).collect();
        let acquisition = self.acquisition_of(job);
        let visits_left = self.store.dice.count(2..=4);
        self.store.errands.push(Errand { job, acquisition, fences, visits_left, has_read: false });
        self.goes_on_later(self.store.errands.len() - 1);
    }

    /// The acquisition is a new one, or that of the job from which the lock was adopted.
    fn acquisition_of(&mut self, job: usize) -> Acquisition {
        if let Some(adoption) = self.plan_of(job).terms.adopts
            && let Some(errand) = self.store.errands.iter().find(|errand| errand.job == adoption.from)
        {
            return errand.acquisition;
        }
        self.store.granted += 1;
        Acquisition { job, began_after: self.jobs[job].grants_before, granted: self.store.granted }
    }

    /// Returns the client whose holder is on an errand.
    pub(super) fn client_on(&self, errand: usize) -> usize {
        self.plan_of(self.store.errands[errand].job).client
    }

    /// A holder that works at its own pace sends the next request, whatever has become of its lock.
    pub(super) fn errand_goes_on(&mut self, errand: usize) {
        let Errand { job, .. } = self.store.errands[errand];
        let has_ended = self.jobs[job].key.is_none();
        if has_ended {
            return;
        }
        let (longest, ttl) = (self.scenario.network.longest, nanos(self.plan_of(job).ttl));
        let dice = &mut self.store.dice;
        let takes = if dice.chance(20) { dice.magnitude(MILLISECOND..=2 * ttl) } else { dice.time(0..=longest) };
        self.note_for_store(takes, Event::Visit { errand });
    }

    fn goes_on_later(&mut self, errand: usize) {
        let ttl = nanos(self.plan_of(self.store.errands[errand].job).ttl);
        let works = self.store.dice.magnitude(MILLISECOND..=2 * ttl);
        self.note_for_store(works, Event::Errand { errand });
    }

    fn note_for_store(&mut self, after: Time, event: Event) {
        self.store.pending += 1;
        self.agenda.note(self.now + after, event);
    }
}

/// # The store
impl World<'_> {
    /// A request arrives. The holder does not care whether it is refused: its next one must be refused as well.
    pub(super) fn visit(&mut self, number: usize) -> Checked {
        let errand = &mut self.store.errands[number];
        let (job, is_reading) = (errand.job, !std::mem::replace(&mut errand.has_read, true));
        let (acquisition, fences) = (errand.acquisition, errand.fences.clone());
        errand.visits_left -= 1;
        let goes_on = errand.visits_left > 0;
        for (resource, fence) in fences {
            let is_let_in = self.store.gate.admit(resource.clone(), fence).is_ok();
            let does = if is_reading { "reads" } else { "writes" };
            let what = if is_let_in { does } else { "is refused" };
            self.tell(Who::World, || format!("job {job} {what} with {fence} at the store of {resource}"));
            self.summary.visits += u64::from(is_let_in);
            self.summary.visits_refused += u64::from(!is_let_in);
            self.check_visit(&resource, acquisition, is_let_in)?;
        }
        if goes_on {
            self.goes_on_later(number);
        }
        Ok(())
    }

    /// F3. Whoever is let in comes before nobody who has been there already, and is never refused otherwise.
    fn check_visit(&mut self, resource: &Resource, acquisition: Acquisition, is_let_in: bool) -> Checked {
        let (locks_exclude, are_forgotten) = (self.is_within_the_promise(), self.fences.are_forgotten);
        let visits = self.store.visits.entry(resource.clone()).or_default();
        let was_here = visits.contains(&acquisition);
        let later = visits.iter().copied().find(|visit| acquisition.is_before(*visit, locks_exclude));
        let since = visits.last().copied().filter(|last| was_here && *last != acquisition);
        if is_let_in && !was_here {
            visits.push(acquisition);
        }
        let what = match later.or(since) {
            Some(other) if is_let_in => format!("let in although job {} has been there", other.job),
            None if !is_let_in && locks_exclude => "refused although nobody later has been there".into(),
            _ => return Ok(()),
        };
        if are_forgotten {
            return Ok(());
        }
        Err(Violation::new(Invariant::NoStaleWrite, format!("job {} was {what}", acquisition.job)))
    }
}
