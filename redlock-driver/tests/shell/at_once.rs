//! Connections on which whoever has something to say sends it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use redlock_driver::{AcquireError, DEFAULT_SILENCE_TIMEOUT, KeepAlive, Redlock};

use crate::clock::{Clock, settle};
use crate::link::Link;
use crate::world::{TTL, World, node_timeout};

/// How many commands each node has carried.
fn carried(world: &World) -> [usize; 3] {
    [0, 1, 2].map(|index| world.links[index].commands())
}

#[tokio::test]
async fn a_call_has_sent_before_it_waits() {
    let world = World::at_once().await;
    let mut acquisition = world.redlock.lock("job", TTL);
    assert!((&mut acquisition).now_or_never().is_none());
    assert_eq!(carried(&world), [1, 1, 1], "no other task has run");
    drop(acquisition);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_guard_that_is_dropped_has_sent_its_release() {
    let world = World::at_once().await;
    // The scripts are known.
    drop(world.lock("other").await);
    settle().await;
    let guard = world.lock("job").await;
    settle().await;
    drop(guard);
    assert!(world.links.iter().all(Link::is_empty), "no other task has run");
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn so_has_one_whose_grants_have_not_all_come() {
    let world = World::at_once().await;
    drop(world.lock("other").await);
    settle().await;
    world.links[2].fall_silent();
    let guard = world.lock("job").await;
    settle().await;
    let before = carried(&world);
    drop(guard);
    assert_eq!(carried(&world), before.map(|count| count + 1));
    world.links[2].answer();
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn many_at_a_time_are_gathered() {
    let world = World::at_once().await;
    let guards = join_all((0..100).map(|number| world.redlock.lock(format!("job-{number}"), TTL))).await;
    assert!(guards.iter().all(Result::is_ok));
    settle().await;
    let batches = world.links[0].batches();
    assert!(batches < 10, "{batches} batches");
    drop(guards);
    settle().await;
    world.assert_nothing_is_left();
}

/// Nobody adds to them, so the task needs one turn for all of them and what comes of them.
#[tokio::test]
async fn many_renewals_wait_for_nobody() {
    let world = World::at_once().await;
    let lock = |number| world.redlock.lock(format!("job-{number}"), TTL).keep_alive(KeepAlive::while_held());
    let guards = join_all((0..10).map(lock)).await;
    settle().await;
    // The script is known from then on.
    world.clock.advance(TTL / 3);
    settle().await;
    let (before, turns) = (carried(&world), world.clock.turns());
    for times in 1..5 {
        world.clock.advance(TTL / 3);
        settle().await;
        assert_eq!(carried(&world), before.map(|count| count + 10 * times));
        assert_eq!(world.clock.turns(), turns + times);
    }
    drop(guards);
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn no_more_is_sent_to_a_node_that_does_not_answer_than_the_driver_sends() {
    let world = World::at_once().await;
    world.links[0].fall_silent();
    let guards = join_all((0..10).map(|number| world.redlock.lock(format!("job-{number}"), TTL))).await;
    settle().await;
    assert_eq!(world.links[0].most_under_way(), 2);
    world.clock.advance(node_timeout() * 2);
    world.links[0].answer();
    drop(guards);
    settle().await;
    world.assert_nothing_is_left();
}

/// It answers in the end, so that its connection is not given up: what is sent and not answered must not become ever more.
#[tokio::test]
async fn a_node_that_is_far_behind_is_not_sent_the_releases_of_all_guards_that_are_dropped() {
    let world = World::at_once().await;
    drop(world.lock("other").await);
    settle().await;
    world.links[2].fall_silent();
    let mut most = Vec::new();
    for second in 0..4 {
        for millis in 0..1_000 {
            drop(world.lock(&format!("job:{second}:{millis}")).await);
            world.clock.advance(Duration::from_millis(1));
        }
        most.push(world.links[2].most_under_way());
    }
    assert!(most[0] > 900 && most[3] < 1_200, "{most:?}");
    world.links[2].answer();
    settle().await;
    world.assert_nothing_is_left();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_order_holds_when_threads_lock_and_let_go_at_the_same_time() {
    let world = World::at_once().await;
    let workers = (0..8).map(|worker| {
        let redlock = world.redlock.clone();
        tokio::spawn(async move {
            for number in 0..200 {
                let acquisition = redlock.lock(format!("job-{worker}-{number}"), TTL);
                if number % 2 == 0 {
                    let _ = acquisition.now_or_never();
                } else {
                    drop(acquisition.await.unwrap());
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(world.redlock.close().await.unsettled, 0);
    world.assert_nothing_is_left();
}

#[tokio::test]
async fn a_transport_that_panics_in_a_call_harms_neither_the_caller_nor_what_others_send() {
    let world = World::at_once().await;
    drop(world.lock("warm-up").await);
    settle().await;
    world.links[0].panic_at_next_batch();
    let guard = world.lock("job").await;
    settle().await;
    let refused = world.clock.run(world.redlock.try_lock("job", TTL)).await.unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
    world.links[1].panic_at_next_batch();
    drop(guard);
    settle().await;
    let refused = world.clock.run(world.redlock.try_lock("job", TTL)).await.unwrap_err().to_string();
    assert_eq!(refused.matches("its transport panicked").count(), 2, "{refused}");
}

/// A task whose waker waits.
struct Slow(Sender<()>, std::sync::Mutex<Receiver<()>>);

impl Wake for Slow {
    fn wake(self: Arc<Self>) {
        self.0.send(()).unwrap();
        self.1.lock().unwrap().recv().unwrap();
    }
}

/// Nobody reads what comes back over the old one, so its commands would have the replies to others.
#[tokio::test]
async fn a_caller_that_is_held_up_sends_nothing_over_a_connection_that_was_replaced() {
    let (clock, long) = (Clock::default(), TTL * 100);
    let link = Link::new(&clock);
    let redlock = Redlock::builder().node(link.node_at_once("only")).build_on(clock.clone()).unwrap();
    let rival = Redlock::builder().node(link.node("only")).build_on(clock.clone()).unwrap();
    let _theirs = clock.run(rival.lock("theirs", long)).await.unwrap();
    let guard = clock.run(redlock.lock("job", long)).await.unwrap();
    settle().await;
    let connects = link.connects().len();

    // The guard is dropped by a thread that has to wake somebody before it sends the release.
    let ((woken, is_woken), (go_on, may_go_on)) = (channel(), channel());
    let waker = Waker::from(Arc::new(Slow(woken, may_go_on.into())));
    let mut lost = pin!(guard.lost());
    assert!(lost.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    link.fall_silent();
    let mut under_way = vec![redlock.lock("a", long)];
    assert!((&mut under_way[0]).now_or_never().is_none());
    let dropping = thread::spawn(|| drop(guard));
    is_woken.recv().unwrap();

    // Meanwhile there is another connection, over which nothing more is sent until it has answered.
    clock.advance(DEFAULT_SILENCE_TIMEOUT);
    settle().await;
    assert_eq!(link.connects().len(), connects + 1);
    let mut carried = 0;
    while carried < link.commands() {
        carried = link.commands();
        let mut next = redlock.lock(format!("job-{carried}"), long);
        assert!((&mut next).now_or_never().is_none());
        under_way.push(next);
        settle().await;
    }
    let mut refused = redlock.try_lock("theirs", long);
    assert!((&mut refused).now_or_never().is_none());
    go_on.send(()).unwrap();
    dropping.join().unwrap();
    link.answer();
    let mut granted = redlock.try_lock("free", long);
    assert!((&mut granted).now_or_never().is_none());
    let refused = clock.run(refused).await.unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
    assert!(clock.run(granted).await.is_ok());
}
