use std::io::{self, Error, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use redlock_core::system::addresses::no_address;

/// Looks the addresses of a host up, off the caller's thread: a name server may be silent for much longer than anybody
/// wants to wait.
///
/// A lookup that takes too long goes on, and the next call waits for the same one: no more than one is ever under way.
#[derive(Default)]
pub(super) struct Lookup(Option<Receiver<io::Result<Vec<SocketAddr>>>>);

impl Lookup {
    /// Looks a name up again, whatever it was before: a server may have moved.
    pub(super) fn addresses(&mut self, host: &str, port: u16, until: Instant) -> io::Result<Vec<SocketAddr>> {
        let under_way = match self.0.take() {
            Some(under_way) => under_way,
            None => begin(host, port)?,
        };
        match under_way.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Ok(addresses)) if addresses.is_empty() => {
                Err(Error::new(ErrorKind::NotFound, format!("the name {host} has no address")))
            }
            Ok(looked_up) => looked_up.map_err(|error| no_address(host, &error)),
            Err(RecvTimeoutError::Timeout) => {
                self.0 = Some(under_way);
                let text = format!("the name {host} cannot be looked up: no answer within the connect timeout");
                Err(Error::new(ErrorKind::TimedOut, text))
            }
            Err(RecvTimeoutError::Disconnected) => Err(Error::other("the thread that looked the name up has panicked")),
        }
    }
}

fn begin(host: &str, port: u16) -> io::Result<Receiver<io::Result<Vec<SocketAddr>>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let host = host.to_owned();
    thread::Builder::new().name("redlock-lookup".into()).spawn(move || {
        // Nobody waits for it any more when the handle is gone.
        let _ = sender.send((host.as_str(), port).to_socket_addrs().map(Iterator::collect));
    })?;
    Ok(receiver)
}
