use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use redlock_history::History;

use crate::failure::Failure;
use crate::output;

/// Draw what was recorded as a picture
///
/// Draws the files that `redlock run --record` and the recorder of the library have written as one SVG, on the wall clock: for
/// each process when it waited for a lock and held it, and for each server whose key it had and when it was not connected.
/// What happened is said where the mouse points.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The recordings; - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The file that the picture is written to; without it, stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Draw the locks of this name only
    #[arg(long)]
    name: Option<String>,
}

const NOTHING: &str = "there is nothing to draw: the recordings tell of no lock; name the files that `redlock run --record FILE` has written";

const AFTER_HELP: &str = "\
Exit status:
  1   a recording cannot be read, or there is no lock in them to be drawn

Examples:
  redlock run report --record report.jsonl -- make report
  redlock picture report.jsonl -o report.svg
  redlock picture web-1.jsonl web-2.jsonl --name invoice:7 > invoice.svg";

pub(crate) fn execute(args: &Args) -> Result<u8, Failure> {
    args.output.as_deref().map_or(Ok(()), |output| check_output(output, &args.files))?;
    let mut history = History::new();
    for file in &args.files {
        let read = open(file).and_then(|source| history.read(source).map_err(|error| error.to_string()));
        read.map_err(|why| Failure::Other(format!("{}: {why}", file.display())))?;
    }
    if history.is_empty() {
        return Err(Failure::Other(NOTHING.into()));
    }
    if let Some(name) = &args.name {
        history = history.only(name);
        if history.is_empty() {
            return Err(Failure::Other(format!("the recordings tell of no lock of the name {name:?}")));
        }
    }
    let picture = history.picture().to_string();
    match &args.output {
        Some(file) => {
            let written = std::fs::write(file, picture);
            written.map_err(|error| Failure::Other(format!("{}: {error}", file.display())))?;
        }
        None => output::print(&picture)?,
    }
    Ok(0)
}

/// A recording cannot be made again.
fn check_output(output: &Path, files: &[PathBuf]) -> Result<(), Failure> {
    let place = |file: &Path| file.metadata().ok().filter(Metadata::is_file).map(|file| (file.dev(), file.ino()));
    let Some(wanted) = place(output) else { return Ok(()) };
    if files.iter().any(|file| place(file) == Some(wanted)) {
        return Err(Failure::Usage(format!(
            "--output {}: it is one of the recordings, name another file",
            output.display()
        )));
    }
    Ok(())
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, String> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(file).map_err(|error| error.to_string())?;
    Ok(Box::new(BufReader::new(file)))
}
