use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::client::Plan;
use crate::contestant::Name;
use crate::executor::Flavour;
use crate::hold::Holding;
use crate::server::ServerKind;
use crate::workload::Workload;

/// How the command starts itself as a contestant; nobody else has a use for these two.
pub(crate) const CLIENT: &str = "client";
pub(crate) const HOLD: &str = "hold";

pub(crate) const USAGE: &str = "\
Usage: bench [OPTIONS]

Starts servers and measures every contestant in a process of its own, in rounds that alternate:
  --workload W1,W2      which workloads (default W1 to W6)
                          W1  one task, a free lock
                          W2  many tasks, each a free lock of its own
                          W3  16 tasks, one lock, held for 1 ms
                          W4  from the release by one client to the lock of another
                          W5  as W1, while one node hangs
                          W6  as W3, each task with a client of its own
                          W7  many tasks of 4 clients, ten for each lock, held for 1 ms (only if asked for)
  --server KIND         which servers: redis (default) or valkey, which tests/server.sh fetches
  --nodes 3,5           how many servers (default 3,5)
  --tasks 64,512        how many tasks in W2 and W7 (default 64,512)
  --contestants A,B     which contestants (default all that a workload is for, without tokio-traced)
  --seconds N           how long for each of them, all rounds together (default 5)
  --rounds N            how many rounds (default 5); what is shown are medians over them
  --runtime KIND        tokio's: multi (default, with two threads) or current
  --json                prints one object per line instead of the table
  --charts FOLDER       where the charts go (default target/bench)

Or measures how it grows, and draws a chart of each: pairs per second with 1 to 4,096 tasks, CPU time of a pair with 1
to 9 nodes, commands for each acquisition with 100 to 10,000 who wait for 10 to 1,000 locks, memory with 1,000 to
1,000,000 locks held:
  --growth              (or --workload growth); --server, --contestants, --seconds, --rounds, --runtime and --charts as
                        above

Or draws a chart of how long 16 clients wait for one lock while time goes on, called up or not:
  --waiting             --server, --contestants, --seconds, --runtime and --charts as above

Or measures how long after the deadline holders are told that they have lost their locks, while all nodes hang:
  --lost                --server, --rounds and --runtime as above

Or keeps 100,000 locks alive for the given time, and compares the CPU time of an extension with one that is sent by hand:
  --renewals            --server, --seconds and --runtime as above
";

/// What the command line asks for.
pub(crate) enum Task {
    Compare(Options),
    Grow(Options),
    Wait(Options),
    Lose(Options),
    Renew(Options),
    /// To be one of the contestants: the command starts itself so.
    Client(Plan),
    /// To be one that takes locks and keeps them.
    Hold(Holding),
    Help,
}

/// What to compare, and how.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) server: ServerKind,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) nodes: Vec<usize>,
    pub(crate) tasks: Vec<usize>,
    pub(crate) contestants: Vec<Name>,
    pub(crate) duration: Duration,
    pub(crate) rounds: u32,
    pub(crate) flavour: Flavour,
    pub(crate) json: bool,
    pub(crate) charts: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            server: ServerKind::Redis,
            workloads: Workload::DEFAULT.into(),
            nodes: vec![3, 5],
            tasks: vec![64, 512],
            contestants: Name::ALL.into_iter().filter(|name| !name.is_for_one_question()).collect(),
            duration: Duration::from_secs(5),
            rounds: 5,
            flavour: Flavour::Multi,
            json: false,
            charts: ["target", "bench"].iter().collect(),
        }
    }
}

impl Task {
    pub(crate) fn read(mut arguments: Parser) -> Result<Self, Box<dyn Error>> {
        let (mut options, mut task) = (Options::default(), Self::Compare as fn(Options) -> Self);
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Long("workload") => {
                    let names = arguments.value()?.string()?;
                    if names == "growth" {
                        task = Self::Grow;
                    } else {
                        options.workloads = list(&names, workload)?;
                    }
                }
                Arg::Long("growth") => task = Self::Grow,
                Arg::Long("waiting") => task = Self::Wait,
                Arg::Long("lost") => task = Self::Lose,
                Arg::Long("renewals") => task = Self::Renew,
                Arg::Long("server") => options.server = server(&arguments.value()?.string()?)?,
                Arg::Long("nodes") => options.nodes = list(&arguments.value()?.string()?, count)?,
                Arg::Long("tasks") => options.tasks = list(&arguments.value()?.string()?, count)?,
                Arg::Long("contestants") => options.contestants = list(&arguments.value()?.string()?, contestant)?,
                Arg::Long("seconds") => {
                    options.duration = Duration::try_from_secs_f64(arguments.value()?.parse()?)?;
                }
                Arg::Long("rounds") => options.rounds = arguments.value()?.parse()?,
                Arg::Long("runtime") => options.flavour = flavour(&arguments.value()?.string()?)?,
                Arg::Long("json") => options.json = true,
                Arg::Long("charts") => options.charts = arguments.value()?.into(),
                Arg::Long(CLIENT) => return Ok(Self::Client(serde_json::from_str(&arguments.value()?.string()?)?)),
                Arg::Long(HOLD) => return Ok(Self::Hold(serde_json::from_str(&arguments.value()?.string()?)?)),
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.rounds == 0 {
            return Err("--rounds must be at least 1".into());
        }
        Ok(task(options))
    }
}

fn list<T>(text: &str, read: fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(read).collect()
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| format!("{text} is no number above 0"))
}

fn workload(text: &str) -> Result<Workload, String> {
    let named = Workload::ALL.into_iter().find(|workload| workload.to_string() == text);
    named.ok_or_else(|| format!("there is no workload {text}: they are W1 to W7"))
}

fn server(text: &str) -> Result<ServerKind, String> {
    let named = ServerKind::ALL.into_iter().find(|server| server.text() == text);
    named.ok_or_else(|| format!("there is no server {text}: it is redis or valkey"))
}

fn contestant(text: &str) -> Result<Name, String> {
    let names = Name::ALL.map(Name::text).join(", ");
    Name::ALL
        .into_iter()
        .find(|name| name.text() == text)
        .ok_or_else(|| format!("there is no contestant {text}: they are {names}"))
}

fn flavour(text: &str) -> Result<Flavour, String> {
    match text {
        "multi" => Ok(Flavour::Multi),
        "current" => Ok(Flavour::Current),
        _ => Err(format!("there is no runtime {text}: it is multi or current")),
    }
}
