//! What tasks run on.

use std::pin::pin;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

/// What a contestant's tasks are and how they sleep.
pub(crate) trait Executor: 'static {
    /// Runs `work` to its end, with everything that it spawns.
    fn run<T: Send + 'static>(flavour: Flavour, work: impl Future<Output = T> + Send + 'static) -> T;

    /// Begins a task at once; the future waits for its result.
    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static;

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send;
}

/// The kind of tokio's runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Flavour {
    /// Two threads.
    Multi,
    /// The thread that it is started on.
    Current,
}

const WORKERS: usize = 2;

pub(crate) struct Tokio;

impl Executor for Tokio {
    fn run<T: Send + 'static>(flavour: Flavour, work: impl Future<Output = T> + Send + 'static) -> T {
        let mut builder = match flavour {
            Flavour::Multi => tokio::runtime::Builder::new_multi_thread(),
            Flavour::Current => tokio::runtime::Builder::new_current_thread(),
        };
        let runtime = builder.worker_threads(WORKERS).enable_all().build().expect("a runtime can be made");
        runtime.block_on(work)
    }

    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        tokio::spawn(task).map(|result| result.expect("the task does not panic"))
    }

    async fn sleep(duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Its number of threads is that of the cores.
pub(crate) struct AsyncStd;

impl Executor for AsyncStd {
    fn run<T: Send + 'static>(_: Flavour, work: impl Future<Output = T> + Send + 'static) -> T {
        async_std::task::block_on(work)
    }

    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        async_std::task::spawn(task)
    }

    async fn sleep(duration: Duration) {
        async_std::task::sleep(duration).await;
    }
}

/// A thread for each task. Its futures block where others would be pending, so that workloads are written once.
pub(crate) struct Threads;

impl Executor for Threads {
    fn run<T: Send + 'static>(_: Flavour, work: impl Future<Output = T> + Send + 'static) -> T {
        pin!(work).now_or_never().expect("a blocking contestant is never pending")
    }

    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let thread = thread::spawn(|| Self::run(Flavour::Multi, task));
        async { thread.join().expect("the thread does not panic") }
    }

    async fn sleep(duration: Duration) {
        thread::sleep(duration);
    }
}
