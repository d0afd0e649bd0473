use std::mem;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Waker};

/// Wakers that were met while the shell's state was locked, to be woken after it is unlocked.
#[derive(Default)]
pub(super) struct Wakes {
    /// Most often there is none or this one.
    first: Option<Waker>,
    others: Vec<Waker>,
    /// Those that wait no more. To drop one may end a task, which lets go of its guards.
    outdated: Vec<Waker>,
}

impl Wakes {
    /// Remembers to wake whoever waits in this slot.
    pub(super) fn take_from(&mut self, slot: &mut Option<Waker>) {
        if let Some(waker) = slot.take() {
            self.push(waker);
        }
    }

    /// Remembers to wake all who wait in this list.
    pub(super) fn take_all_from(&mut self, waiting: &mut Vec<Waker>) {
        self.extend(waiting.drain(..));
    }

    /// Remembers to wake all of these.
    pub(super) fn extend(&mut self, waiting: impl IntoIterator<Item = Waker>) {
        waiting.into_iter().for_each(|waker| self.push(waker));
    }

    fn push(&mut self, waker: Waker) {
        match &self.first {
            None => self.first = Some(waker),
            Some(_) => self.others.push(waker),
        }
    }

    /// Makes a slot wake the task of `context`.
    pub(super) fn register(&mut self, slot: &mut Option<Waker>, context: &Context<'_>) {
        match slot {
            Some(waker) => self.renew(waker, context),
            None => *slot = Some(context.waker().clone()),
        }
    }

    /// Makes a waker one of the task of `context`.
    pub(super) fn renew(&mut self, waker: &mut Waker, context: &Context<'_>) {
        if !waker.will_wake(context.waker()) {
            self.outdated.push(mem::replace(waker, context.waker().clone()));
        }
    }

    /// Wakes them. A waker that panics is the business of whoever made it: this thread has work of others to do.
    pub(super) fn wake(self) {
        let Self { first, others, outdated: _outdated } = self;
        if let Some(first) = first {
            wake(first);
            others.into_iter().for_each(wake);
        }
    }
}

fn wake(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}

/// Makes a slot wake the task of `context`, which is a part of the handle's own: nothing happens when its waker is dropped.
pub(super) fn register(slot: &mut Option<Waker>, context: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(context.waker()),
        None => *slot = Some(context.waker().clone()),
    }
}

/// Makes a list wake the task of `context`, once.
pub(super) fn register_in(waiting: &mut (impl Extend<Waker> + Deref<Target = [Waker]>), context: &Context<'_>) {
    if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
        waiting.extend([context.waker().clone()]);
    }
}
