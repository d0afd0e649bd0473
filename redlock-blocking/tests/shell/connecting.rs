//! Connections that are not there yet, or not any more.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use redlock_blocking::transport::Transport;
use redlock_blocking::{AcquireError, Cause, IntoNode, Node, NodeTimeout, Outcome, Redlock, ReleaseVerdict};

use crate::link::{Link, SOON, TTL, World};

#[test]
fn what_is_asked_before_the_first_connection_waits_for_it() {
    let world = World::new();
    assert_eq!(world.redlock.try_lock("job", TTL).unwrap().release().verdict, ReleaseVerdict::Released);
}

#[test]
fn nodes_that_are_down_are_named_and_used_as_soon_as_they_are_there() {
    let world = World::with(NodeTimeout::fixed(SOON), |links| links[..2].iter().for_each(|link| link.is_down(true)));
    let error = world.redlock.try_lock("job", TTL).unwrap_err();
    let AcquireError::Unavailable(attempts) = &error else { panic!("{error}") };
    let not_sent = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(why) if why.cause() == Cause::NotSent);
    assert_eq!(attempts.nodes.count(not_sent), 2);
    assert!(error.to_string().contains("nobody listens"), "{error}");
    world.links[..2].iter().for_each(|link| link.is_down(false));
    drop(world.redlock.acquire("job", TTL).wait(SOON).lock().unwrap());
    world.assert_undone();
}

#[test]
fn a_connection_that_broke_is_made_anew_and_the_release_follows() {
    let world = World::new();
    let guard = world.redlock.try_lock("job", TTL).unwrap();
    world.links.iter().for_each(|link| link.wait_until(|link| link.has_key("job")));
    world.links.iter().for_each(Link::cut);
    drop(guard);
    world.assert_undone();
    assert!(world.links.iter().all(|link| link.connects() >= 2));
}

/// No clock can tell when that is over.
#[test]
fn the_longest_duration_is_no_time_that_is_over_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut node = format!("redis://{}", silent.local_addr().unwrap()).into_node().unwrap();
    let connecting = thread::spawn(move || node.connect(Duration::MAX).map(drop));
    let (connection, _) = silent.accept().unwrap();
    thread::sleep(Duration::from_millis(100));
    assert!(!connecting.is_finished());
    drop((connection, silent));
    connecting.join().unwrap().unwrap_err();
}

#[test]
fn a_connection_that_takes_everything_and_says_nothing_is_replaced() {
    let silence = Duration::from_millis(50);
    let links: [Link; 3] = Default::default();
    let nodes = ["one", "two", "three"].into_iter().zip(&links).map(|(name, link)| Node::new(name, link.clone()));
    let builder = Redlock::builder().nodes(nodes).silence_timeout(silence).node_timeout(NodeTimeout::fixed(SOON));
    let redlock = builder.build().unwrap();
    let guard = redlock.try_lock("job", TTL).unwrap();
    for link in &links {
        link.wait_until(|link| link.has_key("job"));
    }
    let silent = &links[0];
    silent.is_silent(true);
    drop(guard);
    silent.wait_until(|link| link.connects() >= 2);
    silent.is_silent(false);
    for link in &links {
        link.wait_until(|link| !link.has_key("job"));
    }
    assert_eq!(redlock.try_lock("job", TTL).unwrap().release().verdict, ReleaseVerdict::Released);
    links.iter().for_each(Link::assert_every_set_was_undone);
}

#[test]
fn a_connection_that_nobody_uses_is_tried_out() {
    let links: [Link; 1] = Default::default();
    let nodes = links.iter().map(|link| Node::new("only", link.clone()));
    let redlock = Redlock::builder().nodes(nodes).ping_interval(Duration::from_millis(20)).build().unwrap();
    links[0].wait_until(|link| link.pings() >= 2);
    drop(redlock);
}

#[test]
fn a_node_that_is_down_for_long_is_not_asked_to_connect_all_the_time() {
    let world = World::with(NodeTimeout::fixed(SOON), |links| links[0].is_down(true));
    world.links[0].wait_until(|link| link.connects() >= 5);
    for round in 0..1_000 {
        drop(world.redlock.try_lock(format!("job-{round}"), TTL).unwrap());
    }
    assert!(world.links[0].connects() < 20, "{} tries", world.links[0].connects());
}

#[test]
fn when_the_last_handle_and_guard_are_gone_the_connections_are_closed() {
    let world = World::new();
    let [link, ..] = world.links.clone();
    let guard = world.redlock.try_lock("job", TTL).unwrap();
    link.wait_until(|link| link.users() > 2);
    drop(world);
    drop(guard);
    link.wait_until(|link| !link.has_key("job"));
    link.wait_until(|link| link.users() == 1);
}
