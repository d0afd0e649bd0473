//! Replies that come late, or not at all, and whose they are.

use std::time::Duration;

use redlock_blocking::{AcquireError, NodeTimeout, ReleaseVerdict};

use crate::link::{Link, TTL, World};

/// So short that a test can wait for it.
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn late_replies_of_a_silent_node_are_read_in_order_and_are_nobody_elses() {
    let world = World::new();
    world.links[0].is_silent(true);
    for round in 0..20 {
        let name = format!("job-{round}");
        let mut guard = world.redlock.try_lock(&name, TTL).unwrap();
        let refused = world.redlock.try_lock(&name, TTL).unwrap_err();
        assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
        guard.extend(TTL * 2).unwrap();
    }
    world.links[0].is_silent(false);
    for round in 0..20 {
        let guard = world.redlock.try_lock(format!("job-{round}"), TTL).unwrap();
        assert_eq!(guard.release().verdict, ReleaseVerdict::Released);
    }
    assert_eq!(world.redlock.close().unsettled, 0);
    world.links.iter().for_each(Link::assert_every_set_was_undone);
}

#[test]
fn a_grant_that_comes_after_its_attempt_has_failed_is_not_taken_for_the_next_ones() {
    let world = World::with(NodeTimeout::fixed(SHORT), |_| ());
    let held = world.redlock.try_lock("held", TTL).unwrap();
    world.links[..2].iter().for_each(|link| link.is_silent(true));
    let failed = world.redlock.try_lock("job", TTL).unwrap_err();
    assert!(matches!(failed, AcquireError::Unavailable(_)), "{failed}");
    // Granted by two nodes; whoever reads these replies for the next lock holds what somebody else has.
    world.links[..2].iter().for_each(|link| link.is_silent(false));
    let refused = world.redlock.try_lock("held", TTL).unwrap_err();
    assert!(matches!(refused, AcquireError::Contended(_)), "{refused}");
    drop(held);
    world.assert_undone();
}

#[test]
fn what_a_broken_connection_owed_is_not_expected_of_the_next_one() {
    let world = World::new();
    let guard = world.redlock.try_lock("warm-up", TTL).unwrap();
    world.links.iter().for_each(|link| link.wait_until(|link| link.has_key("warm-up")));
    drop(guard);
    // Reads what all have answered: a connection that never carried anything would be given time before the next one.
    // It may have to wait, because the nodes are sent the script's text first.
    drop(world.redlock.lock("warm-up", TTL).unwrap());
    for round in 0..10 {
        let link = &world.links[round % 3];
        let connects = link.connects();
        link.is_silent(true);
        let guard = world.redlock.try_lock(format!("job-{round}"), TTL).unwrap();
        link.cut();
        link.is_silent(false);
        assert_eq!(guard.release().verdict, ReleaseVerdict::Released, "round {round}");
        link.wait_until(|link| link.connects() > connects);
    }
    world.links.iter().for_each(|link| link.wait_until(|link| !link.has_keys()));
    world.links.iter().for_each(Link::assert_nothing_was_sent_twice);
}

#[test]
fn after_a_panic_of_a_transport_no_reply_is_taken_for_anothers() {
    let world = World::new();
    drop(world.redlock.try_lock("warm-up", TTL).unwrap());
    world.links[0].panic();
    while world.links[0].is_to_panic() {
        let redlock = world.redlock.clone();
        // It may have been the background that was hit.
        drop(std::thread::spawn(move || redlock.try_lock("job", TTL).map(drop)).join());
    }
    let held = world.redlock.try_lock("other", TTL).unwrap();
    assert!(world.redlock.try_lock("other", TTL).is_err());
    assert_eq!(held.release().verdict, ReleaseVerdict::Released);
    world.links.iter().for_each(|link| link.wait_until(|link| !link.has_keys()));
}
