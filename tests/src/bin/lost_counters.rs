//! Measures how often a fence is granted again, or a smaller one, when nodes lose their counters.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for a person")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Parser, ValueExt};
use redlock_tests::lost_counters::Loss;

const USAGE: &str = "\
Usage: lost_counters [OPTIONS]

  --losses N   how often counters are lost in each case (default 10000)
  --seed N     decides which nodes and clients it hits (default: something else each time; it is printed)
";

/// By how much the clocks of the clients are off.
const CLOCKS: [(&str, Option<Duration>); 4] = [
    ("5 ms", Some(Duration::from_millis(5))),
    ("50 ms", Some(Duration::from_millis(50))),
    ("1 s", Some(Duration::from_secs(1))),
    ("no clock", None),
];

const INTERVAL: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    match read(Parser::from_env()) {
        Ok(Some((losses, seed))) => measure(losses, seed),
        Ok(None) => print!("{USAGE}"),
        Err(error) => {
            eprintln!("lost_counters: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn read(mut arguments: Parser) -> Result<Option<(u64, u64)>, Box<dyn Error>> {
    let (mut losses, mut seed) = (10_000, fastrand::u64(..));
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("losses") => losses = arguments.value()?.parse()?,
            lexopt::Arg::Long("seed") => seed = arguments.value()?.parse()?,
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some((losses, seed)))
}

fn measure(losses: u64, seed: u64) {
    println!("seed {seed}; {losses} losses in each case, a lock every {INTERVAL:?}");
    println!(
        "Per cent of the losses after which a fence was not larger than all before, with clocks that are off by up to"
    );
    println!("{:<10}{:<10}{:<16}{}", "nodes", "lost", "away", CLOCKS.map(|(name, _)| format!("{name:>10}")).concat());
    for nodes in [3, 5] {
        for minority_away in [false, true] {
            for lost in 1..=nodes {
                let shares = CLOCKS.map(|(_, clocks_off_by)| {
                    let loss = Loss { nodes, lost, minority_away, clocks_off_by, interval: INTERVAL };
                    format!("{:>10.2}", loss.measure(losses, seed).percent())
                });
                let away = if minority_away { "a minority" } else { "none" };
                println!("{nodes:<10}{lost:<10}{away:<16}{}", shares.concat());
            }
        }
    }
}
