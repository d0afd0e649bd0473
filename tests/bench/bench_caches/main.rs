//! Holds the caches of `redlock-cache` against moka, `quick_cache` and a map behind a mutex, all in one run:
//!
//! ```text
//! cargo run --release -p redlock-tests --features caches --bin bench_caches [-- --json]
//! ```
//!
//! Every claim is a ratio inside one run. The contestants take turns; times are medians, and best ones for a
//! machine that has other things to do.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::arithmetic_side_effects,
    reason = "a command for a person, which counts"
)]

mod contestant;
mod lease;
mod memory;
mod speed;

use redlock_cache::WhenFull;
use serde_json::{Value, json};

use crate::contestant::PLAIN;
use crate::memory::Budget;

/// So many rounds each contestant has.
const ROUNDS: usize = 15;

/// The numbers of entries whose memory is measured: a round one, one at which the map's table is as full as it gets,
/// and a million.
const COUNTS: [usize; 3] = [100_000, 458_752, 1_000_000];

/// The budget that is filled up.
const BUDGET: usize = 10 << 20;

type Figures = Vec<(&'static str, f64)>;

fn main() {
    let is_json = std::env::args().skip(1).any(|argument| argument == "--json");
    let nanoseconds = [1, 2].map(|threads| lives(threads, is_json));
    let bytes = COUNTS.map(|count| bytes(count, is_json));
    let budget = [WhenFull::Refuse, WhenFull::Evict].map(|when_full| budget(when_full, is_json));
    let collection = collection(is_json);
    let report = json!({ "nanoseconds": nanoseconds, "bytes": bytes, "budget": budget, "collection": collection });
    if is_json {
        println!("{report}");
    }
}

fn lives(threads: usize, is_json: bool) -> Value {
    eprintln!("Taking turns, {ROUNDS} rounds, threads: {threads} ...");
    let times = speed::lives(threads, ROUNDS);
    let heading = format!("put, get and remove beside 10,000 held locks, threads: {threads}");
    let ranks = [("the median of the rounds", ROUNDS / 2), ("the best round, which others disturbed least", 0)];
    let figures = ranks.map(|(rank, place)| {
        let figures: Figures = times.iter().map(|(label, times)| (*label, times[place])).collect();
        let fastest = figures.iter().map(|(_, nanos)| *nanos).fold(f64::INFINITY, f64::min);
        show(is_json, &format!("{heading}; {rank}"), "ns", &figures, fastest);
        named(&figures)
    });
    json!({ "threads": threads, "median": figures[0], "best": figures[1] })
}

fn bytes(count: usize, is_json: bool) -> Value {
    eprintln!("Filling them with {count} locks ...");
    let figures = memory::per_entry(count);
    let plain = figures.iter().find(|(label, _)| *label == PLAIN).map_or(f64::NAN, |(_, bytes)| *bytes);
    show(is_json, &format!("an entry beside its name and its token, of {count}"), "bytes", &figures, plain);
    json!({ "entries": count, "figures": named(&figures) })
}

fn budget(when_full: WhenFull, is_json: bool) -> Value {
    eprintln!("Filling a budget up ...");
    let Budget { most, at_last, entries } = memory::within_budget(BUDGET, when_full);
    let share = |bytes: f64| bytes / BUDGET as f64 * 100.0;
    let (most, at_last) = (share(most as f64), share(at_last as f64));
    if !is_json {
        println!("\n900,000 locks into a budget of 10 MiB, which is to {when_full:?} when full");
        println!("  {most:5.1} % of it at most, while tables were copied; {at_last:5.1} % at last, {entries} entries");
    }
    json!({ "when_full": format!("{when_full:?}"), "most_percent": most, "at_last_percent": at_last, "entries": entries })
}

fn collection(is_json: bool) -> Value {
    eprintln!("Collecting a million ...");
    let figures = speed::collection(1_000_000);
    let plain = figures.iter().find(|(label, _)| *label == PLAIN).map_or(f64::NAN, |(_, millis)| *millis);
    show(is_json, "collecting a million entries that have expired", "ms", &figures, plain);
    named(&figures)
}

fn named(figures: &Figures) -> Value {
    figures.iter().map(|(label, figure)| ((*label).to_owned(), json!(figure))).collect()
}

fn show(is_json: bool, heading: &str, unit: &str, figures: &Figures, yardstick: f64) {
    if is_json {
        return;
    }
    println!("\n{heading}");
    for (label, figure) in figures {
        println!("  {label:24} {figure:8.1} {unit:5}  {:5.2} x", figure / yardstick);
    }
}
