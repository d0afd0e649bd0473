//! Threads that take turns, and the time that passes.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, Thread, ThreadId};

use redlock_simulator::{Agenda, Dice, MICROSECOND, MILLISECOND, SECOND, Time};

use crate::scenario::{HEALED_AT, Threads};

/// No world takes longer.
const END_OF_TIME: Time = 600 * SECOND;
/// No world has more turns; the usual one has a thousand.
const MOST_TURNS: u64 = 500_000;
/// The thread that watches the world.
const WATCHER: usize = 0;

/// Something that happens by itself: a message arrives, a connection breaks.
type Occurrence = Box<dyn FnOnce() + Send>;

thread_local! {
    /// The number of this thread in its world.
    static NUMBER: Cell<usize> = const { Cell::new(WATCHER) };
}

/// Decides which thread runs. All of them belong to one world, and only one runs at a time.
pub(crate) struct Scheduler {
    state: Mutex<State>,
    /// The world has ended with a failure, and nobody waits any more.
    is_over: AtomicBool,
}

struct State {
    now: Time,
    running: usize,
    places: Vec<Place>,
    numbers: HashMap<ThreadId, usize>,
    agenda: Agenda<Occurrence>,
    dice: Dice,
    habits: Threads,
    turns: u64,
    stalls: Vec<(Time, Time)>,
    failure: Option<String>,
    history: Vec<String>,
}

/// One thread.
struct Place {
    /// Not known until it has been started.
    thread: Option<Thread>,
    status: Status,
    /// Somebody has unparked it, and it has not parked since.
    is_unparked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ready,
    /// It waits until it is woken, or for that time.
    Waiting {
        until: Option<Time>,
        is_parked: bool,
    },
    Ended,
}

impl Scheduler {
    /// Begins a world that the calling thread watches.
    pub(crate) fn new(dice: Dice, habits: Threads) -> Arc<Self> {
        NUMBER.set(WATCHER);
        let me = Place { thread: Some(thread::current()), status: Status::Ready, is_unparked: false };
        let state = State {
            now: SECOND,
            running: WATCHER,
            places: vec![me],
            numbers: HashMap::from([(thread::current().id(), WATCHER)]),
            agenda: Agenda::new(),
            dice,
            habits,
            turns: 0,
            stalls: Vec::new(),
            failure: None,
            history: Vec::new(),
        };
        Arc::new(Self { state: Mutex::new(state), is_over: AtomicBool::new(false) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// # For threads
impl Scheduler {
    pub(crate) fn now(&self) -> Time {
        let mut state = self.state();
        if self.is_over.load(Ordering::Relaxed) {
            // Whoever still waits for a time shall not wait for ever.
            state.now += MILLISECOND;
        }
        state.now
    }

    /// The number of the calling thread.
    pub(crate) fn current() -> usize {
        NUMBER.get()
    }

    /// Starts a thread that runs when it is its turn.
    pub(crate) fn spawn(self: &Arc<Self>, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
        let mut state = self.state();
        let number = state.places.len();
        state.places.push(Place { thread: None, status: Status::Ready, is_unparked: false });
        let (scheduler, name) = (self.clone(), name.to_owned());
        state.tell(|| format!("{name} is thread {number}"));
        let handle = thread::Builder::new().name(name).spawn(move || {
            NUMBER.set(number);
            scheduler.wait_for_turn(number);
            let result = catch_unwind(AssertUnwindSafe(work));
            scheduler.end(result.is_err());
        })?;
        let thread = handle.thread().clone();
        state.places[number].thread = Some(thread.clone());
        state.numbers.insert(thread.id(), number);
        Ok(thread)
    }

    /// A place where the calling thread may be interrupted: for a moment, or for longer.
    pub(crate) fn interrupt(&self) {
        let mut state = self.state();
        let State { dice, habits, now, .. } = &mut *state;
        if *now < HEALED_AT && dice.chance(habits.stall) {
            let until = *now + dice.magnitude(MICROSECOND..=habits.longest_stall);
            let stall = (*now, until);
            state.stalls.push(stall);
            state.tell(|| "stands still".into());
            self.wait(state, Some(until), false);
        } else if dice.chance(habits.switch) {
            self.hand_over(state, Status::Ready);
        }
    }

    /// Lets others go first, and time pass.
    pub(crate) fn yield_now(&self) {
        let until = self.now() + MICROSECOND;
        self.wait(self.state(), Some(until), false);
    }

    /// Waits until that time, whatever happens.
    pub(crate) fn sleep_until(&self, until: Time) {
        while self.now() < until {
            self.wait(self.state(), Some(until), false);
        }
    }

    pub(crate) fn sleep(&self, time: Time) {
        self.sleep_until(self.now() + time);
    }

    /// Waits until the thread is [woken](Self::wake), or until the time has come.
    pub(crate) fn wait_for_wake(&self, until: Option<Time>) {
        self.wait(self.state(), until, false);
    }

    /// Wakes a thread that [waits](Self::wait_for_wake).
    pub(crate) fn wake(&self, number: usize) {
        let place = &mut self.state().places[number];
        if matches!(place.status, Status::Waiting { is_parked: false, .. }) {
            place.status = Status::Ready;
        }
    }

    pub(crate) fn park(&self, until: Option<Time>) {
        let mut state = self.state();
        let me = Self::current();
        let was_unparked = std::mem::take(&mut state.places[me].is_unparked);
        // Threads may come back for no reason.
        if was_unparked || state.is_capricious() {
            return self.hand_over(state, Status::Ready);
        }
        self.wait(state, until, true);
        self.state().places[me].is_unparked = false;
    }

    pub(crate) fn unpark(&self, thread: &Thread) {
        let mut state = self.state();
        let Some(&number) = state.numbers.get(&thread.id()) else { return };
        let place = &mut state.places[number];
        place.is_unparked = true;
        if matches!(place.status, Status::Waiting { is_parked: true, .. }) {
            place.status = Status::Ready;
        }
    }

    /// Lets something happen at a time.
    pub(crate) fn note(&self, at: Time, occurrence: impl FnOnce() + Send + 'static) {
        self.state().agenda.note(at, Box::new(occurrence));
    }

    /// Ends the world with what is wrong in it.
    pub(crate) fn fail(&self, what: String) {
        let mut state = self.state();
        state.tell(|| format!("FAILURE: {what}"));
        state.failure.get_or_insert(what);
    }

    pub(crate) fn expect(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(what());
        }
    }

    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        self.state().tell(what);
    }

    /// For how long threads stood still since then, all together.
    pub(crate) fn stalled_since(&self, since: Time) -> Time {
        let state = self.state();
        state.stalls.iter().map(|(from, until)| until.saturating_sub(since.max(*from))).sum()
    }
}

/// # For the thread that watches
impl Scheduler {
    /// Lets the others go on until all of them have ended, or until that time; returns how many have not.
    pub(crate) fn watch(&self, until: Time) -> usize {
        loop {
            let state = self.state();
            let left = state.places[WATCHER + 1..].iter().filter(|place| place.status != Status::Ended).count();
            if left == 0 || state.now >= until || state.failure.is_some() {
                return left;
            }
            let at = (state.now + 10 * MILLISECOND).min(until);
            self.wait(state, Some(at), false);
        }
    }

    /// The history, what was wrong, and the number of turns.
    pub(crate) fn finish(&self) -> (Vec<String>, Option<String>, u64) {
        let mut state = self.state();
        (std::mem::take(&mut state.history), state.failure.clone(), state.turns)
    }
}

/// # Turns
impl Scheduler {
    fn wait(&self, state: MutexGuard<'_, State>, until: Option<Time>, is_parked: bool) {
        self.hand_over(state, Status::Waiting { until, is_parked });
    }

    /// Gives the turn to another thread, or to the same.
    fn hand_over(&self, mut state: MutexGuard<'_, State>, status: Status) {
        let me = Self::current();
        if self.is_over.load(Ordering::Relaxed) {
            return;
        }
        state.places[me].status = status;
        self.choose(state);
        self.wait_for_turn(me);
        if me == WATCHER && self.state().failure.is_some() {
            // The others never run again.
            self.is_over.store(true, Ordering::Relaxed);
            resume_unwind(Box::new("a failure"));
        }
    }

    fn end(&self, has_panicked: bool) {
        if has_panicked {
            self.fail(format!("thread {} panicked", Self::current()));
        }
        let mut state = self.state();
        state.places[Self::current()].status = Status::Ended;
        self.choose(state);
    }

    fn wait_for_turn(&self, me: usize) {
        while self.state().running != me {
            thread::park();
        }
    }

    /// Chooses who runs next; if nobody can, time passes.
    fn choose<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        state.turns += 1;
        state.now += state.dice.time(0..=2 * MICROSECOND);
        loop {
            let now = state.now;
            if let Some((_, occurrence)) =
                state.agenda.next_at().filter(|at| *at <= now).and_then(|_| state.agenda.take_next())
            {
                // Nobody else runs now.
                drop(state);
                occurrence();
                state = self.state();
                continue;
            }
            if state.turns > MOST_TURNS {
                state.failure.get_or_insert("somebody is busy for ever".into());
            }
            if state.failure.is_some() {
                return state.run(WATCHER);
            }
            if let Some(number) = state.draw_ready() {
                return state.run(number);
            }
            match state.next_at() {
                Some(next) if next <= END_OF_TIME => state.now = state.now.max(next),
                _ => drop(state.failure.insert("somebody waits, and nothing is left that could happen".into())),
            }
        }
    }
}

impl State {
    fn run(&mut self, number: usize) {
        self.running = number;
        self.places[number].status = Status::Ready;
        if number != Scheduler::current() {
            self.places[number].thread.as_ref().unwrap().unpark();
        }
    }

    fn draw_ready(&mut self) -> Option<usize> {
        let now = self.now;
        let is_ready = |place: &Place| match place.status {
            Status::Ready => true,
            Status::Waiting { until, .. } => until.is_some_and(|until| until <= now),
            Status::Ended => false,
        };
        let ready: Vec<usize> = (0..self.places.len()).filter(|number| is_ready(&self.places[*number])).collect();
        (!ready.is_empty()).then(|| self.dice.pick(&ready))
    }

    /// When something happens next.
    fn next_at(&self) -> Option<Time> {
        let waiting = self.places.iter().filter_map(|place| match place.status {
            Status::Waiting { until, .. } => until,
            _ => None,
        });
        waiting.chain(self.agenda.next_at()).min()
    }

    fn is_capricious(&mut self) -> bool {
        self.now < HEALED_AT && self.dice.chance(self.habits.caprice)
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        let line = format!("{:>12.6} ms [{}] {}", self.now as f64 / MILLISECOND as f64, NUMBER.get(), what());
        self.history.push(line);
    }
}
