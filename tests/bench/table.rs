use crate::contestant::Name;
use crate::figures::{Headline, Row, Spread};

/// A table for each combination of workload, nodes and tasks.
pub(crate) fn print(rows: &[Row]) {
    for rows in rows.chunk_by(|left, right| left.combination() == right.combination()) {
        print_combination(rows);
    }
    println!(
        "\nMedians over the rounds, but for the longest lock of all; the range is from the worst round to the best one."
    );
    println!("Times are in microseconds.");
    if rows.iter().any(|row| row.workload.is_about_one_lock()) {
        println!(
            "W3, W6: how often the least and the most served task had the lock, relative to the mean; and the p99 in"
        );
        println!(
            "turns, which are the time in which each task could have had it once. 2nd: the share of fenced acquisitions"
        );
        println!("for which the nodes were asked twice, in per cent.");
    }
    println!("CPU is the client's, in seconds for 10,000 pairs; commands are all nodes' for one acquisition.");
}

fn print_combination(rows: &[Row]) {
    let Some(Row { server, workload, nodes, tasks, .. }) = rows.first() else { return };
    let (description, headline) = (workload.description(*tasks), Headline::of(*workload).text());
    println!("\n{workload} on {server}, N = {nodes}: {description}. Ratios are of {headline}.");
    let fairness = if workload.is_about_one_lock() { " least   most  turns    2nd" } else { "" };
    println!(
        "{:<16}{:>10}{:>20}{:>8}{:>8}{:>11}{:>11}{:>11}{:>11}{:>8}{:>10}{:>9}{:>7}{fairness}",
        "",
        "pairs/s",
        "range",
        "x raw",
        "x redis",
        "lock p50",
        "lock p99",
        "lock max",
        "unlock p50",
        "CPU",
        "commands",
        "gave up",
        "MiB",
    );
    for row in rows {
        print_row(row, rows);
    }
}

fn print_row(row: &Row, rows: &[Row]) {
    let Some(pairs) = row.pairs_per_second() else {
        println!("{:<16}{:>10}", row.contestant, "never");
        return;
    };
    let range = format!("{:.0} … {:.0}", pairs.min, pairs.max);
    println!(
        "{:<16}{:>10.0}{range:>20}{:>8}{:>8}{:>11}{:>11}{:>11}{:>11}{:>8}{:>10}{:>9}{:>7}{}",
        row.contestant,
        pairs.median,
        ratio(row, rows, Name::FloorRaw),
        ratio(row, rows, Name::FloorRedis),
        shown(row.lock_p50(), 0),
        shown(row.lock_p99(), 0),
        row.lock_max().map_or("-".into(), |spread| format!("{:.0}", spread.max)),
        shown(row.unlock_p50(), 0),
        shown(row.cpu_seconds_per_10k(), 3),
        shown(row.commands_per_acquisition(), 1),
        row.gave_up(),
        shown(row.peak_mib(), 0),
        fairness(row),
    );
}

/// How the contestant compares with a floor in what the workload is about.
fn ratio(row: &Row, rows: &[Row], floor: Name) -> String {
    let floor = rows.iter().find(|row| row.contestant == floor);
    let ratio = floor.and_then(|floor| Some(row.headline()?.median / floor.headline()?.median));
    ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"))
}

fn shown(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".into(), |spread| format!("{:.digits$}", spread.median))
}

/// The shares of the least and the most served task, and how many turns of all tasks a slow one waits.
fn fairness(row: &Row) -> String {
    match (row.fair_min(), row.fair_max(), row.turns()) {
        (Some(min), Some(max), Some(turns)) => {
            let second = row.commit_share().map_or("-".into(), |share| format!("{:.2}", share.median * 100.0));
            format!("{:>6.2}{:>7.2}{:>7.2}{second:>7}", min.median, max.median, turns.median)
        }
        _ => String::new(),
    }
}
