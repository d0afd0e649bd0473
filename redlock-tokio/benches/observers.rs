//! What observers cost: CPU time of a lock and its release, the least of several runs that alternate, so that a busy machine
//! matters little. 64 tasks lock and unlock, each a key of its own, on three nodes in memory and one thread.
//!
//! `cargo bench -p redlock-tokio --bench observers` (on Linux)

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for a person")]
#![allow(clippy::arithmetic_side_effects, clippy::cast_precision_loss, reason = "small numbers")]

use std::env::{args, current_exe};
use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;

use redlock_history::Recorder;
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::observed::Observed;
use redlock_tokio::{Builder, Metrics, Observer, Redlock, Tracing};
use tokio::task::JoinSet;

const TASKS: u64 = 64;
/// Locks of each task in one run.
const LOCKS: u64 = 500;
const RUNS: u32 = 9;

/// Who observes.
#[derive(Clone, Copy)]
enum Who {
    Nobody,
    /// One that does nothing with what is collected for it.
    Idle,
    /// Spans that nobody subscribes to.
    Tracing,
    /// Figures that nobody collects.
    Metrics,
    /// A history that is written nowhere.
    Recorder,
}

struct Idle;

impl Observer for Idle {
    fn observe(&self, _: &Observed) {}
}

impl Who {
    const ALL: [Self; 5] = [Self::Nobody, Self::Idle, Self::Tracing, Self::Metrics, Self::Recorder];

    const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Idle => "one that does nothing",
            Self::Tracing => "tracing, no subscriber",
            Self::Metrics => "metrics, no recorder",
            Self::Recorder => "a history, to nowhere",
        }
    }

    fn observe(self, builder: Builder) -> Result<Builder, Box<dyn Error>> {
        Ok(match self {
            Self::Nobody => builder,
            Self::Idle => builder.observer(Idle),
            Self::Tracing => builder.observer(Tracing::new()),
            Self::Metrics => builder.observer(Metrics::new()),
            Self::Recorder => builder.observer(Recorder::new(std::io::sink())?),
        })
    }
}

fn main() -> ExitCode {
    // Cargo adds `--bench` to the arguments of a bench.
    let words: Vec<_> = args().skip(1).filter(|word| word != "--bench").collect();
    let outcome = match words.as_slice() {
        [] => compare_all(),
        [who] => lock_and_unlock(who),
        _ => Err("it takes no arguments".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("observers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare_all() -> Result<(), Box<dyn Error>> {
    let mut least = Who::ALL.map(|_| u64::MAX);
    for _ in 0..RUNS {
        for (who, least) in Who::ALL.into_iter().zip(&mut least) {
            *least = (*least).min(measured(who)?);
        }
    }
    println!("{:<24}{:>12}{:>10}", "observed by", "ns a lock", "more");
    for (who, nanos) in Who::ALL.into_iter().zip(least) {
        let more = nanos as f64 / least[0] as f64 * 100.0 - 100.0;
        println!("{:<24}{:>12}{more:>8.1} %", who.name(), nanos / (TASKS * LOCKS));
    }
    Ok(())
}

/// Runs this program for one observer; yields the CPU time that it took, in nanoseconds.
fn measured(who: Who) -> Result<u64, Box<dyn Error>> {
    let output = Command::new(current_exe()?).arg(who.name()).output()?;
    if !output.status.success() {
        return Err(format!("it has failed:\n{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Returns the CPU time of this thread, as the scheduler of Linux counts it.
fn cpu_time() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().ok_or("there is no figure")?.parse()?)
}

fn lock_and_unlock(who: &str) -> Result<(), Box<dyn Error>> {
    let who = Who::ALL.into_iter().find(|known| known.name() == who).ok_or("there is no such observer")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    runtime.block_on(async {
        let redlock = who.observe(Redlock::builder().nodes(&nodes))?.build()?;
        let begun = cpu_time()?;
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let redlock = redlock.clone();
            tasks.spawn(async move {
                for _ in 0..LOCKS {
                    if let Ok(guard) = redlock.lock(format!("job:{task}"), Duration::from_secs(10)).await {
                        guard.release().await;
                    }
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        println!("{}", cpu_time()? - begun);
        redlock.close().await;
        Ok(())
    })
}
