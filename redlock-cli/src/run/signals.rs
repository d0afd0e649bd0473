use std::future::poll_fn;
use std::task::Poll;

use nix::sys::signal::Signal;
use tokio::signal::unix::{self, SignalKind};

use crate::failure::Failure;

/// The signals that are handed on to a command.
const HANDED_ON: [Signal; 6] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

/// The signals by which a terminal stops the process group of this process.
const STOPPING: [Signal; 3] = [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU];

/// The signals that this process receives instead of being ended or stopped by them.
#[derive(Debug)]
pub(crate) struct Signals(Vec<(Signal, unix::Signal)>);

impl Signals {
    /// Begins to listen to what is handed on to a command.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let mut signals = Self(Vec::new());
        signals.add(HANDED_ON)?;
        Ok(signals)
    }

    /// Begins to listen to what would stop this process, but not the command that it looks after.
    pub(super) fn listen_to_stops(&mut self) -> Result<(), Failure> {
        self.add(STOPPING)
    }

    /// What is ignored already stays so, for the command too: `nohup` would be in vain otherwise.
    fn add(&mut self, signals: impl IntoIterator<Item = Signal>) -> Result<(), Failure> {
        let ignored = ignored();
        for signal in signals.into_iter().filter(|signal| !is_in(*signal, ignored)) {
            let stream = unix::signal(SignalKind::from_raw(signal as i32))
                .map_err(|error| Failure::Other(format!("signals cannot be received: {error}")))?;
            self.0.push((signal, stream));
        }
        Ok(())
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (signal, stream) in &mut self.0 {
                if stream.poll_recv(context) == Poll::Ready(Some(())) {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Returns whether this process was started to ignore a signal.
pub(crate) fn is_ignored(signal: Signal) -> bool {
    is_in(signal, ignored())
}

/// Returns the set of signals that this process was started to ignore, where the system says it: one bit a signal.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}

fn is_in(signal: Signal, set: u64) -> bool {
    let bit = u32::try_from(signal as i32).ok().and_then(|number| number.checked_sub(1));
    bit.and_then(|bit| set.checked_shr(bit)).is_some_and(|rest| rest & 1 == 1)
}
