use clap_complete::Shell;

use crate::failure::Failure;
use crate::output;

/// Print the completions for a shell
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

const AFTER_HELP: &str = "\
Examples:
  redlock completions bash > ~/.local/share/bash-completion/completions/redlock
  redlock completions fish > ~/.config/fish/completions/redlock.fish";

pub(crate) fn execute(args: &Args, command: &mut clap::Command) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, command, "redlock", &mut text);
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(0)
}
