//! What waits for the earliest timer of all locks.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::Runtime;
use crate::shell::Shell;

/// Fires timers until the shell is over.
pub(crate) async fn run<R: Runtime>(shell: Arc<Shell<R>>, runtime: R) {
    while let Ok(next) = shell.fire_timers() {
        let due = match next {
            Some(next) => Either::Left(runtime.sleep_until(next)),
            None => Either::Right(pending()),
        };
        let earlier = poll_fn(|context| shell.poll_earlier_timer(context));
        select(pin!(due), pin!(earlier)).await;
    }
}
