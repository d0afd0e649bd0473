//! What the commands have in common that explore one world.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;

use super::{Explored, Failure};

/// Explores the world that a command line asks for, and prints what has come of it; or how the command is used, if the line
/// asks for that or is wrong.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "for commands, which are for a person")]
pub fn run_command<S, V: Display>(
    usage: &str,
    scenario: Result<Option<S>, Box<dyn Error>>,
    explore: impl FnOnce(&S) -> Result<Explored, Failure<V>>,
) -> ExitCode {
    let scenario = match scenario {
        Ok(Some(scenario)) => scenario,
        Ok(None) => {
            print!("{usage}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{usage}");
            return ExitCode::from(2);
        }
    };
    match explore(&scenario) {
        Ok(explored) => println!("{explored}"),
        Err(failure) => {
            println!("{failure}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
