mod measure;
mod report;

use std::num::NonZeroUsize;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use self::measure::{Figures, Workload};
use crate::failure::Failure;
use crate::nodes::{NodeArgs, Nodes};
use crate::run::Signals;
use crate::{duration, output};

/// Measure how fast locks are taken and released on your servers
///
/// Takes and releases locks on names of its own (`redlock-bench:` and a random number), first with one task and then with many.
/// Nothing is left behind.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// How many tasks take locks at the same time in the second run, each on a name of its own
    #[arg(long, value_name = "N", default_value = "64")]
    tasks: NonZeroUsize,

    /// How long each run takes
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration::parse, allow_hyphen_values = true)]
    duration: Duration,

    /// The TTL of the locks [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    ttl: Option<Duration>,

    /// Print JSON: an array with one object for each run
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
The report:
  PAIRS/S  locks taken and released in a second
  P50 ...  the time of such a pair, for the fastest 50, 90, 99 and 99.9 of 100
  FAILED   pairs of which the lock was not acquired, or not released

Examples:
  redlock bench
  redlock bench --tasks 256 --duration 10s
  redlock bench --json > bench.json";

pub(crate) async fn execute(args: Args, nodes: &NodeArgs) -> Result<u8, Failure> {
    let nodes = Nodes::find(nodes)?;
    if args.duration.is_zero() {
        return Err(Failure::Usage("--duration is 0, it must be above zero".into()));
    }
    let mut signals = Signals::listen()?;
    let redlock = nodes.connect_within(measure::WAIT)?;
    let base = Workload::new(nodes.ttl(args.ttl), args.duration);
    let measured = tokio::select! {
        figures = measure_all(&redlock, &base, args.tasks) => figures,
        signal = signals.next() => Err(Failure::Interrupted(signal)),
    };
    // Also after an interruption: locks that were held are released.
    redlock.close().await;
    let figures = measured?;
    output::print(&if args.json { report::json(&figures)? } else { report::table(&figures) })?;
    match figures.iter().find(|figures| figures.pairs.is_empty()) {
        Some(Figures { failure: Some(why), .. }) => Err(Failure::Unavailable(format!("no lock was acquired: {why}"))),
        _ => Ok(0),
    }
}

async fn measure_all(
    redlock: &redlock_tokio::Redlock,
    base: &Workload,
    tasks: NonZeroUsize,
) -> Result<Vec<Figures>, Failure> {
    let mut figures = Vec::new();
    for workload in [base.clone(), base.with_tasks(tasks)] {
        let bar = progress(&workload);
        figures.push(workload.measure(redlock, &bar).await?);
        bar.finish_and_clear();
    }
    Ok(figures)
}

/// A bar on stderr; nothing where that is no terminal.
fn progress(workload: &Workload) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(workload.duration.as_millis()).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(workload.to_string())
}
