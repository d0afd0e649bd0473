//! What observers cost: instructions of a lock and its release, counted by callgrind, so that a busy machine does not matter.
//! 64 tasks lock and unlock, each a key of its own, on three nodes in memory and one thread.
//!
//! `cargo bench -p redlock-tokio --bench observers` (valgrind must be installed)

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for a person")]

use std::env::{args, current_exe};
use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;

use redlock_history::Recorder;
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{Builder, Metrics, Redlock, Tracing};
use tokio::task::JoinSet;

const TASKS: u64 = 64;
/// Locks of each task; what a process needs besides is the same in both runs and cancels out.
const FEW: u64 = 10;
const MANY: u64 = 60;

/// Who observes.
#[derive(Clone, Copy)]
enum Who {
    Nobody,
    /// Spans that nobody subscribes to.
    Tracing,
    /// Figures that nobody collects.
    Metrics,
    /// A history that is written nowhere.
    Recorder,
}

impl Who {
    const ALL: [Self; 4] = [Self::Nobody, Self::Tracing, Self::Metrics, Self::Recorder];

    const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Tracing => "tracing, no subscriber",
            Self::Metrics => "metrics, no recorder",
            Self::Recorder => "a history, to nowhere",
        }
    }

    fn observe(self, builder: Builder) -> Result<Builder, Box<dyn Error>> {
        Ok(match self {
            Self::Nobody => builder,
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
        [] => count_all(),
        [who, times] => lock_and_unlock(who, times),
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

fn count_all() -> Result<(), Box<dyn Error>> {
    println!("{:<24}{:>16}{:>12}", "observed by", "instructions", "more");
    let mut base = None;
    for who in Who::ALL {
        let more = counted(who, MANY)?.saturating_sub(counted(who, FEW)?);
        let each = more / (TASKS * (MANY - FEW));
        let base = *base.get_or_insert(each);
        println!("{:<24}{each:>16}{:>12}", who.name(), each.saturating_sub(base));
    }
    Ok(())
}

/// Runs this program under callgrind.
fn counted(who: Who, times: u64) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(current_exe()?)
        .args([who.name(), &times.to_string()])
        .output()
        .map_err(|error| format!("valgrind does not run, is it installed? {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("callgrind has not counted:\n{report}").into())
}

fn lock_and_unlock(who: &str, times: &str) -> Result<(), Box<dyn Error>> {
    let who = Who::ALL.into_iter().find(|known| known.name() == who).ok_or("there is no such observer")?;
    let times: u64 = times.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let nodes = ["one", "two", "three"].map(MemoryNode::new);
    let redlock = who.observe(Redlock::builder().nodes(&nodes))?.build()?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let redlock = redlock.clone();
            tasks.spawn(async move {
                for _ in 0..times {
                    if let Ok(guard) = redlock.lock(format!("job:{task}"), Duration::from_secs(10)).await {
                        guard.release().await;
                    }
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        redlock.close().await;
    });
    Ok(())
}
