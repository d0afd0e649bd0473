//! The one task of a handle.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::engine::Engine;
use crate::{Runtime, timer};

/// A part of what the task does.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs the couriers and the timer until the engine is over.
///
/// They are one task because they wake each other and the callers all the time: inside one task that costs no change of
/// thread, and a call that sends to all nodes starts the task once. Only the part that was woken is polled.
pub(crate) async fn run<R: Runtime>(engine: Arc<Engine<R>>, couriers: Vec<Work>) {
    let mut parts: FuturesUnordered<Work> = couriers.into_iter().collect();
    parts.push(Box::pin(timer::run(engine)));
    while parts.next().await.is_some() {}
}
