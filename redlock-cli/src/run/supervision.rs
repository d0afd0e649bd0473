use std::time::Duration;

use nix::sys::signal::Signal;
use redlock_tokio::{LockGuard, Lost, now};

use super::child::{Change, Child, Exit};
use super::schedule::{Action, Ending, Schedule};
use super::signals::Signals;
use crate::failure::Failure;
use crate::recording::Recording;

/// How often is looked whether somebody is left in a group that is being ended: the system does not tell.
const GROUP_CHECK: Duration = Duration::from_millis(5);

/// A command that runs under a lock.
#[derive(Debug)]
pub(super) struct Supervision<'a> {
    guard: &'a LockGuard,
    lost: Lost,
    child: Child,
    schedule: Schedule,
    recording: &'a Recording,
}

/// Something that has happened.
enum Event {
    Child(Change),
    Signal(Signal),
    /// It is time to look at the lock.
    Time,
}

impl<'a> Supervision<'a> {
    pub(super) fn new(guard: &'a LockGuard, child: Child, schedule: Schedule, recording: &'a Recording) -> Self {
        recording.note(format_args!("the command has begun, as process {}", child.pid()));
        Self { guard, lost: guard.lost(), child, schedule, recording }
    }

    /// Watches over the command until it has ended. Yields how, or why it was told to.
    pub(super) async fn run(mut self, signals: &mut Signals) -> Result<Result<Exit, Ending>, Failure> {
        let mut is_stopped = false;
        loop {
            self.act();
            if std::mem::take(&mut is_stopped) {
                self.child.resume();
            }
            match self.next_event(signals).await {
                Event::Child(Change::Ended(exit)) => {
                    self.recording.note(format_args!("the command has ended with status {}", exit.status));
                    return Ok(self.end(exit).await);
                }
                Event::Child(Change::Stopped { by }) => {
                    is_stopped = self.child.stop_along(by);
                    // Whatever has let this process go on may have sent a signal before.
                    tokio::task::yield_now().await;
                }
                Event::Signal(signal) => self.child.receive(signal),
                Event::Time => {}
            }
        }
    }

    /// Does what the state of the lock asks for.
    fn act(&mut self) {
        match self.guard.check() {
            Ok(()) => self.schedule.confirm(self.guard.deadline()),
            Err(loss) => self.schedule.lose(loss),
        }
        match self.schedule.poll(now()) {
            Some(Action::Terminate) => {
                self.warn("SIGTERM to the command");
                self.child.terminate();
            }
            Some(Action::Kill) => {
                self.warn("SIGKILL to the command");
                self.child.kill();
            }
            None => {}
        }
    }

    fn warn(&self, what: &str) {
        if let Some(why) = self.schedule.ending() {
            self.recording.warn(format_args!("{what}: {why}"));
        }
    }

    async fn next_event(&mut self, signals: &mut Signals) -> Event {
        let is_ending = self.schedule.ending().is_some();
        // Timers stand still while the machine sleeps, so the clock is looked at in between.
        let until = self.schedule.timeout().map(|timeout| timeout.saturating_since(now()));
        let pause = until.unwrap_or(Duration::MAX).min(self.schedule.margin());
        tokio::select! {
            // A command that stops again and again must not keep a signal from it.
            biased;
            signal = signals.next() => Event::Signal(signal),
            change = self.child.changed() => Event::Child(change),
            _ = &mut self.lost, if !is_ending => Event::Time,
            () = tokio::time::sleep(pause) => Event::Time,
        }
    }

    /// Ends what the command has left behind if it was told to end; else that may stay.
    async fn end(mut self, exit: Exit) -> Result<Exit, Ending> {
        let Some(why) = self.schedule.ending().cloned() else { return Ok(exit) };
        while self.child.group_is_there() && self.schedule.timeout().is_some() {
            tokio::time::sleep(GROUP_CHECK).await;
            self.act();
        }
        let gone = async {
            while self.child.group_is_there() {
                tokio::time::sleep(GROUP_CHECK).await;
            }
        };
        // Whoever is there still cannot be killed.
        let _ = tokio::time::timeout(self.schedule.margin(), gone).await;
        Err(why)
    }
}
