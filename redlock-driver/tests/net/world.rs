//! A network in which every address has its fate, on virtual time.

use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use redlock_driver::net::{Address, Network, NodeUrl, Socket};
use redlock_driver::{Instant, Runtime};

/// What comes of trying to connect.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// It is connected after so many milliseconds.
    Connects(u64),
    /// It fails after so many milliseconds.
    Fails(u64, ErrorKind),
    /// Nobody ever answers.
    Silent,
}

#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    sleepers: Vec<(Duration, Waker)>,
    names: BTreeMap<String, Vec<SocketAddr>>,
    fates: BTreeMap<String, Vec<Fate>>,
    log: Vec<String>,
}

impl World {
    /// A world in which a name has these addresses, tried in vain until they are given a fate.
    pub(crate) fn with_name(name: &str, addresses: &[&str]) -> Self {
        let world = Self::default();
        world.set_name(name, addresses);
        world
    }

    pub(crate) fn set_name(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.state().names.insert(name.into(), addresses);
    }

    /// Gives the tries of an address their fates; the last one holds for all that follow.
    pub(crate) fn set_fates(&self, address: &str, fates: &[Fate]) {
        let fates = fates.iter().rev().copied().collect();
        self.state().fates.insert(address.into(), fates);
    }

    /// What has happened, with the milliseconds at which it did.
    pub(crate) fn log(&self) -> String {
        self.state().log.join("\n")
    }

    /// Runs a future to its end; time passes only while it waits.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.run_for(Duration::MAX, future).expect("there is no limit")
    }

    /// Runs a future until the time is over, and drops it then.
    pub(crate) fn run_for<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        let end = self.state().now.saturating_add(limit);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Some(output);
            }
            let next = self.state().sleepers.iter().map(|(deadline, _)| *deadline).min();
            let next = next.unwrap_or(end).min(end);
            assert_ne!(next, Duration::MAX, "nothing will ever happen again");
            if next == end {
                self.state().now = end;
                return None;
            }
            self.advance(next);
        }
    }

    fn advance(&self, now: Duration) {
        let mut state = self.state();
        state.now = now;
        let (due, later): (Vec<_>, Vec<_>) = state.sleepers.drain(..).partition(|(deadline, _)| *deadline <= now);
        state.sleepers = later;
        drop(state);
        for (_, waker) in due {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn note(&self, what: impl std::fmt::Display) {
        let mut state = self.state();
        let line = format!("{} {what}", state.now.as_millis());
        state.log.push(line);
    }

    fn sleep(&self, deadline: Duration) -> impl Future<Output = ()> + Send + use<> {
        let world = self.clone();
        poll_fn(move |context| {
            let mut state = world.state();
            if state.now >= deadline {
                return Poll::Ready(());
            }
            state.sleepers.push((deadline, context.waker().clone()));
            Poll::Pending
        })
    }

    fn next_fate(&self, address: &str) -> Fate {
        let mut state = self.state();
        match state.fates.get_mut(address) {
            Some(fates) if fates.len() > 1 => fates.pop().unwrap(),
            Some(fates) => *fates.last().unwrap(),
            None => Fate::Silent,
        }
    }

    fn attempt(&self, address: String) -> impl Future<Output = io::Result<Line>> + Send + use<> {
        let (world, fate) = (self.clone(), self.next_fate(&address));
        async move {
            world.note(format_args!("tries {address}"));
            let line = Line { world: world.clone(), address };
            let wait = |millis| world.sleep(world.state().now + Duration::from_millis(millis));
            match fate {
                Fate::Connects(millis) => wait(millis).await,
                Fate::Fails(millis, kind) => {
                    wait(millis).await;
                    return Err(kind.into());
                }
                Fate::Silent => pending().await,
            }
            Ok(line)
        }
    }
}

impl Runtime for World {
    fn now(&self) -> Instant {
        Instant::from_epoch(self.state().now)
    }

    fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
        self.sleep(deadline.saturating_since(Instant::EPOCH))
    }

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {
        unreachable!("opening a connection starts no task")
    }
}

impl Network for World {
    type Socket = Line;

    fn lookup(&self, host: &str, _: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static {
        let (world, host) = (self.clone(), host.to_owned());
        async move {
            world.note(format_args!("looks up {host}"));
            let found = world.state().names.get(&host).cloned();
            found.ok_or_else(|| io::Error::other("failed to lookup address information: Name or service not known"))
        }
    }

    fn connect(&self, address: SocketAddr) -> impl Future<Output = io::Result<Line>> + Send + 'static {
        self.attempt(address.to_string())
    }

    fn connect_unix(&self, path: &Path) -> impl Future<Output = io::Result<Line>> + Send + 'static {
        self.attempt(path.display().to_string())
    }
}

/// A connection, or what is to become one. It says when it is closed.
pub(crate) struct Line {
    world: World,
    address: String,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.world.note(format_args!("closes {}", self.address));
    }
}

impl Socket for Line {
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_writable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The answer is the address that was connected to.
impl Read for Line {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        buffer.write(self.address.as_bytes())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn address(url: &str) -> Address {
    NodeUrl::parse(url).unwrap().address
}
