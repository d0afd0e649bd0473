//! Time that stands still until a test moves it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_channel::oneshot;
use redlock_driver::{Instant, NoEntropy, Runtime};
use tokio::task::yield_now;

/// After so many turns of the scheduler the tasks of the driver have nothing to do any more.
const TURNS: usize = 32;

/// What takes longer than this will never happen.
const FOREVER: Duration = Duration::from_secs(3_600);

/// The runtime of the tests: tokio's tasks, a clock that is set by hand, and seeds that are counted.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Instant,
    /// A sleeper wakes when its sender is dropped.
    sleepers: Vec<(Instant, oneshot::Sender<()>)>,
    seeds: u64,
    turns: usize,
    has_no_entropy: bool,
}

struct Flag(AtomicBool);

impl Clock {
    /// Moves the time forward. The tasks that this wakes run when the test waits next.
    pub(crate) fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.now = state.now.saturating_add(by);
        state.wake_sleepers();
    }

    /// Waits for `future`; time passes only when nothing else can happen.
    pub(crate) async fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        let last = self.now().saturating_add(FOREVER);
        loop {
            for _ in 0..TURNS {
                // Polled only when it was woken, so that nobody forgets to do so.
                if woken.0.swap(false, Ordering::AcqRel)
                    && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return output;
                }
                yield_now().await;
            }
            self.advance_to_next();
            assert!(self.now() < last, "it never comes to an end");
        }
    }

    /// Lets the operating system run out of random bytes.
    pub(crate) fn exhaust_entropy(&self) {
        self.state().has_no_entropy = true;
    }

    /// How many turns the tasks have had.
    pub(crate) fn turns(&self) -> usize {
        self.state().turns
    }

    /// Moves the time forward until somebody's sleep is over.
    fn advance_to_next(&self) {
        let mut state = self.state();
        state.wake_sleepers();
        let next = state.sleepers.iter().map(|(at, _)| *at).min();
        state.now = next.expect("nothing is left that could happen");
        state.wake_sleepers();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// Lets all tasks run until they have nothing to do; no time passes.
pub(crate) async fn settle() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}

impl State {
    /// Also forgets those who no longer sleep.
    fn wake_sleepers(&mut self) {
        let now = self.now;
        self.sleepers.retain(|(at, sender)| *at > now && !sender.is_canceled());
    }
}

impl Runtime for Clock {
    fn now(&self) -> Instant {
        self.state().now
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
        let (sender, over) = oneshot::channel();
        let mut state = self.state();
        if deadline > state.now {
            state.sleepers.push((deadline, sender));
        }
        async { over.await.unwrap_or_default() }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let clock = self.clone();
        let mut task = Box::pin(task);
        tokio::spawn(poll_fn(move |context| {
            clock.state().turns += 1;
            task.as_mut().poll(context)
        }));
    }

    fn seed(&self) -> Result<[u8; 32], NoEntropy> {
        let mut state = self.state();
        if state.has_no_entropy {
            return Err(NoEntropy::new("the test took it"));
        }
        state.seeds += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&state.seeds.to_be_bytes());
        Ok(seed)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
