use std::io::{self, Error, ErrorKind};
use std::path::Path;
use std::time::Instant;

use mio::net::UnixStream;
use redlock_core::system::addresses::FULL_QUEUE_PAUSE;
use redlock_core::system::plain_words;

use super::Socket;

/// Connects to a Unix socket; a server that has too many others waiting for it is asked again.
pub(super) fn dial(path: &Path, until: Instant) -> io::Result<Socket> {
    loop {
        match UnixStream::connect(path) {
            Ok(socket) => return Ok(Socket::Unix(socket)),
            Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                std::thread::sleep(FULL_QUEUE_PAUSE);
            }
            Err(error) => {
                let reason = plain_words(&error.to_string());
                return Err(Error::new(error.kind(), format!("no connection to {} ({reason})", path.display())));
            }
        }
    }
}
