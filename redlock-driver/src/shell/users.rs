//! What users' futures and guards ask for.

use std::task::{Context, Poll};
use std::time::Duration;

use redlock_core::health::Health;
use redlock_core::{
    DetachedLock, ExtendError, HandedOver, InspectionKey, Instant, LockKey, LockStatus, Locks, Loss, OperationId,
    ReleaseReport, Request, RequestError, Resource,
};

use super::wakes::{Wakes, register_in};
use super::{Shell, WatcherId};
use crate::carrier::Urgency;
use crate::{AcquireError, CloseReport, Runtime};

impl<R: Runtime> Shell<R> {
    /// Starts to acquire, and waits for the result.
    pub(crate) fn begin_acquire(
        &self,
        request: Request,
        seed: [u8; 32],
        context: &Context<'_>,
    ) -> Result<LockKey, AcquireError> {
        let begun = self.work(|state, now, wakes| {
            let key = state.locks.acquire(request, seed, now)?;
            state.waiters.wait(key, context, wakes);
            Ok(key)
        });
        self.look_again_without_task(context);
        begun
    }

    /// Waits for the result of an acquisition, and hands the lock over in the moment of the answer.
    pub(crate) fn poll_acquire(&self, key: LockKey, context: &Context<'_>) -> Poll<Result<HandedOver, AcquireError>> {
        let poll = self.work(|state, now, wakes| {
            let result = state.locks.hand_over(key, now);
            let handed_over = result.map(|result| result.map(|_deadline| HandedOver::of(&state.locks, key)));
            state.ready_or_wait(key, context, handed_over, wakes)
        });
        self.waits(context, poll).map_err(Into::into)
    }

    pub(crate) fn extend(&self, key: LockKey, ttl: Duration) -> Result<OperationId, ExtendError> {
        self.work(|state, now, _| state.locks.extend(key, ttl, now))
    }

    pub(crate) fn poll_extend(
        &self,
        key: LockKey,
        extension: OperationId,
        context: &Context<'_>,
    ) -> Poll<Result<Instant, ExtendError>> {
        let mut wakes = Wakes::default();
        let poll = {
            let mut state = self.state();
            let result = state.locks.take_extended(key, extension);
            state.ready_or_wait(key, context, result, &mut wakes)
        };
        wakes.wake();
        self.waits(context, poll)
    }

    /// Starts to release, unless it `has_begun`, and waits for the result. With that, the lock is abandoned.
    pub(crate) fn poll_release(&self, key: LockKey, has_begun: bool, context: &Context<'_>) -> Poll<ReleaseReport> {
        let poll = self.work(|state, now, wakes| {
            if !has_begun {
                state.locks.release(key, now);
                // The caller is no watcher: it waits for more than the end of the lock.
                state.wake_finished(wakes);
            }
            let result = state.locks.take_released(key);
            if result.is_some() {
                state.locks.abandon(key, now);
            }
            state.ready_or_wait(key, context, result, wakes)
        });
        self.waits(context, poll)
    }

    /// Leaves a lock to its keys: nobody will ask for it again. Yields what is needed to adopt it, or how it was lost.
    pub(crate) fn detach(&self, key: LockKey) -> Result<DetachedLock, Loss> {
        self.work_and_send(Urgency::Last, |state, now, _| state.locks.detach(key, now))
    }

    /// Releases what there may be and leaves the rest to the task: nobody will ask for this lock again.
    pub(crate) fn abandon(&self, key: LockKey) {
        // A waker that stays would keep the caller's task in memory until the place is needed again.
        let caller = self.work_and_send(Urgency::Last, |state, now, _| {
            state.locks.abandon(key, now);
            state.waiters.forget_caller(key)
        });
        drop(caller);
    }

    /// Looks at the locks, and takes no step. The look must not use this shell.
    #[cfg(feature = "cache")]
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Locks) -> T) -> T {
        look(&mut self.state().locks)
    }

    /// Returns the end of the validity of a lock that was handed over.
    pub(crate) fn deadline(&self, key: LockKey) -> Option<Instant> {
        self.state().locks.deadline(key)
    }

    /// The present moment, on the clock of all deadlines.
    pub(crate) fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// Returns the end of the validity of a lock that was handed over, or how it came to its end.
    pub(crate) fn check(&self, key: LockKey) -> Result<Instant, Loss> {
        self.work(|state, now, _| state.locks.check(key, now))
    }

    /// Waits until the lock is held no longer, as with [`poll_watching`](Self::poll_watching).
    pub(crate) fn poll_lost(&self, key: LockKey, id: &mut Option<WatcherId>, context: &Context<'_>) -> Poll<Loss> {
        self.poll_watching(key, id, context, |locks, now| {
            locks.check(key, now).err().map_or(Poll::Pending, Poll::Ready)
        })
    }

    /// Takes a step, and waits until there is news of the lock if the step says so: one of several who may do that. Whoever waits
    /// no more says [so](Self::forget_watcher), by the `id` that it gets here.
    ///
    /// The step must not use this shell.
    pub(crate) fn poll_watching<T>(
        &self,
        key: LockKey,
        id: &mut Option<WatcherId>,
        context: &Context<'_>,
        step: impl FnOnce(&mut Locks, Instant) -> Poll<T>,
    ) -> Poll<T> {
        let poll = self.work(|state, now, wakes| {
            let poll = step(&mut state.locks, now);
            if poll.is_pending() {
                state.waiters.watch(key, id, context, wakes);
            }
            poll
        });
        self.waits(context, poll)
    }

    /// Notes that one does not wait for news of a lock any more.
    pub(crate) fn forget_watcher(&self, key: LockKey, id: WatcherId) {
        let waker = self.state().waiters.forget_watcher(key, id);
        drop(waker);
    }

    /// Ends all acquisitions and takes no new ones.
    pub(crate) fn close(&self) {
        self.work(|state, now, _| state.locks.close(now));
    }

    /// Waits until every release was answered, or its node's time has passed.
    pub(crate) fn poll_closed(&self, context: &Context<'_>) -> Poll<CloseReport> {
        let poll = {
            let mut state = self.state();
            if state.locks.is_quiet() {
                return Poll::Ready(state.locks.close_report());
            }
            register_in(&mut state.closing, context);
            Poll::Pending
        };
        self.waits(context, poll)
    }

    /// Starts to ask all nodes how a lock stands.
    pub(crate) fn begin_inspection(&self, name: Resource) -> Result<InspectionKey, RequestError> {
        self.work(|state, now, _| state.locks.inspect(name, now))
    }

    /// Waits for the result of an inspection.
    pub(crate) fn poll_inspection(&self, key: InspectionKey, context: &Context<'_>) -> Poll<LockStatus> {
        let poll = {
            let mut state = self.state();
            let result = state.locks.take_inspected(key);
            if result.is_none() {
                register_in(&mut state.inspecting, context);
            }
            result.map_or(Poll::Pending, Poll::Ready)
        };
        self.waits(context, poll)
    }

    /// Notes that nobody waits for an inspection any more. Those who wait for others are woken, and wait again: nobody knows which
    /// waker is whose.
    pub(crate) fn forget_inspection(&self, key: InspectionKey) {
        self.work(|state, _, wakes| {
            state.locks.forget_inspection(key);
            wakes.take_all_from(&mut state.inspecting);
        });
    }

    /// Returns how the nodes and the locks are.
    pub(crate) fn health(&self) -> Health {
        self.state().locks.health(self.runtime.now())
    }

    /// Returns what is left when nobody can wait for more.
    pub(crate) fn close_report(&self) -> CloseReport {
        self.state().locks.close_report()
    }

    /// Notes that the last handle is gone: the task ends when all locks are settled.
    pub(crate) fn let_go(&self) {
        self.work(|state, _, _| state.abandoned = true);
    }
}
