//! What waits for the earliest timer of all locks.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::Runtime;
use crate::engine::Engine;

/// Fires timers until the engine is over.
pub(crate) async fn run<R: Runtime>(engine: Arc<Engine<R>>, runtime: R) {
    while let Ok(next) = engine.fire_timers() {
        let due = match next {
            Some(next) => Either::Left(runtime.sleep_until(next)),
            None => Either::Right(pending()),
        };
        let earlier = poll_fn(|context| engine.poll_earlier_timer(next, context));
        select(pin!(due), pin!(earlier)).await;
    }
}
