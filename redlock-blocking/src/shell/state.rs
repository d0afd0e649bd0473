//! What the mutex of the shell guards.

use std::collections::VecDeque;
use std::sync::MutexGuard;

use redlock_core::{Instant, Locks, NodeSet, WaiterId};

use super::connecting::Opened;
use super::io::Io;
use super::keeper::Keeper;
use super::waiters::Waiters;

/// The state, while the mutex is held.
pub(super) type StateGuard<'a> = MutexGuard<'a, State>;

pub(super) struct State {
    pub(super) locks: Locks,
    pub(super) waiters: Waiters,
    /// The connections, unless a leader has them.
    pub(super) io: Option<Box<Io>>,
    pub(super) leader: Leader,
    /// No release waited for a node when this was last looked at.
    is_quiet: bool,
    /// The nodes that have something new for the leader.
    pub(super) ready: NodeSet,
    /// The connections that each node's thread is to open, the first one being what it is doing: for commands, or to
    /// subscribe under a name.
    pub(super) wanted: Vec<VecDeque<Option<WaiterId>>>,
    /// Connections that were made, for the leader to take.
    pub(super) opened: Vec<Opened>,
    pub(super) keeper: Keeper,
    /// There are observers to be told what happens.
    pub(super) is_observed: bool,
    /// No handle and no guard is left.
    pub(super) is_abandoned: bool,
}

/// What is known of the thread that leads.
#[derive(Default)]
pub(super) struct Leader {
    /// It waits for connections, and has to be interrupted when there is something new.
    pub(super) sleeps: bool,
    /// When it goes on by itself.
    pub(super) wakes_at: Option<Instant>,
    /// A result is there that no parked thread waits for: it may be its own.
    has_news: bool,
}

impl State {
    pub(super) fn new(locks: Locks, io: Io, nodes: usize) -> Self {
        Self {
            locks,
            waiters: Waiters::default(),
            io: Some(Box::new(io)),
            leader: Leader::default(),
            is_quiet: true,
            ready: NodeSet::EMPTY,
            wanted: (0..nodes).map(|_| VecDeque::new()).collect(),
            opened: Vec::new(),
            keeper: Keeper::default(),
            is_observed: false,
            is_abandoned: false,
        }
    }

    /// Remembers whom the last steps concern.
    pub(super) fn collect(&mut self) {
        while let Some(node) = self.locks.poll_ready() {
            self.ready.insert(node);
        }
        while let Some(key) = self.locks.poll_finished() {
            self.leader.has_news |= !self.waiters.finish(key, &mut self.locks);
        }
        let was_quiet = std::mem::replace(&mut self.is_quiet, self.locks.is_quiet());
        let inspected = std::iter::from_fn(|| self.locks.poll_inspected()).count();
        if inspected > 0 || self.is_quiet && !was_quiet {
            self.waiters.wake_those(|key| key.is_none());
            self.leader.has_news = true;
        }
    }

    /// Returns whether the leader sleeps and is to be interrupted, for what was collected; it is told only once.
    pub(super) fn interrupts_leader(&mut self) -> bool {
        let is_earlier = |next| self.leader.wakes_at.is_none_or(|wakes_at| next < wakes_at);
        let has_earlier_timer = self.locks.poll_timeout().is_some_and(is_earlier);
        let has_news = std::mem::take(&mut self.leader.has_news) || has_earlier_timer || self.has_work();
        has_news && std::mem::take(&mut self.leader.sleeps)
    }

    /// Returns whether a leader would have something to do at once.
    pub(super) fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.opened.is_empty()
    }

    /// Lets all threads that wait look again whether they still should.
    pub(super) fn wake_all(&mut self) {
        self.waiters.wake_those(|_| true);
        self.leader.has_news = true;
    }

    /// Returns whether there is nothing to do any more, and nobody who could ask for something.
    pub(super) fn is_over(&self) -> bool {
        self.is_abandoned && self.locks.is_empty()
    }

    /// Remembers to wake the keeper.
    pub(super) fn wake_keeper(&mut self) {
        self.waiters.wakes.threads.extend(self.keeper.thread.clone());
    }
}
