//! Measures the locks of this workspace beside those of others, and beside the least that they could cost.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for a person")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

mod chart;
mod client;
mod comparison;
mod contestant;
mod executor;
mod figures;
mod growth;
mod hold;
mod json;
mod lost;
mod measure;
mod noise;
mod options;
mod output;
mod renewals;
mod server;
mod session;
mod table;
mod waiting;
mod workload;

use std::process::ExitCode;

use lexopt::Parser;

use crate::contestant::Failure;
use crate::options::{Options, Task, USAGE};
use crate::output::write_chart;

fn main() -> ExitCode {
    let task = match Task::read(Parser::from_env()) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("bench: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let outcome = match task {
        Task::Client(plan) => client::run(plan),
        Task::Hold(holding) => hold::run(holding),
        Task::Compare(options) => compare(&options),
        Task::Grow(options) => growth::run(&options),
        Task::Wait(options) => waiting::run(&options),
        Task::Lose(options) => lost::run(&options),
        Task::Renew(options) => renewals::run(&options),
        Task::Help => {
            print!("{USAGE}");
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Failure> {
    let comparison = comparison::run(options)?;
    if options.json {
        json::print(&comparison.rows);
    } else {
        table::print(&comparison.rows);
    }
    eprintln!("{}", comparison.noise);
    write_chart(&options.charts, "comparison.svg", &chart::bars(&comparison.rows))
}
