//! Explores a small world of two locks over three nodes completely; the larger, the longer.

use std::error::Error;
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};
use redlock_exploration::{NodeClock, Role, Scenario, explore, run_command};

const USAGE: &str = "\
Usage: explore [OPTIONS]

What each of the two clients may do, as two numbers or truths with a comma between them:
  --attempts N,N     how many attempts it makes (default 1,1)
  --extensions N,N   how often it extends (default 0,0)
  --cancels B,B      whether it may stop at any step (default false,false)

What else may happen:
  --last-begin N     the last tick at which the second client begins (default 2)
  --slow-links N     on how many of the 6 connections messages outlast a tick (default 1)
  --node-timeout N   after how many ticks silence is a refusal (default 2)
  --cuts N           how many connections break (default 0)
  --crashes N        how many nodes crash (default 0)
  --late-timers      clients sleep through ticks
  --node-clock C     fast (default), exact, slow, too-fast
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
            "attempts" => set_roles(&mut scenario, &mut arguments, |role, attempts| role.attempts = attempts)?,
            "extensions" => set_roles(&mut scenario, &mut arguments, |role, times| role.extensions = times)?,
            "cancels" => set_roles(&mut scenario, &mut arguments, |role, cancels| role.cancels = cancels)?,
            "last-begin" => scenario.last_begin = arguments.value()?.parse()?,
            "slow-links" => scenario.slow_links = arguments.value()?.parse()?,
            "node-timeout" => scenario.node_timeout = arguments.value()?.parse()?,
            "cuts" => scenario.cuts = arguments.value()?.parse()?,
            "crashes" => scenario.crashes = arguments.value()?.parse()?,
            "late-timers" => scenario.late_timers = true,
            "node-clock" => scenario.node_clock = node_clock(&arguments.value()?.string()?)?,
            "help" => return Ok(None),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(Some(scenario))
}

/// Sets a trait of both roles from two values with a comma between them.
fn set_roles<T>(
    scenario: &mut Scenario,
    arguments: &mut Parser,
    set: impl Fn(&mut Role, T),
) -> Result<(), Box<dyn Error>>
where
    T: std::str::FromStr<Err: Error + 'static>,
{
    let text = arguments.value()?.string()?;
    let (first, second) = text.split_once(',').ok_or("two values with a comma between them are needed")?;
    for (role, value) in scenario.roles.iter_mut().zip([first, second]) {
        set(role, value.trim().parse()?);
    }
    Ok(())
}

fn node_clock(name: &str) -> Result<NodeClock, Box<dyn Error>> {
    Ok(match name {
        "fast" => NodeClock::Fast,
        "exact" => NodeClock::Exact,
        "slow" => NodeClock::Slow,
        "too-fast" => NodeClock::TooFast,
        _ => return Err(format!("there is no node clock {name}").into()),
    })
}
