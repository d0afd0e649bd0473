use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redlock_core::{ExtendError, Instant, LockKey, Locks, OperationId};

/// The result of an extension.
pub(super) type Extended = Result<Instant, ExtendError>;

/// The turns in which a lock is extended that is held by name.
///
/// A turn belongs to the extension and not to the caller who has begun it: it is over when the extension is, also if its caller
/// is not polled any more, or is gone. Whoever wants to extend then sees to that.
#[derive(Debug, Default)]
pub struct Turn(Mutex<Extensions>);

#[derive(Debug, Default)]
struct Extensions {
    under_way: Option<UnderWay>,
    /// Those whose callers are there, with their results.
    awaited: Vec<(OperationId, Option<Extended>)>,
}

#[derive(Clone, Copy, Debug)]
struct UnderWay {
    operation: OperationId,
    /// The end of the lock's validity if it is confirmed, at the latest.
    until: Instant,
}

impl Turn {
    /// Begins an extension; `None` while another one is under way.
    ///
    /// # Errors
    ///
    /// As [`Locks::extend`].
    pub(super) fn begin(
        &self,
        locks: &mut Locks,
        key: LockKey,
        ttl: Duration,
        now: Instant,
    ) -> Option<Result<OperationId, ExtendError>> {
        let mut extensions = self.extensions();
        extensions.settle(locks, key);
        extensions.under_way.is_none().then(|| {
            let operation = locks.extend(key, ttl, now)?;
            extensions.under_way = Some(UnderWay { operation, until: now.saturating_add(ttl) });
            extensions.awaited.push((operation, None));
            Ok(operation)
        })
    }

    /// Takes the result of an extension; `None` as long as that is open.
    pub(super) fn take(&self, locks: &mut Locks, key: LockKey, operation: OperationId) -> Option<Extended> {
        let mut extensions = self.extensions();
        extensions.settle(locks, key);
        extensions.awaited.extract_if(.., |(awaited, result)| *awaited == operation && result.is_some()).next()?.1
    }

    /// Returns whether no extension is under way.
    pub(super) fn is_over(&self, locks: &mut Locks, key: LockKey) -> bool {
        let mut extensions = self.extensions();
        extensions.settle(locks, key);
        extensions.under_way.is_none()
    }

    /// Returns the end of the lock's validity, whatever becomes of an extension that is under way.
    pub(super) fn latest_deadline(&self, locks: &Locks, key: LockKey) -> Instant {
        let under_way = self.extensions().under_way;
        locks.deadline(key).max(under_way.map(|under_way| under_way.until)).unwrap_or_default()
    }

    /// Notes that the caller of an extension is gone.
    pub(super) fn forget(&self, operation: OperationId) {
        self.extensions().awaited.retain(|(awaited, _)| *awaited != operation);
    }

    fn extensions(&self) -> MutexGuard<'_, Extensions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Extensions {
    /// Keeps the result of the extension under way for its caller, if there is one.
    fn settle(&mut self, locks: &mut Locks, key: LockKey) {
        let Some(UnderWay { operation, .. }) = self.under_way else { return };
        let Some(extended) = locks.take_extended(key, operation) else { return };
        self.under_way = None;
        let mut awaited = self.awaited.iter_mut();
        if let Some((_, result)) = awaited.find(|(awaited, _)| *awaited == operation) {
            *result = Some(extended);
        }
    }
}

#[cfg(test)]
mod tests {
    use redlock_core::{Config, Facts, NodeId, Options, Reply, Request};

    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    /// Answers what is sent to the only node.
    fn answer(locks: &mut Locks, node: NodeId, now: Instant) {
        let mut batch = Vec::new();
        locks.poll_batch(node, &mut batch, now);
        for _ in batch {
            locks.handle_reply(node, Reply::Done, now);
        }
    }

    #[test]
    fn nothing_is_left_of_extensions_whose_callers_are_gone() {
        let config = Config::builder(["only"]).build().unwrap();
        let node = config.nodes().iter().next().unwrap();
        let (mut locks, now) = (Locks::new(config.clone()), Instant::EPOCH);
        assert!(locks.poll_connect(node));
        locks.handle_connected(node, Facts::default(), false, now);
        let key = locks.acquire(Request::new(&config, "job", TTL, Options::new()).unwrap(), [0; 32], now).unwrap();
        answer(&mut locks, node, now);
        locks.hand_over(key, now).unwrap().unwrap();

        let turn = Turn::default();
        for is_over_first in [true, false] {
            let operation = turn.begin(&mut locks, key, TTL, now).unwrap().unwrap();
            assert!(turn.begin(&mut locks, key, TTL, now).is_none());
            if is_over_first {
                answer(&mut locks, node, now);
                assert!(turn.is_over(&mut locks, key));
            }
            turn.forget(operation);
            answer(&mut locks, node, now);
            assert!(turn.is_over(&mut locks, key) && turn.extensions().awaited.is_empty());
        }
    }
}
