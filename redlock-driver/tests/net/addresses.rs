//! Which address of a host is tried when, and which one is used.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use redlock_driver::net::open;

use crate::world::{Fate, World, address};

const V4: &str = "10.0.0.1:6379";
const V6: &str = "[::1]:6379";
const OTHER_V6: &str = "[::2]:6379";

/// Opens a connection to a host, and returns the address that is used, or the error.
fn open_in(world: &World) -> Result<String, String> {
    let address = address("redis://node");
    let mut stream = world.run(open(world, &address, None)).map_err(|error| error.to_string())?;
    let mut buffer = [0; 64];
    let length = stream.read(&mut buffer).unwrap();
    Ok(String::from_utf8(buffer[..length].to_vec()).unwrap())
}

#[test]
fn an_address_that_is_silent_has_a_head_start_only() {
    let world = World::with_name("node", &[V6, V4]);
    world.set_fates(V4, &[Fate::Connects(3)]);
    assert_eq!(open_in(&world).unwrap(), V4);
    let expected = "0 looks up node\n0 tries [::1]:6379\n250 tries 10.0.0.1:6379\n253 closes [::1]:6379";
    assert!(world.log().starts_with(expected), "{}", world.log());
}

#[test]
fn an_address_that_answers_within_its_head_start_is_the_only_one_that_is_tried() {
    let world = World::with_name("node", &[V6, V4]);
    world.set_fates(V6, &[Fate::Connects(250)]);
    assert_eq!(open_in(&world).unwrap(), V6);
    assert_eq!(world.log(), "0 looks up node\n0 tries [::1]:6379\n250 closes [::1]:6379");
}

#[test]
fn an_address_that_refuses_is_followed_by_the_next_one_at_once() {
    let world = World::with_name("node", &[V6, V4]);
    world.set_fates(V6, &[Fate::Fails(1, ErrorKind::ConnectionRefused)]);
    world.set_fates(V4, &[Fate::Connects(1)]);
    assert_eq!(open_in(&world).unwrap(), V4);
    assert!(world.log().contains("\n1 tries 10.0.0.1:6379"), "{}", world.log());
}

#[test]
fn the_families_take_turns() {
    let world = World::with_name("node", &[V6, OTHER_V6, V4]);
    world.set_fates(OTHER_V6, &[Fate::Connects(0)]);
    assert_eq!(open_in(&world).unwrap(), OTHER_V6);
    let expected = "0 tries [::1]:6379\n250 tries 10.0.0.1:6379\n500 tries [::2]:6379";
    assert!(world.log().contains(expected), "{}", world.log());
}

#[test]
fn one_that_is_late_wins_while_others_are_still_tried() {
    let world = World::with_name("node", &[V6, V4]);
    world.set_fates(V6, &[Fate::Connects(300)]);
    assert_eq!(open_in(&world).unwrap(), V6);
    assert!(world.log().contains("300 closes 10.0.0.1:6379"), "{}", world.log());
}

#[test]
fn an_error_names_every_address_that_failed() {
    let world = World::with_name("node", &[V6, V4]);
    world.set_fates(V6, &[Fate::Fails(400, ErrorKind::HostUnreachable)]);
    world.set_fates(V4, &[Fate::Fails(1, ErrorKind::ConnectionRefused)]);
    let expected = "no connection to 10.0.0.1:6379 (connection refused), nor to [::1]:6379 (host unreachable)";
    assert_eq!(open_in(&world).unwrap_err(), expected);
}

#[test]
fn whoever_gives_up_closes_every_attempt() {
    let world = World::with_name("node", &[V6, V4]);
    let address = address("redis://node");
    assert!(world.run_for(Duration::from_millis(300), open(&world, &address, None)).is_none());
    assert!(world.log().contains("300 closes [::1]:6379"), "{}", world.log());
    assert!(world.log().contains("300 closes 10.0.0.1:6379"), "{}", world.log());
}
