//! Instructions of each operation, counted by callgrind: figures without noise, to be compared between two commits.
//!
//! `cargo bench -p redlock-core --bench instructions` (valgrind must be installed)

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for a person")]

#[path = "lock/by_hand.rs"]
mod by_hand;
#[path = "lock/through_locks.rs"]
mod through_locks;

use std::env::{args, current_exe};
use std::error::Error;
use std::process::{Command, ExitCode};

use redlock_core::Options;

use crate::by_hand::{ByHand, extend, release};
use crate::through_locks::ThroughLocks;

/// Repetitions; what a process needs besides is the same in both runs and cancels out.
const FEW: u64 = 100;
const MANY: u64 = 1_100;

#[derive(Clone, Copy)]
enum Operation {
    AcquireAndRelease,
    AcquireAndReleaseThroughLocks,
    FencedThroughLocks,
    Extend,
}

impl Operation {
    const ALL: [Self; 4] =
        [Self::AcquireAndRelease, Self::AcquireAndReleaseThroughLocks, Self::FencedThroughLocks, Self::Extend];

    const fn name(self) -> &'static str {
        match self {
            Self::AcquireAndRelease => "acquire-and-release",
            Self::AcquireAndReleaseThroughLocks => "... through Locks",
            Self::FencedThroughLocks => "... with a fence",
            Self::Extend => "extend",
        }
    }

    fn repeat(self, nodes: usize, times: u64) {
        let by_hand = ByHand::new(nodes);
        let mut lock = by_hand.acquire();
        let options = Options::new().fenced(matches!(self, Self::FencedThroughLocks));
        let mut through_locks = ThroughLocks::new(nodes, options);
        for _ in 0..times {
            match self {
                Self::AcquireAndRelease => release(by_hand.acquire()),
                Self::AcquireAndReleaseThroughLocks | Self::FencedThroughLocks => through_locks.acquire_and_release(),
                Self::Extend => extend(&mut lock),
            }
        }
    }
}

fn main() -> ExitCode {
    // Cargo adds `--bench` to the arguments of a bench.
    let words: Vec<_> = args().skip(1).filter(|word| word != "--bench").collect();
    let outcome = match words.as_slice() {
        [] => count_all(),
        [operation, nodes, times] => repeat(operation, nodes, times),
        _ => Err("it takes no arguments".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn count_all() -> Result<(), Box<dyn Error>> {
    println!("{:<24}{:>8}{:>16}", "operation", "nodes", "instructions");
    for operation in Operation::ALL {
        for nodes in [3, 5, 7] {
            let more = counted(operation, nodes, MANY)?.saturating_sub(counted(operation, nodes, FEW)?);
            println!("{:<24}{nodes:>8}{:>16}", operation.name(), more / (MANY - FEW));
        }
    }
    Ok(())
}

/// Runs this program under callgrind, for one operation.
fn counted(operation: Operation, nodes: usize, times: u64) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(current_exe()?)
        .args([operation.name(), &nodes.to_string(), &times.to_string()])
        .output()
        .map_err(|error| format!("valgrind does not run, is it installed? {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("callgrind has not counted:\n{report}").into())
}

fn repeat(operation: &str, nodes: &str, times: &str) -> Result<(), Box<dyn Error>> {
    let named = Operation::ALL.into_iter().find(|known| known.name() == operation);
    named.ok_or("there is no such operation")?.repeat(nodes.parse()?, times.parse()?);
    Ok(())
}
