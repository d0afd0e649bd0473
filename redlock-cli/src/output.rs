use std::io::{ErrorKind, Write};

use crate::failure::Failure;

/// Writes to stdout, with colours only where that is a terminal. Nobody who reads any more is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Other(format!("stdout: {error}"))),
        _ => Ok(()),
    }
}

/// Says one sentence on stderr. Where nobody can hear it, the status has to do.
pub(crate) fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "redlock: {sentence}");
}
