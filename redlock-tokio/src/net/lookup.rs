use std::io::{self, Error};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// The lookups of this process.
pub(super) static LOOKUPS: Lookups =
    Lookups::by(|host, port| (host, port).to_socket_addrs().map(Iterator::collect), PATIENCE);

/// Resolvers give up before. A lookup that takes longer hangs, or its thread was left behind by a fork of the process.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks the addresses of hosts up, without the runtime's pool of threads: the end of the runtime would wait until a silent
/// resolver gives up, and it panics where the system has no thread to give.
///
/// A lookup that nobody waits for any more goes on, and the next call for that host waits for the same one: another
/// one is begun only when it has taken longer than the `patience`.
pub(super) struct Lookups {
    resolve: Resolve,
    patience: Duration,
    under_way: Mutex<Vec<UnderWay>>,
}

/// Asks the name servers.
type Resolve = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

struct UnderWay {
    host: String,
    port: u16,
    begun_at: Instant,
    waiting: Vec<oneshot::Sender<io::Result<Vec<SocketAddr>>>>,
}

impl Lookups {
    const fn by(resolve: Resolve, patience: Duration) -> Self {
        Self { resolve, patience, under_way: Mutex::new(Vec::new()) }
    }

    pub(super) async fn addresses(&'static self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        let (sender, looked_up) = oneshot::channel();
        self.ask(host, port, sender)?;
        looked_up.await.map_err(Error::other)?
    }

    fn ask(
        &'static self,
        host: String,
        port: u16,
        sender: oneshot::Sender<io::Result<Vec<SocketAddr>>>,
    ) -> io::Result<()> {
        let mut under_way = self.under_way();
        if let Some(same) = under_way.iter_mut().find(|other| other.host == host && other.port == port) {
            if same.begun_at.elapsed() >= self.patience {
                same.begun_at = self.begin(host, port)?;
            }
            same.waiting.retain(|other| !other.is_closed());
            same.waiting.push(sender);
        } else {
            let begun_at = self.begin(host.clone(), port)?;
            under_way.push(UnderWay { host, port, begun_at, waiting: vec![sender] });
        }
        drop(under_way);
        Ok(())
    }

    fn begin(&'static self, host: String, port: u16) -> io::Result<Instant> {
        thread::Builder::new().name("redlock-lookup".into()).spawn(move || self.look_up(&host, port))?;
        Ok(Instant::now())
    }

    fn look_up(&self, host: &str, port: u16) {
        let looked_up = (self.resolve)(host, port);
        let is_it = |other: &mut UnderWay| other.host == host && other.port == port;
        let ended: Vec<_> = self.under_way().extract_if(.., is_it).collect();
        for waiting in ended.into_iter().flat_map(|ended| ended.waiting) {
            // It may have given up.
            let _ = waiting.send(copy(&looked_up));
        }
    }

    fn under_way(&self) -> MutexGuard<'_, Vec<UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy(looked_up: &io::Result<Vec<SocketAddr>>) -> io::Result<Vec<SocketAddr>> {
    looked_up.as_ref().cloned().map_err(|error| Error::new(error.kind(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use super::*;

    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static SILENCE: Mutex<()> = Mutex::new(());

    /// A resolver that is silent as long as somebody has the silence.
    fn silent(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        ASKED.fetch_add(1, Ordering::SeqCst);
        drop(SILENCE.lock());
        match host {
            "unknown" => Err(Error::new(io::ErrorKind::NotFound, "no such host")),
            _ => Ok(vec![SocketAddr::from(([10, 0, 0, 1], port))]),
        }
    }

    static LOOKUPS: Lookups = Lookups::by(silent, PATIENCE);

    #[tokio::test]
    async fn a_silent_resolver_is_asked_once_for_each_host() {
        let silence = SILENCE.lock();
        for _ in 0..10 {
            let given_up = pin!(LOOKUPS.addresses("host".into(), 6379));
            assert!(given_up.poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        let mut waiting = ["host", "host", "unknown"].map(|host| Box::pin(LOOKUPS.addresses(host.into(), 6379)));
        for waiting in &mut waiting {
            assert!(matches!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
        }
        let waiters: Vec<_> = LOOKUPS.under_way().iter().map(|host| host.waiting.len()).collect();
        assert_eq!(waiters, [2, 1], "who has given up is forgotten");
        drop(silence);
        let [first, second, unknown] = waiting;
        let expected = vec![SocketAddr::from(([10, 0, 0, 1], 6379))];
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (expected.clone(), expected.clone()));
        assert_eq!(unknown.await.unwrap_err().to_string(), "no such host");
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
        assert_eq!(LOOKUPS.addresses("host".into(), 6379).await.unwrap(), expected, "it is looked up again");
        assert_eq!(ASKED.load(Ordering::SeqCst), 3);
    }

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

    #[tokio::test]
    async fn a_lookup_that_never_ends_does_not_keep_a_host_away_for_ever() {
        static LOOKUPS: Lookups = Lookups::by(lost, Duration::ZERO);
        let mut first = pin!(LOOKUPS.addresses("127.0.0.1".into(), 6379));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let second = LOOKUPS.addresses("127.0.0.1".into(), 6379).await;
        assert_eq!(second.unwrap(), first.await.unwrap());
    }
}
