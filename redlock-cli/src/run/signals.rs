use std::future::poll_fn;
use std::task::Poll;

use nix::sys::signal::Signal;
use tokio::signal::unix::{self, SignalKind};

use crate::failure::Failure;

/// The signals that are handed on to a command.
const HANDED_ON: [Signal; 6] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

/// The signals that this process receives instead of being ended by them.
#[derive(Debug)]
pub(crate) struct Signals(Vec<(Signal, unix::Signal)>);

impl Signals {
    /// Begins to listen. What is ignored already stays so, for the command too: `nohup` would be in vain otherwise.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let ignored = ignored();
        let wanted = HANDED_ON.into_iter().filter(|signal| !is_in(*signal, ignored));
        let listening: std::io::Result<_> =
            wanted.map(|signal| Ok((signal, unix::signal(SignalKind::from_raw(signal as i32))?))).collect();
        listening.map(Self).map_err(|error| Failure::Other(format!("signals cannot be received: {error}")))
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
