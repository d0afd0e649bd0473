//! Holders of a fenced lock that are paused past its deadline, and a store that has to refuse what they write then.
//!
//! Client processes take a lock with a short TTL on three servers, and count up a number in a fourth one: they read it, work,
//! and write it. The tormentor stops holders (`SIGSTOP`) while they work, lets them go on when the lock is over and somebody
//! else has it, and meanwhile kills and restarts the lock's nodes, one at a time. A holder never asks whether its lock is still
//! valid, as one that is paused right after it has asked.
//!
//! What the store was asked for and what it did is taken from what the server itself reports (`MONITOR`), and judged without
//! looking at the clients: the fences of the writes must never go down, and no step of the number must be lost.

mod client;
mod contender;
mod history;
mod nodes;
mod report;
mod tormentor;

use std::path::PathBuf;
use std::time::Duration;

pub use self::client::Client;
pub use self::report::Report;
use self::tormentor::Tormentor;

/// The name of the lock, and the key that it protects.
const ACCOUNT: &str = "account";

/// So short that a pause need not be long.
const TTL: Duration = Duration::from_millis(150);

/// A run of the torture.
#[derive(Clone, Debug)]
pub struct Torture {
    /// The program that runs [`Client::from_arguments`] with what stands behind its name.
    pub program: PathBuf,
    /// Decides what is done to whom. The processes keep times of their own, so that no two runs are the same.
    pub seed: u64,
    /// How many holders are paused past their deadline.
    pub pauses: u64,
    /// Whether the store compares fences.
    pub gate: bool,
    /// The longest time that it may take.
    pub limit: Duration,
}

impl Torture {
    /// Starts servers and clients, torments them, and reports what came of it. `progress` sees the figures once a second.
    ///
    /// # Panics
    ///
    /// If a server or a client does not start, ends by itself, or does not end.
    pub fn run(&self, progress: impl FnMut(&Report)) -> Report {
        Tormentor::start(self).run(progress)
    }
}
