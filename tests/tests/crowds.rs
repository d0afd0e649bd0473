//! Crowds of handles that want several of a few names at a time, again and again, on real servers: everybody is served.

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
/// So many locks they have together.
const LOCKS: usize = 800;
const TTL: Duration = Duration::from_secs(10);
const HOLD: Duration = Duration::from_millis(1);
/// Nobody has less than this part of an equal share. In virtual time it is a half; here the machine may be busy.
const LEAST_PART: usize = 4;

/// Returns what a handle wants next: two neighbours of a ring of names, and every third time only one of them.
fn wants(handle: usize, served: usize) -> Resources {
    let names = if served % 3 == 2 { 1 } else { 2 };
    Resources::all((handle..handle + names).map(|number| format!("account:{}", number % HANDLES)))
}

/// What a crowd has had.
struct Crowd {
    shell: &'static str,
    served: Vec<usize>,
    longest_wait: Duration,
    took: Duration,
    /// On all servers, with those inside of scripts.
    commands: usize,
}

impl Crowd {
    fn new(shell: &'static str, members: Vec<(usize, Duration)>, begun: Instant, commands: usize) -> Self {
        let longest_wait = members.iter().map(|(_, longest)| *longest).max().unwrap();
        let served = members.into_iter().map(|(served, _)| served).collect();
        Self { shell, served, longest_wait, took: begun.elapsed(), commands }
    }

    fn check(&self) {
        println!("{self}");
        assert!(self.served.iter().all(|served| LEAST_PART * HANDLES * served >= LOCKS), "{self}");
    }
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shell, served, longest_wait, took, commands } = self;
        let all = served.iter().sum::<usize>();
        let (speed, commands) = (all * 1_000 / usize::try_from(took.as_millis()).unwrap(), commands / all);
        write!(f, "{shell}: {speed} locks/s, served {served:?}, longest wait {longest_wait:?}, ")?;
        write!(f, "{commands} commands per lock, with those inside of scripts")
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
    let (total, before, begun) = (&AtomicUsize::new(0), commands(&servers), Instant::now());
    let member = |(handle, redlock): (usize, redlock_blocking::Redlock)| {
        let (mut served, mut longest) = (0, Duration::ZERO);
        while total.load(Ordering::Relaxed) < LOCKS {
            let asked = Instant::now();
            let guard = redlock.lock(wants(handle, served), TTL).unwrap();
            longest = longest.max(asked.elapsed());
            thread::sleep(HOLD);
            guard.release();
            served += 1;
            total.fetch_add(1, Ordering::Relaxed);
        }
        (served, longest)
    };
    let members = thread::scope(|scope| {
        let members = handles.into_iter().enumerate().map(|own| scope.spawn(move || member(own)));
        let members: Vec<_> = members.collect();
        members.into_iter().map(|member| member.join().unwrap()).collect()
    });
    Crowd::new("threads", members, begun, commands(&servers) - before).check();
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
    let (total, before, begun) = (&AtomicUsize::new(0), commands(&servers), Instant::now());
    let member = async |handle: usize, redlock: &redlock_tokio::Redlock| {
        let (mut served, mut longest) = (0, Duration::ZERO);
        while total.load(Ordering::Relaxed) < LOCKS {
            let asked = Instant::now();
            let guard = redlock.lock(wants(handle, served), TTL).await.unwrap();
            longest = longest.max(asked.elapsed());
            tokio::time::sleep(HOLD).await;
            guard.release().await;
            served += 1;
            total.fetch_add(1, Ordering::Relaxed);
        }
        (served, longest)
    };
    let members = join_all(handles.iter().enumerate().map(|(handle, redlock)| member(handle, redlock))).await;
    Crowd::new("tasks", members, begun, commands(&servers) - before).check();
}
