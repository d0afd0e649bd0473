//! Time and tasks on the runtime of whichever adapter.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use redlock_driver::Runtime;

use crate::adapter::Adapter;

pub(crate) async fn sleep<A: Adapter>(duration: Duration) {
    let runtime = A::runtime();
    runtime.sleep_until(runtime.now().saturating_add(duration)).await;
}

/// What comes of the future within this time. It is dropped when the time is over.
pub(crate) async fn timeout<A: Adapter, F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    match select(pin!(future), pin!(sleep::<A>(limit))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Starts a task; the receiver gets what comes of it, and an error if it panics.
pub(crate) fn spawn<A: Adapter, F>(task: F) -> oneshot::Receiver<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    A::runtime().spawn(async {
        // Nobody has to wait for it.
        let _ = sender.send(task.await);
    });
    receiver
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
