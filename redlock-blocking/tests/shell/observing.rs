//! Observers: they are told what happens, in order, and cost nobody a lock.

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use redlock_blocking::observed::{LockEvent, NodeEvent, Observed};
use redlock_blocking::transport::Transport;
use redlock_blocking::{Node, NodeTimeout, Observer, Redlock, Unavailable};
use redlock_history::{History, Recorder};

use crate::link::{Link, Open, SOON, TTL};

/// Writes down what it is told.
#[derive(Default)]
struct Book {
    told: Mutex<Vec<Observed>>,
    changed: Condvar,
    is_busy: AtomicBool,
}

impl Observer for Book {
    fn observe(&self, observed: &Observed) {
        assert!(!self.is_busy.swap(true, Ordering::AcqRel), "it is told one event at a time");
        thread::yield_now();
        self.told.lock().unwrap().push(observed.clone());
        self.is_busy.store(false, Ordering::Release);
        self.changed.notify_all();
    }
}

impl Book {
    /// Waits until what was told is so.
    fn wait_until(&self, is_so: impl Fn(&[Observed]) -> bool) {
        let told = self.told.lock().unwrap();
        let (told, waited) = self.changed.wait_timeout_while(told, SOON, |told| !is_so(told)).unwrap();
        assert!(!waited.timed_out(), "{told:?}");
    }

    /// Waits until so many locks are settled; returns the events of each lock.
    fn lives(&self, settled: usize) -> BTreeMap<String, Vec<LockEvent>> {
        let is_settled = |observed: &&Observed| matches!(observed, Observed::Lock { event: LockEvent::Settled, .. });
        let too_few = |told: &mut Vec<Observed>| told.iter().filter(is_settled).count() < settled;
        let (told, waited) = self.changed.wait_timeout_while(self.told.lock().unwrap(), SOON, too_few).unwrap();
        assert!(!waited.timed_out(), "{told:?}");
        let mut lives: BTreeMap<String, Vec<LockEvent>> = BTreeMap::new();
        for observed in told.iter() {
            if let Observed::Lock { lock, event, .. } = observed {
                lives.entry(format!("{lock:?}")).or_default().push(event.clone());
            }
        }
        lives
    }
}

fn redlock(links: &[Link; 3], observe: impl FnOnce(redlock_blocking::Builder) -> redlock_blocking::Builder) -> Redlock {
    let nodes = ["one", "two", "three"].into_iter().zip(links).map(|(name, link)| Node::new(name, link.clone()));
    observe(Redlock::builder().nodes(nodes).node_timeout(NodeTimeout::fixed(SOON))).build().unwrap()
}

fn assert_whole(life: &[LockEvent]) {
    assert!(
        matches!(
            life,
            [
                LockEvent::Requested { .. },
                LockEvent::Acquired { .. },
                LockEvent::ReleaseBegun { .. },
                LockEvent::Released { .. },
                LockEvent::Settled
            ]
        ),
        "{life:?}"
    );
}

/// Else a node would stay up for ever in the figures of a program that has let its handle go.
#[test]
fn connections_that_are_closed_with_their_handle_are_told() {
    let (links, book) = (<[Link; 3]>::default(), Arc::new(Book::default()));
    let redlock = redlock(&links, |builder| builder.observer(book.clone()));
    drop(redlock.lock("job", TTL).unwrap());
    book.lives(1);
    drop(redlock);
    let reason = |observed: &Observed| match observed {
        Observed::Node { name, event: NodeEvent::Disconnected { why }, .. } => Some(format!("{name}: {why}")),
        _ => None,
    };
    book.wait_until(|told| told.iter().filter_map(reason).count() == 3);
    let told = book.told.lock().unwrap();
    let reasons: Vec<_> = told.iter().filter_map(reason).collect();
    assert!(reasons.iter().all(|reason| reason.ends_with("(the handle was dropped)")), "{reasons:?}");
}

fn is_up(observed: &Observed) -> bool {
    matches!(observed, Observed::Node { event: NodeEvent::Connected { .. }, .. })
}

fn is_down(observed: &Observed) -> bool {
    matches!(observed, Observed::Node { event: NodeEvent::Disconnected { .. }, .. })
}

/// Connects only when it is let.
struct Held(Link, mpsc::Receiver<()>);

impl Transport for Held {
    type Connection = Open;

    fn connect(&mut self, timeout: Duration) -> Result<Open, Unavailable> {
        let _ = self.1.recv();
        self.0.connect(timeout)
    }
}

#[test]
fn a_try_to_connect_that_ends_after_its_handle_begins_nothing_more() {
    for succeeds in [true, false] {
        let (links, book, (let_go, held)) = (<[Link; 3]>::default(), Arc::new(Book::default()), mpsc::channel());
        links[2].is_down(!succeeds);
        let nodes = ["one", "two"].into_iter().zip(&links).map(|(name, link)| Node::new(name, link.clone()));
        let nodes = nodes.chain([Node::new("three", Held(links[2].clone(), held))]);
        let redlock = Redlock::builder().nodes(nodes).connect_timeout(SOON).observer(book.clone()).build().unwrap();
        book.wait_until(|told| told.iter().filter(|observed| is_up(observed)).count() == 2);
        drop(redlock);
        book.wait_until(|told| told.iter().filter(|observed| is_down(observed)).count() == 3);
        drop(let_go);
        for link in &links {
            link.wait_until(|link| link.users() == 1);
        }
        assert_eq!(links.each_ref().map(Link::connects), [1, 1, 1]);
        let told = book.told.lock().unwrap();
        assert_eq!(told.len(), 5, "{told:?}");
    }
}

#[test]
fn an_observer_is_told_the_whole_life_of_every_lock_of_many_threads_in_order() {
    let (links, book) = (<[Link; 3]>::default(), Arc::new(Book::default()));
    let redlock = redlock(&links, |builder| builder.observer(book.clone()));
    thread::scope(|scope| {
        for worker in 0..8 {
            let redlock = &redlock;
            scope.spawn(move || {
                for round in 0..25 {
                    let name = format!("job-{}", (worker + round) % 5);
                    drop(redlock.lock(name, TTL).unwrap());
                }
            });
        }
    });
    let lives = book.lives(200);
    assert_eq!(lives.len(), 200);
    for life in lives.values() {
        assert_whole(life);
    }
    let told = book.told.lock().unwrap();
    let moments: Vec<_> = told.iter().filter_map(moment).collect();
    assert!(moments.is_sorted(), "in the order in which it happened");
    let connected =
        |observed: &&Observed| matches!(observed, Observed::Node { event: NodeEvent::Connected { .. }, .. });
    assert_eq!(told.iter().filter(connected).count(), 3);
}

fn moment(observed: &Observed) -> Option<redlock_blocking::Instant> {
    match observed {
        Observed::Lock { at, .. } | Observed::Node { at, .. } => Some(*at),
        _ => None,
    }
}

/// Asks the handle how it is at every event.
#[derive(Default)]
struct Uses {
    redlock: OnceLock<Redlock>,
    calls: AtomicUsize,
}

impl Observer for Uses {
    fn observe(&self, _: &Observed) {
        if let Some(redlock) = self.redlock.get() {
            assert_eq!(redlock.health().nodes.len(), 3);
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn an_observer_may_use_the_handle_because_the_mutex_is_free() {
    let (links, uses, book) = (<[Link; 3]>::default(), Arc::new(Uses::default()), Arc::new(Book::default()));
    let redlock = redlock(&links, |builder| builder.observer(uses.clone()).observer(book.clone()));
    uses.redlock.set(redlock.clone()).unwrap();
    redlock.lock("job", TTL).unwrap().release();
    for life in book.lives(1).values() {
        assert_whole(life);
    }
    assert!(uses.calls.load(Ordering::Relaxed) >= 5);
}

/// Is interested as soon as it is told to be.
#[derive(Default)]
struct Later {
    book: Book,
    is_interested: AtomicBool,
}

impl Observer for Later {
    fn observe(&self, observed: &Observed) {
        self.book.observe(observed);
    }

    fn is_interested(&self) -> bool {
        self.is_interested.load(Ordering::Acquire)
    }
}

/// As when a program gets its subscriber of `tracing` after its first lock.
#[test]
fn nothing_is_told_before_somebody_is_interested_and_all_from_then_on() {
    let (links, later) = (<[Link; 3]>::default(), Arc::new(Later::default()));
    let redlock = redlock(&links, |builder| builder.observer(later.clone()));
    redlock.lock("job", TTL).unwrap().release();
    assert!(later.book.told.lock().unwrap().is_empty());
    later.is_interested.store(true, Ordering::Release);
    // That somebody is interested is noticed behind a step, of this thread or of the one that keeps the locks alive.
    redlock.lock("job", TTL).unwrap().release();
    redlock.lock("job", TTL).unwrap().release();
    let begun = later.book.lives(1).len();
    assert!(begun <= 2);
    let lives = later.book.lives(begun);
    for life in lives.values() {
        assert_whole(life);
    }
}

/// It is the one for tasks as well.
#[test]
fn a_recorder_takes_what_happens_in_threads() {
    let (links, (page, pen)) = (<[Link; 3]>::default(), io::pipe().unwrap());
    let recorder = Recorder::new(pen).unwrap().by("worker");
    let redlock = redlock(&links, |builder| builder.observer(recorder));
    redlock.lock("job", TTL).unwrap().release();
    drop(redlock);
    let mut history = History::new();
    // To its end, which comes when the handle is gone.
    history.read(BufReader::new(page)).unwrap();
    let svg = history.picture().to_string();
    for text in ["1 process, 3 nodes, 1 lock;", ">worker<", "holds job for", "key of worker"] {
        assert!(svg.contains(text), "{text}: {svg}");
    }
}
