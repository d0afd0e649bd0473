//! How throughput, traffic and memory grow with tasks, nodes, waiters and locks.

use crate::chart::{Line, Lines};
use crate::comparison::{self, Comparison};
use crate::contestant::{Failure, Name};
use crate::figures::{Row, Spread};
use crate::hold::{self, HOLDERS, Holding};
use crate::options::Options;
use crate::output::write_chart;
use crate::table;
use crate::workload::Workload;

const TASKS: [usize; 7] = [1, 4, 16, 64, 256, 1_024, 4_096];
const NODES: [usize; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
/// Ten for each lock.
const WAITERS: [usize; 3] = [100, 1_000, 10_000];
const LOCKS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// What is worth a line, of what the options leave.
const SHOWN: [Name; 4] = [Name::FloorRaw, Name::FloorRedis, Name::Tokio, Name::Rslock];

/// Measures and draws all four.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let mut options = options.clone();
    options.workloads = vec![Workload::W2];
    options.contestants.retain(|name| SHOWN.contains(name));
    of_tasks(&options)?;
    of_nodes(&options)?;
    of_waiters(&options)?;
    of_locks(&options)
}

fn of_tasks(options: &Options) -> Result<(), Failure> {
    let options = Options { nodes: vec![3], tasks: TASKS.into(), ..options.clone() };
    let chart = |contestants| Lines {
        title: "Pairs of lock and unlock per second",
        subtitle: "Three nodes, more and more tasks, each with a lock of its own. Flat from some 64 tasks on is good.",
        across: "tasks",
        logarithmic: (true, false),
        contestants,
    };
    compare(&options, "tasks.svg", chart, |row| Some((row.tasks as f64, row.pairs_per_second()?)))
}

fn of_nodes(options: &Options) -> Result<(), Failure> {
    let options = Options { nodes: NODES.into(), tasks: vec![64], ..options.clone() };
    let chart = |contestants| Lines {
        title: "CPU time of the client for a pair of lock and unlock, in microseconds",
        subtitle: "64 tasks, each with a lock of its own, over more and more nodes. A straight line is good.",
        across: "nodes",
        logarithmic: (false, false),
        contestants,
    };
    compare(&options, "nodes.svg", chart, |row| Some((row.nodes as f64, row.cpu_micros_per_pair()?)))
}

/// Of all contestants, only those with queues between their clients come to an end with so many.
fn of_waiters(options: &Options) -> Result<(), Failure> {
    let workloads = vec![Workload::W7];
    let contestants = options.contestants.iter().copied().filter(|name| *name == Name::Tokio).collect();
    let options = Options { workloads, nodes: vec![3], tasks: WAITERS.into(), contestants, ..options.clone() };
    let chart = |contestants| Lines {
        title: "Commands that all nodes are sent for each acquisition",
        subtitle: "Three nodes, four clients, ten who wait for each lock. A line that does not rise is good.",
        across: "tasks that want a lock",
        logarithmic: (true, false),
        contestants,
    };
    compare(&options, "waiters.svg", chart, |row| Some((row.tasks as f64, row.commands_per_acquisition()?)))
}

/// Measures, prints the table and draws a line for each contestant through the medians.
fn compare(
    options: &Options,
    file: &str,
    chart: impl FnOnce(Vec<Line>) -> Lines<'static>,
    point: impl Fn(&Row) -> Option<(f64, Spread)>,
) -> Result<(), Failure> {
    let comparison = comparison::run(options)?;
    table::print(&comparison.rows);
    eprintln!("{}", comparison.noise);
    write_chart(&options.charts, file, &chart(lines(&comparison, point)).draw())
}

fn of_locks(options: &Options) -> Result<(), Failure> {
    let mut contestants = Vec::new();
    for &contestant in options.contestants.iter().filter(|name| HOLDERS.contains(name)) {
        let servers = options.server.start(3)?;
        let (urls, flavour) = (servers.urls(), options.flavour);
        let found = hold::measure(&Holding { contestant, urls, counts: LOCKS.into(), flavour })?;
        for held in &found {
            let each = held.bytes / held.locks as f64;
            println!("{contestant:<16}{:>10} locks held: {each:>6.0} bytes each, beside their names", held.locks);
        }
        let points = found.iter().map(|held| (held.locks as f64, held.bytes / 1_048_576.0)).collect();
        contestants.push(Line { contestant, points });
    }
    let chart = Lines {
        title: "Memory of the client for locks that are held, in MiB, beside their names",
        subtitle: "Three nodes. Ten times as many locks may take ten times as much: a straight line is good.",
        across: "locks held",
        logarithmic: (true, true),
        contestants,
    };
    write_chart(&options.charts, "memory.svg", &chart.draw())
}

/// A line for each contestant through the medians.
fn lines(comparison: &Comparison, point: impl Fn(&Row) -> Option<(f64, Spread)>) -> Vec<Line> {
    let of = |contestant| comparison.rows.iter().filter(move |row| row.contestant == contestant).filter_map(&point);
    let line = |contestant| Line { contestant, points: of(contestant).map(|(x, spread)| (x, spread.median)).collect() };
    SHOWN.into_iter().map(line).filter(|line| !line.points.is_empty()).collect()
}
