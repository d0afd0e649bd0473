//! How a connection learns that it leads to the wrong server.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;

/// Tells one task that a connection is to be given up, so that the next one goes to the right server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outdated(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_outdated: AtomicBool,
    waiting: AtomicWaker,
}

impl Outdated {
    pub(crate) fn tell(&self) {
        self.0.is_outdated.store(true, Ordering::Release);
        self.0.waiting.wake();
    }

    /// Waits until it is told. The latest caller is woken.
    pub(crate) fn wait(&self) -> impl Future<Output = ()> + Send + use<> {
        let Self(state) = self.clone();
        poll_fn(move |context| {
            state.waiting.register(context.waker());
            if state.is_outdated.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn whoever_waits_is_told_also_afterwards() {
        let outdated = Outdated::default();
        let mut waiting = outdated.wait();
        assert_eq!((&mut waiting).now_or_never(), None);
        outdated.tell();
        assert_eq!((waiting.now_or_never(), outdated.wait().now_or_never()), (Some(()), Some(())));
    }
}
