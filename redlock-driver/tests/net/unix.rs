//! Unix sockets.

use std::io::ErrorKind;
use std::time::Duration;

use redlock_driver::net::open;

use crate::world::{Fate, World, address};

const FULL: Fate = Fate::Fails(0, ErrorKind::WouldBlock);

#[test]
fn a_server_that_many_others_wait_for_is_tried_until_there_is_room() {
    let world = World::default();
    world.set_fates("/redis", &[FULL, FULL, Fate::Connects(0)]);
    drop(world.run(open(&world, &address("unix:///redis"), None)).unwrap());
    let tries = "0 tries /redis\n0 closes /redis\n10 tries /redis\n10 closes /redis\n20 tries /redis";
    assert!(world.log().starts_with(tries), "{}", world.log());
}

#[test]
fn such_a_server_is_given_up_when_the_caller_gives_up() {
    let world = World::default();
    world.set_fates("/redis", &[FULL]);
    assert!(world.run_for(Duration::from_millis(25), open(&world, &address("unix:///redis"), None)).is_none());
    assert_eq!(world.log().matches("tries").count(), 3);
}

#[test]
fn any_other_failure_is_told_at_once() {
    let world = World::default();
    world.set_fates("/redis", &[Fate::Fails(0, ErrorKind::NotFound)]);
    let error = world.run(open(&world, &address("unix:///redis"), None)).unwrap_err();
    assert_eq!(error.to_string(), "no connection to /redis (entity not found)");
}
