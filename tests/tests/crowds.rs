//! Crowds of handles that want the same at a time, again and again, on real servers: everybody is served, in turn.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    reason = "tests, with figures for people"
)]

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redlock_tests::{Server, Servers, wait_until};
use redlock_tokio::Resources;

const HANDLES: usize = 8;
/// So many locks a crowd has together.
const LOCKS: usize = 800;
/// So many one handle has for comparison, before anybody else wants anything.
const LOCKS_ALONE: u32 = 50;
const TTL: Duration = Duration::from_secs(10);
const HOLD: Duration = Duration::from_millis(1);
/// A crowd takes this many times as long for a lock as one handle alone at most: a release that calls nobody up costs tens
/// of times as much.
const SLOWEST: u32 = 8;

/// What a crowd wants.
#[derive(Clone, Copy, Debug)]
enum Wish {
    /// All the same name.
    One,
    /// Two neighbours of a ring of names, and every third time only one of them.
    Neighbours,
}

impl Wish {
    const ALL: [Self; 2] = [Self::One, Self::Neighbours];

    /// Returns what a handle wants next.
    fn of(self, handle: usize, served: usize) -> Resources {
        match self {
            Self::One => "account".into(),
            Self::Neighbours => {
                let names = if served % 3 == 2 { 1 } else { 2 };
                Resources::all((handle..handle + names).map(|number| format!("account:{}", number % HANDLES)))
            }
        }
    }

    /// Nobody has less than this part of an equal share. Whoever waits for two names may find one of them taken when its turn
    /// comes, again and again: on a busy machine a quarter was seen.
    const fn least_part(self) -> usize {
        match self {
            Self::One => 2,
            Self::Neighbours => 8,
        }
    }
}

/// What a crowd has had.
struct Crowd {
    shell: &'static str,
    wish: Wish,
    served: Vec<usize>,
    longest_wait: Duration,
    took: Duration,
    /// How long a lock takes that nobody else wants.
    alone: Duration,
    /// On all servers, with those inside of scripts.
    commands: usize,
}

impl Crowd {
    fn check(&self) {
        println!("{self}");
        let least = self.wish.least_part() * HANDLES;
        assert!(self.served.iter().all(|served| least * served >= LOCKS), "{self}");
        let all = u32::try_from(self.served.iter().sum::<usize>()).unwrap();
        assert!(self.took < SLOWEST * all * self.alone, "{self}");
    }
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shell, wish, served, longest_wait, took, alone, commands } = self;
        let all = served.iter().sum::<usize>();
        let (speed, commands) = (all * 1_000 / usize::try_from(took.as_millis()).unwrap(), commands / all);
        write!(f, "{shell}, {wish:?}: {speed} locks/s, {alone:?} for one alone, served {served:?}, ")?;
        write!(f, "longest wait {longest_wait:?}, {commands} commands per lock, with those inside of scripts")
    }
}

/// Returns how many commands the servers have carried out.
fn commands(servers: &Servers) -> usize {
    let count = |server: &Server| {
        let stats = server.command(&["INFO", "stats"]).unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        line.unwrap().trim().parse::<usize>().unwrap()
    };
    servers.iter().map(count).sum()
}

#[test]
fn everybody_of_a_crowd_of_threads_is_served() {
    let servers = Servers::start(3);
    let new_handle = |_| redlock_blocking::Redlock::builder().nodes(servers.urls()).build().unwrap();
    let handles: Vec<_> = (0..HANDLES).map(new_handle).collect();
    let is_connected = |handle: &redlock_blocking::Redlock| handle.health().voters() == servers.len();
    assert!(wait_until(TTL, || handles.iter().all(is_connected)));
    let serve = |redlock: &redlock_blocking::Redlock, wanted: Resources| {
        let asked = Instant::now();
        let guard = redlock.lock(wanted, TTL).unwrap();
        let waited = asked.elapsed();
        thread::sleep(HOLD);
        guard.release();
        waited
    };
    let begun = Instant::now();
    for _ in 0..LOCKS_ALONE {
        serve(&handles[0], "alone".into());
    }
    let alone = begun.elapsed() / LOCKS_ALONE;
    for wish in Wish::ALL {
        let (total, before, begun) = (&AtomicUsize::new(0), commands(&servers), Instant::now());
        let member = |(handle, redlock)| {
            let (mut served, mut longest) = (0, Duration::ZERO);
            while total.fetch_add(1, Ordering::Relaxed) < LOCKS {
                longest = longest.max(serve(redlock, wish.of(handle, served)));
                served += 1;
            }
            (served, longest)
        };
        let members: Vec<_> = thread::scope(|scope| {
            let members: Vec<_> = handles.iter().enumerate().map(|own| scope.spawn(move || member(own))).collect();
            members.into_iter().map(|member| member.join().unwrap()).collect()
        });
        let (served, longest): (_, Vec<_>) = members.into_iter().unzip();
        let (longest_wait, took) = (longest.into_iter().max().unwrap(), begun.elapsed());
        let commands = commands(&servers) - before;
        Crowd { shell: "threads", wish, served, longest_wait, took, alone, commands }.check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_of_a_crowd_of_tasks_is_served() {
    let servers = Servers::start(3);
    let new_handle = |_| redlock_tokio::Redlock::builder().nodes(servers.urls()).build().unwrap();
    let handles: Vec<_> = (0..HANDLES).map(new_handle).collect();
    for redlock in &handles {
        // One that is connected: the others would be ahead of it.
        redlock.lock("any", TTL).await.unwrap().release().await;
    }
    let serve = async |redlock: &redlock_tokio::Redlock, wanted: Resources| {
        let asked = Instant::now();
        let guard = redlock.lock(wanted, TTL).await.unwrap();
        let waited = asked.elapsed();
        tokio::time::sleep(HOLD).await;
        guard.release().await;
        waited
    };
    let begun = Instant::now();
    for _ in 0..LOCKS_ALONE {
        serve(&handles[0], "alone".into()).await;
    }
    let alone = begun.elapsed() / LOCKS_ALONE;
    for wish in Wish::ALL {
        let (total, before, begun) = (&AtomicUsize::new(0), commands(&servers), Instant::now());
        let member = async |(handle, redlock)| {
            let (mut served, mut longest) = (0, Duration::ZERO);
            while total.fetch_add(1, Ordering::Relaxed) < LOCKS {
                longest = longest.max(serve(redlock, wish.of(handle, served)).await);
                served += 1;
            }
            (served, longest)
        };
        let members = join_all(handles.iter().enumerate().map(member)).await;
        let (served, longest): (_, Vec<_>) = members.into_iter().unzip();
        let (longest_wait, took) = (longest.into_iter().max().unwrap(), begun.elapsed());
        let commands = commands(&servers) - before;
        Crowd { shell: "tasks", wish, served, longest_wait, took, alone, commands }.check();
    }
}
