//! Runs the deterministic simulation of the real core, for as long as one likes; or one seed of it, with its history.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for a person")]

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use lexopt::{Parser, ValueExt};
use redlock_simulator::{Campaign, Failure, Figures, Mode, Replay, picture};
use serde_json::{Map, Value, json};

const USAGE: &str = "\
Usage: simulate [OPTIONS]

Runs seeds and checks every invariant after every step:
  --seconds N      for how long (default 10)
  --seeds N        at most so many
  --first-seed N   where to begin (default: somewhere else each time; it is printed)
  --mode MODE      only safe, live or hostile ones
  --threads N      on how many threads (default: all cores)
  --json           prints the figures as one JSON object on the last line

Replays one seed:
  --seed N         tells its history; of a seed that fails, the smallest world that fails in the same way
  --in-full        ... or all of it
  --picture FILE   draws the history as SVG (seed 0 unless --seed says otherwise)

The last digit of a seed decides its mode: 0 to 6 safe, 7 and 8 live, 9 hostile.
";

/// What the command line asks for.
enum Task {
    Run { campaign: Campaign, json: bool },
    Replay { seed: u64, in_full: bool, picture: Option<String> },
    Help,
}

fn main() -> ExitCode {
    let outcome = Task::read(Parser::from_env()).and_then(|task| match task {
        Task::Run { campaign, json } => Ok(run(&campaign, json)),
        Task::Replay { seed, in_full, picture } => replay(seed, in_full, picture.as_deref()),
        Task::Help => {
            print!("{USAGE}");
            Ok(true)
        }
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulate: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

impl Task {
    fn read(mut arguments: Parser) -> Result<Self, Box<dyn Error>> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut campaign =
            Campaign { first_seed: fresh_seed(), seeds: u64::MAX, mode: None, duration: Duration::ZERO, threads };
        let (mut seconds, mut json, mut in_full) = (10.0, false, false);
        let (mut seed, mut picture) = (None, None);
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Long("seconds") => seconds = arguments.value()?.parse()?,
                lexopt::Arg::Long("seeds") => campaign.seeds = arguments.value()?.parse()?,
                lexopt::Arg::Long("first-seed") => campaign.first_seed = arguments.value()?.parse()?,
                lexopt::Arg::Long("threads") => campaign.threads = arguments.value()?.parse()?,
                lexopt::Arg::Long("mode") => campaign.mode = Some(mode(&arguments.value()?.string()?)?),
                lexopt::Arg::Long("json") => json = true,
                lexopt::Arg::Long("seed") => seed = Some(arguments.value()?.parse()?),
                lexopt::Arg::Long("in-full") => in_full = true,
                lexopt::Arg::Long("picture") => picture = Some(arguments.value()?.string()?),
                lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected().into()),
            }
        }
        if seed.is_some() || picture.is_some() {
            return Ok(Self::Replay { seed: seed.unwrap_or(0), in_full, picture });
        }
        if campaign.threads == 0 {
            return Err("--threads must be at least 1".into());
        }
        campaign.duration = Duration::try_from_secs_f64(seconds)?;
        Ok(Self::Run { campaign, json })
    }
}

fn mode(name: &str) -> Result<Mode, String> {
    let named = Mode::ALL.into_iter().find(|mode| mode.to_string() == name);
    named.ok_or_else(|| format!("there is no mode {name}: it is safe, live or hostile"))
}

/// A seed that differs from run to run, so that every run sees new worlds.
fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs().wrapping_mul(1_000_000)
}

fn run(campaign: &Campaign, json: bool) -> bool {
    println!("seeds from {} on, on {} threads", campaign.first_seed, campaign.threads);
    let figures = campaign.run(show_progress);
    if io::stderr().is_terminal() {
        eprintln!();
    }
    print_table(&figures);
    for Failure { seed, violation } in &figures.failures {
        println!("VIOLATION by seed {seed}: {violation}\n  replay it with --seed {seed}");
    }
    if json {
        println!("{}", to_json(&figures));
    }
    figures.failures.is_empty()
}

fn show_progress(figures: &Figures) {
    let total = &figures.total;
    let mut out = io::stderr();
    let (begin, end) = if out.is_terminal() { ("\r", "") } else { ("", "\n") };
    let _ = write!(
        out,
        "{begin}{:>5.0} s  {:>12} seeds  {:>14} events  {:>12} grants  {} violations{end}",
        figures.elapsed.as_secs_f64(),
        figures.seeds(),
        total.events,
        total.grants,
        figures.failures.len(),
    );
    let _ = out.flush();
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn print_table(figures: &Figures) {
    let (total, seeds) = (&figures.total, figures.seeds());
    println!("{:<36}{:>16}", "seeds", seeds);
    for (mode, seeds) in Mode::ALL.into_iter().zip(figures.seeds_by_mode) {
        println!("{:<36}{seeds:>16}", format!("  {mode}"));
    }
    println!("{:<36}{:>16.0}", "seeds per hour per core", figures.seeds_per_hour_per_core());
    println!("{:<36}{:>16.0}", "events per seed", total.events as f64 / seeds.max(1) as f64);
    for (_, label, figure) in total.figures() {
        println!("{label:<36}{figure:>16}");
    }
    println!("faults injected");
    for (kind, count) in total.faults.iter() {
        println!("{:<36}{count:>16}", format!("  {kind}"));
    }
    println!("{:<36}{:>16}", "violations", figures.failures.len());
}

fn to_json(figures: &Figures) -> Value {
    let total = &figures.total;
    let faults: Map<_, _> = total.faults.iter().map(|(kind, count)| (kind.name().into(), count.into())).collect();
    let mut object = json!({
        "seeds": figures.seeds(),
        "seconds": figures.elapsed.as_secs_f64(),
        "threads": figures.threads,
        "violations": figures.failures.len(),
        "seeds_per_hour_per_core": figures.seeds_per_hour_per_core().round(),
        "faults": faults,
    });
    for (name, _, figure) in total.figures() {
        object[name] = figure.into();
    }
    object
}

fn replay(seed: u64, in_full: bool, file: Option<&str>) -> Result<bool, Box<dyn Error>> {
    let replay = if in_full { Replay::of(seed) } else { Replay::shrunk(seed) };
    match file {
        Some(file) => {
            fs::write(file, picture(&replay.history))?;
            println!("the picture of seed {seed} is in {file}");
        }
        None => print!("{}", replay.history),
    }
    Ok(replay.violation.is_none())
}
