//! Pauses holders of fenced locks past their deadline, on real servers, and checks what the store has made of what they write
//! then.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for a person")]

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Parser, ValueExt};
use redlock_tests::paused_holders::{Client, Torture};

const USAGE: &str = "\
Usage: paused_holders [OPTIONS]

  --pauses N       how many holders are paused past their deadline (default 1000)
  --seed N         decides what is done to whom (default: something else each time; it is printed)
  --without-gate   the store does not compare fences: stale writes are applied, and the command fails
  --minutes N      at most so long (default 60)
";

fn main() -> ExitCode {
    let mut words = env::args().skip(1);
    let outcome = if words.next().as_deref() == Some("client") {
        Client::from_arguments(words).and_then(Client::run).map(|()| true)
    } else {
        torture()
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("paused_holders: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn torture() -> Result<bool, Box<dyn Error>> {
    let Some(torture) = read(Parser::from_env())? else {
        print!("{USAGE}");
        return Ok(true);
    };
    println!("seed {}", torture.seed);
    let report = torture.run(|figures| eprintln!("{figures}"));
    println!("{report}");
    // What is not tried is not tested.
    let is_complete = report.stale_attempts > 0 && report.pauses >= torture.pauses;
    let is_passed = report.is_right() && is_complete;
    println!("{}", if is_passed { "passed" } else { "FAILED" });
    Ok(is_passed)
}

fn read(mut arguments: Parser) -> Result<Option<Torture>, Box<dyn Error>> {
    let program = env::current_exe()?;
    let limit = Duration::from_secs(3_600);
    let mut torture = Torture { program, seed: fastrand::u64(..), pauses: 1_000, gate: true, limit };
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("pauses") => torture.pauses = arguments.value()?.parse()?,
            lexopt::Arg::Long("seed") => torture.seed = arguments.value()?.parse()?,
            lexopt::Arg::Long("without-gate") => torture.gate = false,
            lexopt::Arg::Long("minutes") => {
                torture.limit = Duration::from_secs(arguments.value()?.parse::<u64>()?.saturating_mul(60));
            }
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(torture))
}
