//! The thread that looks after what nobody waits for.

use std::io;
use std::sync::Arc;
use std::thread::{self, Thread};
use std::time::Duration;

use redlock_core::Instant;

use super::io::Io;
use super::{Shell, State};

/// So soon late replies are looked for; as long as none comes, the pause doubles up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(10);
/// So late at most a node that goes on after it hung is noticed by an idle handle.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// What is known of the keeper.
#[derive(Default)]
pub(super) struct Keeper {
    /// It has not begun yet.
    pub(super) thread: Option<Thread>,
    /// When it wakes up by itself.
    wakes_at: Option<Instant>,
    pause: Duration,
}

/// Starts the thread. It ends when the last handle is gone and everything is settled.
///
/// # Errors
///
/// When the system has no thread to give. Without it no lock is kept alive, and nobody is told of a loss.
pub(super) fn start(shell: &Arc<Shell>) -> io::Result<()> {
    let shared = shell.clone();
    shell.platform.spawn("redlock-keeper", Box::new(move || keep(&shared))).map(drop)
}

fn keep(shell: &Arc<Shell>) {
    // Before it does anything that others may follow up: whoever needs it then wakes it.
    shell.state().keeper.thread = Some(thread::current());
    loop {
        let mut state = shell.state();
        if state.is_over() {
            state.let_nodes_go(shell.platform.now());
            return shell.unlock(state);
        }
        if state.io.is_some() {
            let owed = state.owed();
            state = shell.turn(state, Some(Instant::EPOCH));
            let has_found = state.owed() < owed;
            state.keeper.has_looked(has_found);
        }
        let wakes_at = state.keeper_is_needed_at(shell.platform.now());
        state.keeper.wakes_at = wakes_at;
        shell.attend(state);
        // What was called may have parked this thread, and so have missed that it was wanted earlier.
        let state = shell.state();
        let (is_over, wakes_at) = (state.is_over(), state.keeper.wakes_at);
        drop(state);
        if !is_over {
            shell.platform.park(wakes_at);
        }
    }
}

impl Keeper {
    /// Notes that a call was made: replies to it may be late.
    pub(super) const fn has_been_busy(&mut self) {
        self.pause = MIN_PAUSE;
    }

    fn has_looked(&mut self, has_found: bool) {
        self.pause = if has_found { MIN_PAUSE } else { self.pause.saturating_mul(2).clamp(MIN_PAUSE, MAX_PAUSE) };
    }
}

impl State {
    /// Makes sure that the keeper looks after replies and timers.
    pub(super) fn schedule_keeper(&mut self, now: Instant) {
        let Some(at) = self.keeper_is_needed_at(now) else { return };
        if self.keeper.wakes_at.is_none_or(|wakes_at| at < wakes_at) {
            self.keeper.wakes_at = Some(at);
            self.wake_keeper();
        }
    }

    /// Returns the number of replies that are owed, unless somebody waits for them.
    fn owed(&self) -> usize {
        self.io.as_deref().map_or(0, Io::owed)
    }

    /// Returns when something is to be done that nobody waits for. Nothing of it is so urgent that it could not wait for
    /// more of its kind.
    fn keeper_is_needed_at(&self, now: Instant) -> Option<Instant> {
        let replies = (self.owed() > 0).then(|| now.saturating_add(self.keeper.pause));
        let timers = self.locks.poll_timeout().map(|at| at.max(now.saturating_add(MIN_PAUSE)));
        [replies, timers].into_iter().flatten().min()
    }
}
