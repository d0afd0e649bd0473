use crate::failure::Failure;
use crate::output;

/// Print the manual page
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The command whose page is printed; without it, the page of redlock itself
    command: Option<String>,
}

const AFTER_HELP: &str = "\
Examples:
  redlock man > ~/.local/share/man/man1/redlock.1
  redlock man run > ~/.local/share/man/man1/redlock-run.1";

pub(crate) fn execute(args: &Args, mut command: clap::Command) -> Result<u8, Failure> {
    command.build();
    let page = match &args.command {
        None => command,
        Some(name) => find(&command, name)?,
    };
    let mut text = Vec::new();
    let written = clap_mangen::Man::new(page).render(&mut text);
    written.map_err(|error| Failure::Other(format!("the page could not be made: {error}")))?;
    output::print(&String::from_utf8_lossy(&text))?;
    Ok(0)
}

/// Finds a command. It has been built, so that its page is named `redlock-run` for instance.
fn find(command: &clap::Command, name: &str) -> Result<clap::Command, Failure> {
    let found = command.get_subcommands().find(|command| command.get_name() == name);
    let found = found.ok_or_else(|| Failure::Usage(format!("there is no command {name:?}")))?;
    Ok(found.clone())
}
