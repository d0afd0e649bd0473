//! How long clients wait that all want the same lock, while time goes on.

use crate::chart::{Line, Lines};
use crate::client::PARTS;
use crate::comparison;
use crate::contestant::{Failure, Name};
use crate::figures::Row;
use crate::options::Options;
use crate::output::write_chart;
use crate::table;
use crate::workload::Workload;

/// One whose waiters are called up, one of this workspace whose waiters ask now and then, and a peer.
const SHOWN: [Name; 3] = [Name::Tokio, Name::TokioFred, Name::Rslock];

/// Measures and draws it.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let mut options = options.clone();
    (options.workloads, options.nodes, options.rounds) = (vec![Workload::W6], vec![3], 1);
    options.contestants.retain(|name| SHOWN.contains(name));
    let comparison = comparison::run(&options)?;
    let seconds = options.duration.as_secs_f64();
    let chart = Lines {
        title: "The longest wait for a lock, in milliseconds",
        subtitle: "16 clients want one lock over three nodes and hold it for 1 ms. Who waits is called up, or asks now and then.",
        across: "seconds",
        logarithmic: (false, true),
        contestants: comparison.rows.iter().map(|row| line(row, seconds)).collect(),
    };
    table::print(&comparison.rows);
    eprintln!("{}", comparison.noise);
    write_chart(&options.charts, "waiting.svg", &chart.draw())
}

fn line(row: &Row, seconds: f64) -> Line {
    let longest = row.rounds.iter().flat_map(|round| round.measured.longest.iter().enumerate());
    let point = |(part, longest): (usize, &Option<f64>)| {
        let at = (part as f64 + 1.0) * seconds / PARTS as f64;
        longest.map(|micros| (at, micros / 1_000.0))
    };
    Line { contestant: row.contestant, points: longest.filter_map(point).collect() }
}
