//! What the shell knows of its task: whether it is there, and what happens when it is not.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use redlock_core::{Cause, Unavailable};

use super::Shell;
use crate::{NoRuntime, Runtime};

impl<R: Runtime> Shell<R> {
    /// Notes that there is a task from now on; `false` if there was one already.
    pub(crate) fn begin_task(&self) -> bool {
        !self.has_task.swap(true, Ordering::SeqCst)
    }

    /// Returns whether a node may still have a key of a lock that nobody holds.
    pub(crate) fn has_unsettled(&self) -> bool {
        self.state().locks.unsettled() > 0
    }

    /// Notes that the task is not to be started again.
    pub(crate) fn give_up_task(&self) {
        self.task_has_failed.store(true, Ordering::SeqCst);
    }

    /// Returns whether the task may be started again.
    pub(crate) fn may_start_task(&self) -> bool {
        !self.task_has_failed.load(Ordering::SeqCst)
    }

    /// Notes that the task is gone with all connections, and wakes all who wait for it: whoever runs on another runtime
    /// starts it there.
    pub(crate) fn end_task(&self) {
        // Whoever registers from now on sees it afterwards; whoever has registered before is woken.
        self.has_task.store(false, Ordering::SeqCst);
        self.work(|state, now, wakes| {
            let why = if state.abandoned { "the handle was dropped" } else { "the async runtime has ended" };
            state.locks.start_over(&Unavailable::with_detail(Cause::Disconnected, why), now);
            state.waiters.take_all(wakes);
            wakes.take_all_from(&mut state.closing);
            wakes.take_all_from(&mut state.inspecting);
        });
    }

    /// Returns whether the task is there.
    pub(crate) fn has_task(&self) -> bool {
        self.has_task.load(Ordering::SeqCst)
    }

    /// Answers all commands that wait to be sent, because there is nobody who could send them.
    pub(crate) fn refuse_waiting(&self, why: &NoRuntime) {
        let why = Unavailable::with_detail(Cause::NotSent, &why.to_string());
        self.work(|state, now, _| state.locks.refuse_waiting(&why, now));
    }

    /// Lets a caller wait, unless what would wake it is gone: then it is to look again at once.
    ///
    /// To be called after the caller was registered, and not while the state is locked, because it runs the caller's waker.
    pub(super) fn waits<T>(&self, context: &Context<'_>, poll: Poll<T>) -> Poll<T> {
        if poll.is_pending() {
            self.look_again_without_task(context);
        }
        poll
    }

    pub(super) fn look_again_without_task(&self, context: &Context<'_>) {
        if !self.has_task() {
            context.waker().wake_by_ref();
        }
    }
}
