//! The names of hosts, and addresses that need no name.

use std::io::ErrorKind;

use redlock_driver::net::open;

use crate::world::{Fate, World, address};

#[test]
fn a_name_is_looked_up_for_every_connection() {
    let world = World::with_name("node", &["10.0.0.1:6379"]);
    let node = address("redis://node");
    world.set_fates("10.0.0.1:6379", &[Fate::Connects(0)]);
    world.set_fates("10.0.0.2:6379", &[Fate::Connects(0)]);
    drop(world.run(open(&world, &node, None)).unwrap());
    world.set_name("node", &["10.0.0.2:6379"]);
    drop(world.run(open(&world, &node, None)).unwrap());
    assert_eq!(world.log().matches("looks up node").count(), 2);
    assert!(world.log().ends_with("0 tries 10.0.0.2:6379\n0 closes 10.0.0.2:6379"), "{}", world.log());
}

#[test]
fn an_ip_address_is_not_looked_up() {
    let world = World::default();
    world.set_fates("[::1]:7001", &[Fate::Connects(0)]);
    drop(world.run(open(&world, &address("redis://[::1]:7001"), None)).unwrap());
    assert_eq!(world.log(), "0 tries [::1]:7001\n0 closes [::1]:7001");
}

#[test]
fn an_unknown_name_is_an_error_that_says_so() {
    let world = World::default();
    let error = world.run(open(&world, &address("redis://node"), None)).unwrap_err();
    assert_eq!(error.to_string(), "the name node cannot be looked up: name or service not known");
}

#[test]
fn a_name_without_an_address_is_an_error_that_says_so() {
    let world = World::with_name("node", &[]);
    let error = world.run(open(&world, &address("redis://node"), None)).unwrap_err();
    assert_eq!(error.to_string(), "the name node has no address");
}

#[test]
fn an_address_that_asks_for_tls_is_not_opened_without() {
    let world = World::default();
    let error = world.run(open(&world, &address("rediss://10.0.0.1"), None)).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Unsupported, "TLS is not set up"));
    assert_eq!(world.log(), "");
}
