use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Locks;
use crate::observed::Observed;

/// Is told what happens to the locks and nodes of one handle, for instruments: counters, spans, histories.
///
/// `Builder::observer` takes it. The events come one after the other in the [order](crate::observed) in which they happened,
/// each on a thread of a caller or of the handle, which has other work to do: an observer must not block. It may use the
/// handle, but must not wait for it. What happened after it fell behind by 16,384 events is left out, and
/// [counted](Observed::Missed).
///
/// One that panics is not called again; the locks and the other observers go on.
///
/// ```
/// // With an adapter: use redlock_tokio::{Observer, observed::{LockEvent, Observed}};
/// use redlock_core::observed::{LockEvent, Observed};
/// use redlock_core::shell::Observer;
///
/// struct Losses;
///
/// impl Observer for Losses {
///     fn observe(&self, observed: &Observed) {
///         if let Observed::Lock { event: LockEvent::Lost { loss, held_for }, .. } = observed {
///             eprintln!("a lock was lost after {held_for:?}: {loss}");
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Takes note of an event.
    fn observe(&self, observed: &Observed);

    /// Returns whether it has a use for events. It is asked now and then, and must be quick.
    ///
    /// Until one observer of a handle has, nothing is collected, and observing costs nearly nothing. From then on all of them
    /// are told what happens to the nodes and to the locks that are requested from then on.
    fn is_interested(&self) -> bool {
        true
    }
}

impl<O: Observer> Observer for Arc<O> {
    fn observe(&self, observed: &Observed) {
        (**self).observe(observed);
    }

    fn is_interested(&self) -> bool {
        (**self).is_interested()
    }
}

/// The observers of a handle, for shells.
#[derive(Default)]
pub struct Observers {
    all: Vec<Watching>,
    were_interested: AtomicBool,
    /// Somebody is telling them what has happened. Written by whoever has the locks.
    is_being_told: AtomicBool,
}

struct Watching {
    observer: Box<dyn Observer>,
    has_panicked: AtomicBool,
}

impl Observers {
    /// Adds one.
    pub fn push(&mut self, observer: impl Observer) {
        self.all.push(Watching { observer: Box::new(observer), has_panicked: AtomicBool::new(false) });
    }

    /// Returns whether one of them is interested, or was before.
    #[must_use]
    pub fn are_interested(&self) -> bool {
        if self.were_interested.load(Ordering::Relaxed) {
            return true;
        }
        let are_interested = self.all.iter().any(|watching| watching.observer.is_interested());
        if are_interested {
            self.were_interested.store(true, Ordering::Relaxed);
        }
        are_interested
    }

    /// Tells each observer all that has happened to the locks, except those that have panicked before; does nothing while
    /// somebody else is doing that. Whoever has begun takes what others add, so that the order is kept.
    ///
    /// `with_locks` runs what it is given on the locks, while nobody else has them. Neither they nor anything else that an
    /// observer could want may be held when this is called.
    pub fn tell_all(&self, with_locks: impl Fn(&mut dyn FnMut(&mut Locks))) {
        if !self.are_interested() {
            return;
        }
        let mut events = Vec::new();
        let mut goes_on = false;
        with_locks(&mut |locks| {
            // From the moment on in which one of them is interested.
            locks.observe(true);
            goes_on = !self.is_being_told.load(Ordering::Relaxed) && self.take_events(locks, &mut events);
        });
        while goes_on {
            self.tell(&events);
            events.clear();
            with_locks(&mut |locks| goes_on = self.take_events(locks, &mut events));
        }
    }

    /// Takes what has happened; returns whether there was anything, which the caller is to tell.
    fn take_events(&self, locks: &mut Locks, events: &mut Vec<Observed>) -> bool {
        events.extend(core::iter::from_fn(|| locks.poll_observed()));
        self.is_being_told.store(!events.is_empty(), Ordering::Relaxed);
        !events.is_empty()
    }

    fn tell(&self, events: &[Observed]) {
        self.all.iter().for_each(|watching| watching.tell(events));
    }
}

impl Watching {
    fn tell(&self, events: &[Observed]) {
        if self.has_panicked.load(Ordering::Relaxed) {
            return;
        }
        // This thread has work of others to do.
        let told = catch_unwind(AssertUnwindSafe(|| events.iter().for_each(|event| self.observer.observe(event))));
        self.has_panicked.store(told.is_err(), Ordering::Relaxed);
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").field("count", &self.all.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps what it is told, and does what it was told to.
    #[derive(Default)]
    struct Book {
        told: Mutex<Vec<Observed>>,
        panics: bool,
        is_interested: AtomicBool,
    }

    impl Observer for Book {
        fn observe(&self, observed: &Observed) {
            self.told.lock().unwrap().push(observed.clone());
            assert!(!self.panics, "as it was told to");
        }

        fn is_interested(&self) -> bool {
            self.is_interested.load(Ordering::Relaxed)
        }
    }

    impl Book {
        fn told(&self) -> Vec<Observed> {
            self.told.lock().unwrap().clone()
        }
    }

    fn observers(books: [&Arc<Book>; 2]) -> Observers {
        let mut observers = Observers::default();
        for book in books {
            observers.push(Arc::clone(book));
        }
        observers
    }

    #[test]
    fn one_that_panics_is_not_called_again_and_the_others_are_told_all() {
        let [panics, book] = [true, false].map(|panics| Arc::new(Book { panics, ..Book::default() }));
        let observers = observers([&panics, &book]);
        let events = [1, 2, 3].map(|count| Observed::Missed { count });
        observers.tell(&events[..2]);
        observers.tell(&events[2..]);
        assert_eq!(panics.told(), events[..1]);
        assert_eq!(book.told(), events);
    }

    #[test]
    fn it_is_enough_that_one_of_them_was_interested_once() {
        let [other, later] = [(); 2].map(|()| Arc::new(Book::default()));
        let observers = observers([&other, &later]);
        assert!(!observers.are_interested());
        later.is_interested.store(true, Ordering::Relaxed);
        assert!(observers.are_interested());
        later.is_interested.store(false, Ordering::Relaxed);
        assert!(observers.are_interested());
    }
}
