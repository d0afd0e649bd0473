use std::io::{self, Error, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use redlock_core::system::addresses::no_address;

/// Looks the addresses of hosts up, off the caller's thread: a name server may be silent for much longer than anybody
/// wants to wait.
///
/// A lookup that takes too long goes on, and the next call for that host waits for the same one: another one is begun
/// only when it has taken longer than the `patience`.
pub(super) struct Lookup {
    resolve: Resolve,
    patience: Duration,
    under_way: Vec<UnderWay>,
}

/// Resolvers give up before. A lookup that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks the name servers.
type Resolve = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

struct UnderWay {
    host: String,
    port: u16,
    begun_at: Instant,
    answer: Receiver<io::Result<Vec<SocketAddr>>>,
    thread: thread::JoinHandle<()>,
}

impl Lookup {
    pub(super) const fn by(resolve: Resolve) -> Self {
        Self { resolve, patience: PATIENCE, under_way: Vec::new() }
    }

    /// Looks a name up again, whatever it was before: a server may have moved.
    pub(super) fn addresses(&mut self, host: &str, port: u16, until: Instant) -> io::Result<Vec<SocketAddr>> {
        let under_way = match self.take(host, port) {
            Some(under_way) => under_way,
            None => self.begin(host, port)?,
        };
        match under_way.answer.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Ok(addresses)) if addresses.is_empty() => {
                Err(Error::new(ErrorKind::NotFound, format!("the name {host} has no address")))
            }
            Ok(looked_up) => looked_up.map_err(|error| no_address(host, &error)),
            Err(RecvTimeoutError::Timeout) => {
                self.under_way.push(under_way);
                let text = format!("the name {host} cannot be looked up: no answer within the connect timeout");
                Err(Error::new(ErrorKind::TimedOut, text))
            }
            Err(RecvTimeoutError::Disconnected) => Err(Error::other("the thread that looked the name up has panicked")),
        }
    }

    /// Takes the lookup of a host that is under way, unless it hangs. Those of others that have ended are forgotten.
    fn take(&mut self, host: &str, port: u16) -> Option<UnderWay> {
        let taken = self.under_way.extract_if(.., |other| other.host == host && other.port == port).next();
        self.under_way.retain(|other| !other.thread.is_finished());
        taken.filter(|taken| taken.begun_at.elapsed() < self.patience)
    }

    fn begin(&self, host: &str, port: u16) -> io::Result<UnderWay> {
        let (sender, answer) = mpsc::sync_channel(1);
        let (asked, resolve) = (host.to_owned(), self.resolve);
        let thread = thread::Builder::new().name("redlock-lookup".into()).spawn(move || {
            // Nobody waits for it any more when the handle is gone.
            let _ = sender.send(resolve(&asked, port));
        })?;
        Ok(UnderWay { host: host.into(), port, begun_at: Instant::now(), answer, thread })
    }
}

impl Default for Lookup {
    fn default() -> Self {
        Self::by(|host, port| (host, port).to_socket_addrs().map(Iterator::collect))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A resolver of which the first answer never comes.
    fn lost(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        if ASKED.fetch_add(1, Ordering::SeqCst) == 0 {
            loop {
                thread::park();
            }
        }
        (host, port).to_socket_addrs().map(Iterator::collect)
    }

    #[test]
    fn a_lookup_that_never_ends_does_not_keep_a_host_away_for_ever() {
        let mut lookup = Lookup { patience: Duration::ZERO, ..Lookup::by(lost) };
        let within = |millis| Instant::now().checked_add(Duration::from_millis(millis)).unwrap();
        assert_eq!(lookup.addresses("127.0.0.1", 6379, within(200)).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(
            lookup.addresses("127.0.0.1", 6379, within(30_000)).unwrap(),
            [SocketAddr::from(([127, 0, 0, 1], 6379))]
        );
    }
}
