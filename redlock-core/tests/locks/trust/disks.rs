//! Servers whose disk keeps all that they have answered.

use super::*;

/// What a server says of itself that writes everything to its disk before it answers.
fn keeping(run_id: &str, uptime: u64) -> Facts {
    let mut facts = told(&format!("{}aof_enabled:1\r\n", running(run_id, uptime)));
    facts.note_setting("appendfsync", "always");
    assert_eq!(facts.is_durable(), Some(true));
    facts
}

#[test]
fn a_server_that_was_running_all_the_time_has_not_read_the_disk_of_its_predecessor() {
    let mut world = World::of_three(|config| config);
    world.reconnect_to(1, keeping("b1", 1_000), at(0));
    world.takes(at(5_000)).unwrap();
    world.reconnect_to(1, keeping("other", 1_000_000), at(6_000));
    world.reconnect_to(1, keeping("other", 1_000_001), at(7_000));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(6_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(6_000 + GUARD)), Ok(()));
}

#[test]
fn what_was_forgotten_is_not_on_a_disk_that_keeps_everything_from_then_on() {
    let mut world = World::of_three(|config| config);
    world.takes(at(0)).unwrap();
    world.reconnect(1, &running("b2", 0), at(1_000));
    world.reconnect_to(1, keeping("b2", 2), at(3_000));
    world.reconnect_to(1, keeping("b3", 0), at(4_000));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(1_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(1_000 + GUARD)), Ok(()));
}

/// It may have been started again with another configuration: a server that finds no append-only file begins with no data.
#[test]
fn a_disk_that_keeps_everything_only_since_the_start_has_not_kept_what_was_granted_before() {
    let mut world = World::of_three(|config| config);
    world.takes(at(0)).unwrap();
    world.reconnect_to(1, keeping("b2", 0), at(1_000));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(1_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(1_000 + GUARD)), Ok(()));
    world.reconnect_to(1, keeping("b3", 0), at(1_000 + GUARD));
    assert_eq!(world.takes(at(1_000 + GUARD)), Ok(()), "now it has");
}

/// A process that has just begun knows no more of it.
#[test]
fn a_strict_handle_does_not_know_what_a_young_server_has_kept_before() {
    let strict = |config: ConfigBuilder| config.restart_guard(RestartGuard::STRICT).durable("c");
    let (mut world, hour) = (World::new(strict), 3_600_000);
    for (node, run, uptime) in [(0, "a1", 1_000), (1, "b1", 1), (2, "c1", 1)] {
        world.connect_to(node, keeping(run, uptime), at(hour));
    }
    assert_eq!(world.takes(at(hour)), Ok(()), "two are trusted");
    world.needs([0, 1]);
    assert_eq!(world.takes(at(hour + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(hour + GUARD)), Ok(()));
    world.reconnect_to(1, keeping("b2", 0), at(hour + GUARD));
    assert_eq!(world.takes(at(hour + GUARD)), Ok(()), "now it does");
}

#[test]
fn who_was_told_that_nothing_is_forgotten_goes_by_that() {
    let mut world = World::of_three(|config| config.durable("b"));
    world.takes(at(5_000)).unwrap();
    world.reconnect(1, &running("other", 1_000_000), at(6_000));
    assert_eq!(world.needs([0, 1]).takes(at(6_000)), Ok(()));
}
