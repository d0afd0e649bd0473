//! The command `redlock`: distributed locks over independent Redis or Valkey masters, from a shell.
//!
//! `redlock run NAME -- COMMAND` takes a lock, keeps it alive while the command runs, and ends the command before
//! somebody else can have the lock. `redlock help run` says exactly when.
//!
//! # When the command is ended
//!
//! A lock is valid until its deadline: its TTL less the drift (1 % and 2 ms), counted from the last extension that a
//! quorum confirmed. Nobody else can have it before. Extensions begin after a third of the TTL and are tried again
//! sooner when they fail. With the margin of 5 % of the TTL (20 ms at least, 500 ms at most):
//!
//! ```text
//! deadline - kill-after - margin   SIGTERM to the process group of the command, unless an extension was confirmed
//! deadline - margin                SIGKILL to the process group; earlier if kill-after is over before
//! deadline                         somebody else can have the lock
//! ```
//!
//! `kill-after` and the margin together are at most half of the TTL, so that extensions have at least a sixth of the TTL
//! to succeed. When an extension finds that the keys are gone from a quorum, nobody knows whether somebody else has the
//! lock already: SIGTERM is sent at once, and SIGKILL at the time above. All of this is decided by `CLOCK_BOOTTIME` where
//! the system has it, so that it holds for a machine that has slept.
//!
//! # Structure
//!
//! One file per command, each with its arguments and an `execute`; `nodes` says where the nodes come from, `failure` with
//! which status the process ends. What is decided about time is in `run::schedule`, which reads no clock.

#[cfg(not(unix))]
compile_error!("redlock-cli needs process groups and signals, as Unix has them");

mod acquire;
mod bench;
mod completions;
mod config;
mod doctor;
mod duration;
mod failure;
mod health;
mod man;
mod node_names;
mod nodes;
mod output;
mod picture;
mod recording;
mod refusal;
mod release;
mod run;
mod status;
mod terminal;
mod this_program;
mod token_file;
mod warnings;

use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use nix::sys::signal::Signal;
use tokio::signal::unix::SignalKind;

use crate::failure::Failure;
use crate::nodes::NodeArgs;

/// Distributed locks over independent Redis or Valkey servers
#[derive(Parser)]
#[command(name = "redlock", version, after_long_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    nodes: NodeArgs,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  export REDLOCK_NODES=redis://10.0.0.1,redis://10.0.0.2,redis://10.0.0.3
  redlock run report -- make report
  redlock run nightly --if-free --min-hold 1m -- ./nightly.sh
  redlock status report nightly
  redlock doctor

Exit status:
  75  the lock was not acquired, or too few nodes answered: try again later
  76  the lock was lost
  2   the arguments or the configuration are wrong
  `redlock run` ends with the status of its command otherwise.";

#[derive(Subcommand)]
enum Command {
    Run(OnNodes<run::Args>),
    Acquire(OnNodes<acquire::Args>),
    Release(OnNodes<release::Args>),
    Status(OnNodes<status::Args>),
    Health(OnNodes<health::Args>),
    Doctor(OnNodes<doctor::Args>),
    Bench(OnNodes<bench::Args>),
    Picture(OnNodes<picture::Args>),
    Completions(OnNodes<completions::Args>),
    Man(OnNodes<man::Args>),
}

// The arguments of a command, and the nodes that may be named behind it as well as before it. A doc comment would be the help.
#[derive(clap::Args)]
struct OnNodes<T: clap::Args> {
    // First, so that the help is that of the command.
    #[command(flatten)]
    nodes: NodeArgs,
    #[command(flatten)]
    args: T,
}

fn main() -> ExitCode {
    let first = std::env::args_os().nth(1);
    match first.as_ref().and_then(|first| first.to_str()) {
        Some(run::LAUNCH) => report(&run::launch(&run::LaunchArgs::parse_from(std::env::args_os().skip(1)))),
        Some(this_program::INTERRUPTED) => this_program::be_interrupted(),
        _ => dispatch(Cli::parse()).map_or_else(|failure| report(&failure), ExitCode::from),
    }
}

/// Says on stderr what has happened, with the status that says it to programs.
fn report(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Interrupted(Signal::SIGINT) => this_program::interrupt(),
        Failure::Interrupted(_) => {}
        failure => output::complain(&failure.to_string()),
    }
    ExitCode::from(failure.status())
}

/// Executes a command; yields the status with which the process is to end.
fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let nodes = |behind| cli.nodes.followed_by(behind);
    match cli.command {
        Command::Run(command) => block_on(run::execute(command.args, &nodes(command.nodes))),
        Command::Acquire(command) => block_on(acquire::execute(command.args, &nodes(command.nodes))),
        Command::Release(command) => block_on(release::execute(command.args, &nodes(command.nodes))),
        Command::Status(command) => block_on(status::execute(command.args, &nodes(command.nodes))),
        Command::Health(command) => block_on(health::execute(command.args, &nodes(command.nodes))),
        Command::Doctor(command) => block_on(doctor::execute(command.args, &nodes(command.nodes))),
        Command::Bench(command) => block_on(bench::execute(command.args, &nodes(command.nodes))),
        Command::Picture(command) => picture::execute(&command.args),
        Command::Completions(command) => completions::execute(&command.args, &mut Cli::command()),
        Command::Man(command) => man::execute(&command.args, Cli::command()),
    }
}

/// Runs a command on this thread alone: a command that was started by a thread ends with it, see `run::launch`.
fn block_on(command: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let runtime =
        check_room_for_files().and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build());
    let runtime = runtime.map_err(|error| Failure::Other(format!("no async runtime could be made: {error}")))?;
    runtime.block_on(async {
        survive_long_files()?;
        command.await
    })
}

/// Has the system refuse what would make a file longer than `ulimit -f` allows, instead of ending this process: a lock would
/// be left behind. A handler does not pass on to the command of the user, which a signal that is ignored does.
fn survive_long_files() -> Result<(), Failure> {
    if run::is_ignored(Signal::SIGXFSZ) {
        return Ok(());
    }
    let signal = SignalKind::from_raw(Signal::SIGXFSZ as i32);
    let handled = tokio::signal::unix::signal(signal).map(drop);
    handled.map_err(|error| Failure::Other(format!("{} cannot be handled: {error}", Signal::SIGXFSZ)))
}

/// Makes sure that this process may open as many files as tokio begins with, which panics where it may not.
fn check_room_for_files() -> std::io::Result<()> {
    let pairs = (0..3).map(|_| UnixStream::pair());
    pairs.collect::<Result<Vec<_>, _>>().map(drop)
}

#[cfg(test)]
mod tests;
