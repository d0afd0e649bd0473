mod json;
mod table;

use std::io::IsTerminal;
use std::time::Duration;

use redlock_tokio::{LockState, LockStatus, Redlock};

use crate::failure::Failure;
use crate::nodes::{LONGEST_ANSWER, NodeArgs, Nodes};
use crate::run::Signals;
use crate::{duration, output};

/// Show who holds locks, for how long, and how many wait
///
/// Takes nothing and changes nothing. What is shown is a snapshot: the next one may differ.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The names of the locks
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// Print JSON: an array with one object for each lock
    #[arg(long)]
    json: bool,

    /// Show what each server says
    #[arg(long, conflicts_with = "json")]
    by_node: bool,

    /// Show it again and again, every second unless told otherwise
    ///
    /// With --json, each snapshot is one line.
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "1s",
        value_parser = duration::parse, allow_hyphen_values = true)]
    watch: Option<Duration>,
}

const AFTER_HELP: &str = "\
State:
  free        nobody holds the lock
  held        a majority of the servers has a key with the same value
  split       there are keys, but none on a majority: nobody holds the lock
  other type  a key that is no lock blocks the name
  unknown     too few servers answered

Exit status:
  75  the state of a lock is unknown

Examples:
  redlock status report nightly
  redlock status report --by-node
  redlock status report --watch=5s
  redlock status report --json | jq '.[0].state'";

/// What stands before each snapshot on a terminal: the cursor at home, all cleared.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub(crate) async fn execute(args: Args, nodes: &NodeArgs) -> Result<u8, Failure> {
    let redlock = Nodes::find(nodes)?.connect_within(LONGEST_ANSWER)?;
    let Some(interval) = args.watch else {
        let statuses = look(&redlock, &args.names).await?;
        output::print(&render(&statuses, &args)?)?;
        return check(&statuses, &args.names);
    };
    if std::process::id() != 1 {
        return watch(&redlock, &args, interval).await;
    }
    // The first process of a container is ended by no signal that it does not listen to. Others are, also while they write to
    // somebody who does not read.
    let mut signals = Signals::listen()?;
    tokio::select! {
        status = watch(&redlock, &args, interval) => status,
        signal = signals.next() => Err(Failure::Interrupted(signal)),
    }
}

/// Shows it again and again, until nobody reads any more.
async fn watch(redlock: &Redlock, args: &Args, interval: Duration) -> Result<u8, Failure> {
    // Not more often than a person can read.
    let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(100)));
    loop {
        ticks.tick().await;
        let text = render(&look(redlock, &args.names).await?, args)?;
        let clear = if std::io::stdout().is_terminal() && !args.json { CLEAR } else { "" };
        if !output::show(&format!("{clear}{text}"))? {
            return Ok(0);
        }
    }
}

async fn look(redlock: &Redlock, names: &[String]) -> Result<Vec<LockStatus>, Failure> {
    let mut statuses = Vec::new();
    for name in names {
        statuses.push(redlock.status(name.as_str()).await?);
    }
    Ok(statuses)
}

fn render(statuses: &[LockStatus], args: &Args) -> Result<String, Failure> {
    let named = || args.names.iter().map(String::as_str).zip(statuses);
    if args.json {
        return json::render(named(), args.watch.is_none());
    }
    Ok(if args.by_node { table::by_node(named()) } else { table::render(named()) })
}

fn check(statuses: &[LockStatus], names: &[String]) -> Result<u8, Failure> {
    match names.iter().zip(statuses).find(|(_, status)| status.state() == LockState::Unknown) {
        Some((name, status)) => Err(Failure::Unavailable(format!("the state of the lock {name:?} is {status}"))),
        None => Ok(0),
    }
}
