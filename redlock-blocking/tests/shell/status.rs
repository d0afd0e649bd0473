//! Questions about locks, from threads that lead and from threads that do not.

use std::thread;
use std::time::{Duration, Instant};

use redlock_blocking::{Cause, Holder, KeyStatus, LockState, NodeTimeout, RequestError};

use crate::link::{SOON, TTL, World};

#[test]
fn a_thread_that_does_not_lead_is_told_while_the_leader_waits_for_something_else() {
    let world = World::with(NodeTimeout::fixed(SOON), |_| ());
    let guard = world.redlock.try_lock("job", TTL).unwrap();
    let acquire = world.redlock.acquire("job", TTL);
    let abort = acquire.abort_handle();
    let leader = thread::spawn(move || acquire.lock());
    for _ in 0..20 {
        let begin = Instant::now();
        let status = world.redlock.status("job").unwrap();
        assert!(begin.elapsed() < SOON / 2, "{:?}", begin.elapsed());
        assert!(matches!(status.state(), LockState::Held { by: Holder::ThisHandle, .. }), "{status}");
    }
    assert!(!leader.is_finished());
    abort.abort();
    assert!(leader.join().unwrap().is_err());
    drop(guard);
    world.assert_undone();
}

#[test]
fn many_threads_ask_at_the_same_time_and_each_is_told() {
    let world = World::with(NodeTimeout::fixed(SOON), |_| ());
    let _guard = world.redlock.try_lock("3", TTL).unwrap();
    thread::scope(|scope| {
        for number in 0..8 {
            let redlock = &world.redlock;
            scope.spawn(move || {
                for _ in 0..20 {
                    assert_eq!(redlock.status(number.to_string()).unwrap().is_held(), number == 3);
                }
            });
        }
    });
}

#[test]
fn a_node_that_is_down_and_one_that_is_silent_are_part_of_the_result() {
    let world = World::with(NodeTimeout::fixed(Duration::from_millis(500)), |_| ());
    assert!(world.redlock.status("job").unwrap().is_free());
    world.links[0].is_down(true);
    world.links[0].cut();
    world.links[1].is_silent(true);
    let begin = Instant::now();
    let status = world.redlock.status("job").unwrap();
    assert!(begin.elapsed() < SOON / 2, "{:?}", begin.elapsed());
    assert_eq!(status.state(), LockState::Unknown, "{status}");
    let (_, _, silent) = status.nodes().nth(1).unwrap();
    assert!(matches!(&silent.key, KeyStatus::Unavailable(why) if why.cause() == Cause::NoAnswer), "{silent}");
    world.links[1].is_silent(false);
}

#[test]
fn a_bad_name_is_refused_and_a_closed_handle_can_still_be_asked() {
    let world = World::new();
    assert_eq!(world.redlock.status("").unwrap_err(), RequestError::EmptyName);
    world.redlock.close();
    assert!(world.redlock.status("job").unwrap().is_free());
    world.assert_undone();
}
