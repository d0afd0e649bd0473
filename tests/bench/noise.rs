//! How busy the machine was with something else.

use std::fmt;
use std::time::{Duration, Instant};

use redlock_tests::Server;

use crate::measure::{cpu_time, cpu_time_of, machine_time};

/// From this share of the machine on, figures are not to be trusted.
const TOO_MUCH: f64 = 0.05;

/// What others have taken while something was measured.
#[derive(Default)]
pub(crate) struct Noise {
    others: Duration,
    available: Duration,
}

impl Noise {
    pub(crate) fn add(&mut self, other: &Self) {
        self.others += other.others;
        self.available += other.available;
    }

    fn share(&self) -> f64 {
        if self.available.is_zero() { 0.0 } else { self.others.div_duration_f64(self.available) }
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.share() * 100.0;
        if self.share() > TOO_MUCH {
            write!(f, "WARNING: the machine was busy with something else for {percent:.0} % of its time: measure again")
        } else {
            write!(f, "the machine was busy with something else for {percent:.1} % of its time")
        }
    }
}

/// Watches the machine while a client is measured.
pub(crate) struct Watch {
    processes: Vec<u32>,
    begun: Instant,
    own: Duration,
    machine: Option<Duration>,
}

impl Watch {
    pub(crate) fn start(client: u32, servers: &[Server]) -> Self {
        let processes: Vec<_> = servers.iter().map(Server::pid).chain([client]).collect();
        Self { own: own_time(&processes), processes, begun: Instant::now(), machine: machine_time() }
    }

    pub(crate) fn stop(self) -> Noise {
        let (Some(before), Some(now)) = (self.machine, machine_time()) else { return Noise::default() };
        let own = own_time(&self.processes).saturating_sub(self.own);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Noise {
            others: now.saturating_sub(before).saturating_sub(own),
            available: self.begun.elapsed().saturating_mul(cores as u32),
        }
    }
}

/// What this command, its client and the servers have taken.
fn own_time(processes: &[u32]) -> Duration {
    cpu_time() + processes.iter().filter_map(|process| cpu_time_of(*process)).sum::<Duration>()
}
