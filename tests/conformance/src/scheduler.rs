use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use futures_executor::block_on;
use futures_util::future::{BoxFuture, Either, FutureExt, select};
use redlock_driver::Runtime;

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(1);

/// Time and tasks, on whichever runtime, or on threads where there is none.
#[derive(Clone)]
pub struct Scheduler {
    sleep: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
    spawn: Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>,
}

impl Scheduler {
    /// That of a runtime.
    pub fn on(runtime: &impl Runtime) -> Self {
        let (timer, tasks) = (runtime.clone(), runtime.clone());
        let sleep = move |duration| timer.sleep_until(timer.now().saturating_add(duration)).boxed();
        Self { sleep: Arc::new(sleep), spawn: Arc::new(move |task| tasks.spawn(task)) }
    }

    /// A thread for everything.
    #[must_use]
    pub fn of_threads() -> Self {
        let sleep = |duration| on_a_thread(move || thread::sleep(duration)).boxed();
        let spawn = |task| drop(thread::spawn(move || block_on(task)));
        Self { sleep: Arc::new(sleep), spawn: Arc::new(spawn) }
    }

    /// Waits for some time.
    pub async fn sleep(&self, duration: Duration) {
        (self.sleep)(duration).await;
    }

    /// What comes of the future within `limit`. It is dropped when the time is over.
    pub async fn within<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        match select(pin!(future), pin!(self.sleep(limit))).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }

    /// Starts a task; the receiver gets what comes of it, and an error if it panics.
    pub fn spawn<F>(&self, task: F) -> oneshot::Receiver<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        // Nobody has to wait for it.
        (self.spawn)(async { drop(sender.send(task.await)) }.boxed());
        receiver
    }

    /// Asks every millisecond whether `condition` holds, at least once and for at most `limit`; returns whether it did.
    pub async fn wait_until(&self, limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
        let begin = Instant::now();
        loop {
            if condition() {
                return true;
            }
            if begin.elapsed() >= limit {
                return false;
            }
            self.sleep(PAUSE).await;
        }
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

/// Does the work on a thread of its own, from the first poll on. It goes on when the future is dropped.
pub(crate) async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = oneshot::channel();
    // What nobody waits for any more is dropped there.
    thread::spawn(move || drop(sender.send(work())));
    receiver.await.expect("the thread panicked, and has said so")
}

/// Lets other tasks go first.
pub(crate) async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
