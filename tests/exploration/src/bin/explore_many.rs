//! Explores a small world of many locks in one process completely; the larger, the longer.

use std::error::Error;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};
use redlock_exploration::many::{Scenario, explore};
use redlock_exploration::run_command;

const USAGE: &str = "\
Usage: explore_many [OPTIONS]

  --nodes N          how many nodes there are (default 1)
  --users N          how many users there are, with a lock each (default 2)
  --two-names        the users want different locks
  --breaks N         how often a connection breaks (default 1)
  --failures N       how often a connection cannot be opened (default 0)
  --extensions N     how often a user extends its lock (default 0)
  --jumps N          how often time goes on to the next timer (default 1)
  --keep-alive       locks are kept alive, up to a longest hold
  --late-commands    nodes may carry out commands of connections that are broken
  --unknown-scripts  the nodes do not know the scripts
";

fn main() -> ExitCode {
    run_command(USAGE, scenario(Parser::from_env()), explore)
}

/// Returns what the command line asks for; nothing if it asks for help.
fn scenario(mut arguments: Parser) -> Result<Option<Scenario>, Box<dyn Error>> {
    let mut scenario = Scenario::new();
    while let Some(argument) = arguments.next()? {
        let Arg::Long(name) = argument else { return Err(argument.unexpected().into()) };
        match name {
            "nodes" => scenario.nodes = arguments.value()?.parse()?,
            "users" => scenario.users = arguments.value()?.parse()?,
            "two-names" => scenario.one_name = false,
            "breaks" => scenario.breaks = arguments.value()?.parse()?,
            "failures" => scenario.failures = arguments.value()?.parse()?,
            "extensions" => scenario.extensions = arguments.value()?.parse()?,
            "jumps" => scenario.jumps = arguments.value()?.parse()?,
            "keep-alive" => scenario.keeps_alive = true,
            "late-commands" => scenario.late_commands = true,
            "unknown-scripts" => scenario.knows_scripts = false,
            "help" => return Ok(None),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(Some(scenario))
}
