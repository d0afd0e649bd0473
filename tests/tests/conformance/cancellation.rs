//! Futures and guards that are dropped.

use std::time::Duration;

use futures_util::FutureExt;
use redlock_tests::{Server, wait_until};

use crate::adapter::Adapter;
use crate::fixture::{Fixture, TTL};
use crate::time::{spawn, timeout};

/// From before anything is sent until after everything is done.
const STAGES: [u64; 12] = [0, 20, 50, 100, 150, 200, 300, 400, 600, 800, 1_200, 2_000];

pub(crate) async fn an_acquisition_that_is_dropped_at_any_stage_leaves_nothing<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    for micros in STAGES {
        let acquisition = nodes.redlock.lock("job", TTL);
        // A guard that is there in time is dropped at once.
        drop(timeout::<A, _>(Duration::from_micros(micros), acquisition).await);
        nodes.assert_gone("job");
    }
}

pub(crate) async fn an_acquisition_that_was_polled_once_and_dropped_leaves_nothing<A: Adapter>() {
    let nodes = Fixture::<A>::start(5);
    for round in 0..50 {
        let name = format!("job-{round}");
        drop(nodes.redlock.lock(&name, TTL).now_or_never());
        nodes.assert_gone(&name);
    }
}

pub(crate) async fn a_waiting_acquisition_that_is_dropped_leaves_the_holder_alone<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    for micros in STAGES {
        let rival = nodes.rival();
        assert!(timeout::<A, _>(Duration::from_micros(micros * 20), rival.lock("job", TTL)).await.is_none());
        rival.close().await;
    }
    assert_eq!(nodes.keys("job"), 3);
    drop(guard);
    nodes.assert_gone("job");
}

pub(crate) async fn a_dropped_guard_is_released_at_once<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    drop(guard);
    nodes.assert_gone("job");
}

pub(crate) async fn a_guard_can_be_dropped_on_a_thread_without_a_runtime<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", TTL).await.unwrap();
    std::thread::spawn(move || drop(guard)).join().unwrap();
    nodes.assert_gone("job");
}

pub(crate) async fn a_guard_that_outlives_its_handle_is_released_all_the_same<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let rival = nodes.rival();
    let guard = rival.lock("job", TTL).await.unwrap();
    drop(rival);
    assert!(guard.is_valid());
    drop(guard);
    nodes.assert_gone("job");
}

pub(crate) async fn an_extension_that_is_dropped_leaves_a_lock_that_can_be_released<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    for micros in STAGES {
        let mut guard = nodes.redlock.lock("job", TTL).await.unwrap();
        let _ = timeout::<A, _>(Duration::from_micros(micros), guard.extend(TTL * 2)).await;
        assert!(guard.is_valid());
        guard.release().await;
        nodes.assert_gone("job");
    }
}

pub(crate) async fn a_release_that_is_dropped_is_done_all_the_same<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    for micros in STAGES {
        let guard = nodes.redlock.lock("job", TTL).await.unwrap();
        let _ = timeout::<A, _>(Duration::from_micros(micros), guard.release()).await;
        nodes.assert_gone("job");
    }
}

pub(crate) async fn what_is_dropped_while_a_node_hangs_is_undone_when_it_goes_on<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    drop(nodes.redlock.lock("warm-up", TTL).await.unwrap());
    nodes.servers[0].pause();
    for micros in STAGES {
        drop(timeout::<A, _>(Duration::from_micros(micros), nodes.redlock.lock("job", TTL)).await);
    }
    nodes.servers[0].resume();
    assert!(wait_until(TTL, || nodes.servers[0].command(&["PING"]).is_ok()));
    nodes.assert_gone("job");
}

pub(crate) async fn after_close_nothing_is_left_and_nothing_more_is_acquired<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guards: Vec<_> = (0..100).map(|number| nodes.redlock.lock(format!("job-{number}"), TTL)).collect();
    let guards = futures_util::future::try_join_all(guards).await.unwrap();
    let waiting = spawn::<A, _>(nodes.redlock.lock("job-0", TTL));
    drop(guards);
    let report = nodes.redlock.close().await;
    assert_eq!((report.unsettled, report.held), (0, 0));
    let sizes = nodes.servers.iter().map(|server| server.command(&["DBSIZE"]).unwrap());
    assert_eq!(sizes.collect::<Vec<_>>(), ["0", "0", "0"]);
    let closed = "the lock was not acquired: this Redlock handle was closed";
    assert_eq!(nodes.redlock.try_lock("job", TTL).await.unwrap_err().to_string(), closed);
    // It may have been acquired in the moment between the drop and the close.
    if let Err(error) = waiting.await.unwrap() {
        assert_eq!(error.to_string(), closed);
    }
}

pub(crate) async fn close_does_not_wait_for_ever_for_a_node_that_hangs<A: Adapter>() {
    let nodes = Fixture::<A>::start(3);
    let guard = nodes.redlock.lock("job", TTL).await.unwrap();
    nodes.wait_until_everywhere("job");
    nodes.servers.iter().take(1).for_each(Server::pause);
    drop(guard);
    let report = timeout::<A, _>(TTL / 2, nodes.redlock.close()).await.expect("well before the TTL is over");
    assert_eq!(report.unsettled, 1);
    nodes.servers[0].resume();
    assert!(wait_until(TTL / 2, || nodes.keys("job") == 0), "the engine goes on in the background");
}
