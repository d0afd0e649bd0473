//! The leader's work: sending, waiting and reading for all threads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redlock_core::{Hearing, Instant, LockKey, Locks, NodeId};

use super::connecting::Made;
use super::io::Io;
use super::{Shell, State, StateGuard};

/// A connection that was not looked at for so long may have broken meanwhile.
pub(super) const IDLE: Duration = Duration::from_millis(10);

/// So long at most whoever lets a lock go waits until the leader has sent the releases.
const MAX_SEND_WAIT: Duration = Duration::from_millis(20);

impl Shell {
    /// Waits until `look` has seen what it is looking for.
    pub(super) fn wait<'a, T>(
        self: &'a Arc<Self>,
        state: StateGuard<'a>,
        key: Option<LockKey>,
        look: impl FnMut(&mut Locks, Instant) -> Option<T>,
    ) -> T {
        self.wait_until(state, key, None, look).expect("it has no time limit")
    }

    /// Waits until `look` has seen what it is looking for, or until it is too late. Whoever finds the connections free
    /// takes them and leads; the others park until they are told.
    pub(super) fn wait_until<'a, T>(
        self: &'a Arc<Self>,
        mut state: StateGuard<'a>,
        key: Option<LockKey>,
        until: Option<Instant>,
        mut look: impl FnMut(&mut Locks, Instant) -> Option<T>,
    ) -> Option<T> {
        let mut has_told = false;
        let seen = loop {
            let now = self.platform.now();
            let seen = look(&mut state.locks, now);
            if seen.is_some() || until.is_some_and(|until| now >= until) {
                break seen;
            }
            state.collect();
            let leads = state.io.is_some();
            let has_to_tell = !leads && !has_told && state.is_observed;
            if has_to_tell || state.waiters.wakes.has_calls() {
                // Before this thread leads, or parks: what is called may want somebody to lead, or park by itself.
                self.attend(state);
                state = self.state();
                has_told = true;
                continue;
            }
            has_told = false;
            state = if leads { self.turn(state, until) } else { self.park(state, key, until) };
        };
        state.keeper.has_been_busy();
        self.attend(state);
        seen
    }

    /// Makes sure that what is new is done by somebody, without waiting: by this thread, if nobody leads.
    pub(super) fn attend<'a>(self: &'a Arc<Self>, mut state: StateGuard<'a>) {
        state.collect();
        while state.has_work() && state.io.is_some() {
            state = self.turn(state, Some(Instant::EPOCH));
            state.collect();
        }
        // Somebody has to lead those who wait, or to look after what nobody waits for.
        if state.io.is_some() && !state.waiters.wake_oldest() {
            state.schedule_keeper(self.platform.now());
        }
        if state.is_over() {
            state.wake_keeper();
        }
        self.unlock(state);
    }

    /// Sends what there is to send, waits for replies until the next timer or `until`, and hands them out: nothing of that
    /// while somebody else leads.
    pub(super) fn turn<'a>(self: &'a Arc<Self>, mut state: StateGuard<'a>, until: Option<Instant>) -> StateGuard<'a> {
        let Some(mut io) = state.io.take() else { return state };
        let now = self.platform.now();
        if now.saturating_since(io.used_at) > IDLE {
            io.look_at_all(&mut state.locks, now);
        }
        self.serve_nodes(&mut io, &mut state, now);
        state.collect();
        let calls_at = state.waiters.wakes.has_calls().then_some(now);
        let next = [until, state.locks.poll_timeout(), calls_at].into_iter().flatten().min();
        let timeout = next.map(|next| next.saturating_since(now));
        state.leader.sleeps = timeout.is_none_or(|timeout| !timeout.is_zero());
        state.leader.wakes_at = next;
        self.is_sending.store(true, Ordering::Release);
        self.unlock_and_wake(state);
        io.send();
        self.is_sending.store(false, Ordering::Release);
        self.tell_observers();
        io.read(timeout);
        let mut state = self.state();
        state.leader.sleeps = false;
        let now = self.platform.now();
        io.deliver(&mut state.locks, now, now);
        state.locks.handle_timeout(now);
        state.io = Some(io);
        state
    }

    /// Waits until whoever leads has sent what is queued, as far as the connections take it.
    pub(super) fn wait_until_sent(self: &Arc<Self>) {
        let until = self.platform.now().saturating_add(MAX_SEND_WAIT);
        loop {
            let mut state = self.state();
            state.collect();
            if state.io.is_some() {
                return self.attend(state);
            }
            let is_sent = state.ready.is_empty() && !self.is_sending.load(Ordering::Acquire);
            self.unlock(state);
            if is_sent || self.platform.now() >= until {
                return;
            }
            self.platform.yield_now();
        }
    }

    /// Takes new connections, has missing ones opened, and takes the commands that are to be sent.
    fn serve_nodes(self: &Arc<Self>, io: &mut Io, state: &mut State, now: Instant) {
        for (node, Made { connection, facts, hearing }, apart) in std::mem::take(&mut state.opened) {
            if apart.is_none() {
                state.locks.handle_connected(node, facts, hearing != Hearing::Never, now);
            }
            io.take(node, connection, hearing, apart);
        }
        state.collect();
        for node in self.config.nodes().iter() {
            if state.ready.contains(node) || state.locks.has_batch(node) {
                state.ready.remove(node);
                self.serve_node(io, state, node, now);
            }
        }
    }

    fn serve_node(self: &Arc<Self>, io: &mut Io, state: &mut State, node: NodeId, now: Instant) {
        if state.locks.poll_connect(node) {
            io.close(node);
            self.connect(node, None, state, now);
        }
        let Some(stream) = io.stream(node) else { return };
        if let Some(waiter) = state.locks.poll_subscribe(node, now) {
            match stream.hearing {
                Hearing::Never => {}
                Hearing::Shared => stream.subscribing = Some(waiter),
                Hearing::Apart => self.connect(node, Some(waiter), state, now),
            }
        }
        if !stream.is_full() {
            state.locks.poll_batch(node, &mut stream.batch, now);
        }
    }

    fn park<'a>(&'a self, mut state: StateGuard<'a>, key: Option<LockKey>, until: Option<Instant>) -> StateGuard<'a> {
        state.waiters.park(key);
        self.unlock_and_wake(state);
        self.platform.park(until);
        let mut state = self.state();
        state.waiters.leave();
        state
    }
}
