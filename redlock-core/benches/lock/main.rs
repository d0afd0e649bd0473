//! What a lock costs without network, runtime and client: `cargo bench -p redlock-core --bench lock`.

mod by_hand;
mod kept_alive;
mod over_a_connection;
mod through_locks;

use divan::{AllocProfiler, Bencher};
use redlock_core::{Command, Lock, Options};

use crate::by_hand::{ByHand, agree, extend, release};
use crate::kept_alive::KeptAlive;
use crate::over_a_connection::OverAConnection;
use crate::through_locks::ThroughLocks;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const NODES: [usize; 3] = [3, 5, 7];
const SIMULTANEOUS: usize = 1_000;

fn main() {
    divan::main();
}

#[divan::bench(args = NODES)]
fn acquire_and_release(bencher: Bencher<'_, '_>, nodes: usize) {
    let by_hand = ByHand::new(nodes);
    bencher.bench_local(|| release(by_hand.acquire()));
}

#[divan::bench(args = NODES)]
fn acquire_and_release_through_locks(bencher: Bencher<'_, '_>, nodes: usize) {
    through_locks(bencher, nodes, Options::new());
}

#[divan::bench(args = NODES)]
fn acquire_and_release_fenced_through_locks(bencher: Bencher<'_, '_>, nodes: usize) {
    through_locks(bencher, nodes, Options::new().fenced(true));
}

fn through_locks(bencher: Bencher<'_, '_>, nodes: usize, options: Options) {
    let mut through_locks = ThroughLocks::new(nodes, options);
    through_locks.acquire_and_release();
    bencher.bench_local(|| through_locks.acquire_and_release());
}

#[divan::bench(args = NODES)]
fn extension(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut lock = ByHand::new(nodes).acquire();
    bencher.bench_local(|| extend(&mut lock));
}

/// Of so many locks, those are extended in the background that are due together: 1 or 2 of 1,000, some 168 of 100,000.
#[divan::bench(args = [1_000, 100_000], sample_count = 1_000, sample_size = 1)]
fn extension_in_the_background(bencher: Bencher<'_, '_>, locks: u32) {
    let mut kept_alive = KeptAlive::new(locks);
    bencher.bench_local(|| kept_alive.extend_next());
}

/// Both commands are encoded and both answers read, on one connection.
#[divan::bench(args = [("redis", "7.0.15"), ("valkey", "9.0.0"), ("redis", "8.4.0")])]
fn acquire_and_release_over_a_connection(bencher: Bencher<'_, '_>, (server, version): (&str, &str)) {
    let mut over_a_connection = OverAConnection::new(server, version);
    over_a_connection.acquire_and_release();
    bencher.bench_local(|| over_a_connection.acquire_and_release());
}

/// A thousand locks are under way at the same time: every command is sent before the first one is answered.
#[divan::bench(args = NODES)]
fn a_thousand_at_once(bencher: Bencher<'_, '_>, nodes: usize) {
    let by_hand = ByHand::new(nodes);
    bencher.counter(SIMULTANEOUS).bench_local(|| {
        let mut locks: Vec<_> = (0..SIMULTANEOUS).map(|_| by_hand.begin()).collect();
        answer_all(&mut locks);
        for lock in &mut locks {
            assert!(lock.hand_over(by_hand::ANSWERED_AT));
            lock.release(by_hand::ANSWERED_AT);
        }
        answer_all(&mut locks);
        assert!(locks.iter().all(|lock| lock.is_settled()));
    });
}

fn answer_all(locks: &mut [Lock]) {
    let commands: Vec<Option<Command>> = locks.iter_mut().map(Lock::poll_command).collect();
    for (lock, command) in locks.iter_mut().zip(&commands) {
        agree(lock, command.as_ref().expect("there is a command for each lock"));
        assert!(lock.poll_event().is_some());
    }
}
