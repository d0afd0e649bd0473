//! Servers that were replicas for a while: then they have the keys of their master, and none of their own.

use redlock_core::observed::{NodeEvent, Observed};

use super::*;

/// What a server says of itself that writes everything to its disk before it answers.
fn keeping(run_id: &str, uptime: u64, role: &str) -> Facts {
    let mut facts = told(&format!("{}role:{role}\r\naof_enabled:1\r\n", running(run_id, uptime)));
    facts.note_setting("appendfsync", "always");
    facts
}

/// Lets a node refuse a lock because it is a replica, and gives its name a connection again when that is due.
fn refuse(world: &mut World, now: Instant) -> Instant {
    let node = world.nodes[1];
    let request = Request::new(world.locks.config(), "refused", TTL, Options::new().attempts(1)).unwrap();
    let key = world.locks.acquire(request, [9; 32], now).unwrap();
    let mut batch = Vec::new();
    world.locks.poll_batch(node, &mut batch, now);
    for _ in batch {
        world.locks.handle_reply(node, Reply::Unavailable(Unavailable::from_server_error("READONLY")), now);
    }
    for other in [world.nodes[0], world.nodes[2]] {
        world.answer(other, now);
    }
    world.give_back(key, now);
    let due = now.saturating_add(Duration::from_millis(20));
    world.locks.handle_timeout(due);
    due
}

#[test]
fn one_that_is_a_master_again_has_forgotten_what_it_had_granted() {
    for role in ["master", "slave"] {
        let mut world = World::of_three(|config| config);
        world.takes(at(5_000)).unwrap();
        let mut now = refuse(&mut world, at(6_000));
        world.connect(1, &format!("{}role:{role}\r\n", running("b1", 1_007)), now);
        if role == "slave" {
            now = refuse(&mut world, at(8_000));
            world.connect(1, &format!("{}role:master\r\n", running("b1", 1_009)), now);
        }
        world.needs([0, 1]);
        let ends = now.saturating_add(Duration::from_millis(GUARD));
        let before = now.saturating_add(Duration::from_millis(GUARD - 1));
        assert_eq!(world.takes(before), Err(vec![None, RESTARTED, GIVEN_UP]), "{role}");
        assert_eq!(world.takes(ends), Ok(()), "{role}");
    }
}

/// That it is a replica was seen without a question.
#[test]
fn one_that_says_nothing_of_itself_and_is_a_master_again_has_too() {
    let mut world = World::new(|config| config);
    for node in 0..3 {
        world.connect(node, "", at(0));
    }
    world.takes(at(5_000)).unwrap();
    let now = refuse(&mut world, at(6_000));
    world.connect(1, "", now);
    world.needs([0, 1]);
    let ends = now.saturating_add(Duration::from_millis(GUARD));
    let before = now.saturating_add(Duration::from_millis(GUARD - 1));
    assert_eq!(world.takes(before), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(ends), Ok(()));
}

/// A server says in the handshake already that nothing can be written.
#[test]
fn one_that_has_refused_a_connection_and_is_a_master_again_has_too() {
    for is_known in [true, false] {
        let mut world = World::new(|config| config);
        for (node, run) in [(0, "a1"), (2, "c1")] {
            world.connect(node, &running(run, 1_000), at(0));
        }
        let node = world.nodes[1];
        if is_known {
            world.connect(1, &running("b1", 1_000), at(0));
            world.takes(at(5_000)).unwrap();
            world.locks.handle_disconnected(node, &Unavailable::new(Cause::Disconnected), at(6_000));
        }
        assert!(world.locks.poll_connect(node));
        let refused = Unavailable::from_server_error("READONLY You can't write against a read only replica.");
        world.locks.handle_disconnected(node, &refused, at(6_000));
        world.locks.handle_timeout(at(7_000));
        world.connect(1, &running("b1", 1_007), at(7_000));
        world.needs([0, 1]);
        let before = at(7_000 + GUARD - 1);
        assert_eq!(world.takes(before), Err(vec![None, RESTARTED, GIVEN_UP]), "{is_known}");
        assert_eq!(world.takes(at(7_000 + GUARD)), Ok(()), "{is_known}");
    }
}

#[test]
fn one_that_becomes_a_master_again_while_it_is_connected_has_too() {
    let mut world = World::of_three(|config| config);
    world.takes(at(5_000)).unwrap();
    let now = refuse(&mut world, at(6_000));
    world.connect(1, &format!("{}role:slave\r\n", running("b1", 1_007)), now);
    world.needs([0, 1]);
    world.locks.observe(true);
    assert_eq!(world.takes(at(30_000)), Err(vec![None, RESTARTED, GIVEN_UP]));
    let until = Some(at(30_000 + GUARD));
    let told = core::iter::from_fn(|| world.locks.poll_observed());
    let without_vote = told.filter(|event| {
        matches!(event, Observed::Node { event: NodeEvent::WithoutVote { until: told, .. }, .. } if *told == until)
    });
    assert_eq!(without_vote.count(), 1, "whoever observes is told");
    assert_eq!(world.takes(at(30_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(30_000 + GUARD)), Ok(()));
}

/// Its disk keeps everything, also what it took over from its master.
#[test]
fn one_that_is_a_master_again_after_a_restart_has_forgotten_it_too() {
    for is_refused in [true, false] {
        let mut world = World::of_three(|config| config);
        world.reconnect_to(1, keeping("b1", 1_000, "master"), at(0));
        world.takes(at(5_000)).unwrap();
        let mut now = at(6_000);
        if is_refused {
            now = refuse(&mut world, now);
            world.connect_to(1, keeping("b2", 0, "master"), now);
        } else {
            world.reconnect_to(1, keeping("b1", 1_005, "slave"), at(5_500));
            world.reconnect_to(1, keeping("b2", 0, "master"), now);
        }
        world.needs([0, 1]);
        let ends = now.saturating_add(Duration::from_millis(GUARD));
        let before = now.saturating_add(Duration::from_millis(GUARD - 1));
        assert_eq!(world.takes(before), Err(vec![None, RESTARTED, GIVEN_UP]), "{is_refused}");
        assert_eq!(world.takes(ends), Ok(()), "{is_refused}");
    }
}

/// It was promoted at any time since it was connected to, if it is not one that can be written to.
#[test]
fn one_that_was_a_replica_when_it_was_connected_to_has_forgotten_by_its_first_grant() {
    for was_known in [true, false] {
        let mut world = World::new(|config| config);
        world.connect(0, &running("a1", 1_000), at(0));
        world.connect(2, &running("c1", 1_000), at(0));
        if was_known {
            world.connect(1, &running("b1", 1_000), at(0));
            world.takes(at(1_000)).unwrap();
            world.reconnect(1, &format!("{}role:slave\r\n", running("b1", 1_005)), at(5_000));
        } else {
            world.connect(1, &format!("{}role:slave\r\n", running("b1", 1_005)), at(5_000));
        }
        world.needs([0, 1]);
        assert_eq!(world.takes(at(6_000)), Err(vec![None, RESTARTED, GIVEN_UP]), "{was_known}");
        assert_eq!(world.takes(at(6_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]), "{was_known}");
        assert_eq!(world.takes(at(6_000 + GUARD)), Ok(()), "it can be written to, or was promoted");
    }
}

/// What a server says of its replication that was a replica of one with this id, if it was.
fn promoted(from: Option<&str>) -> String {
    let from = from.unwrap_or("0000000000000000000000000000000000000000");
    format!("role:master\r\nmaster_replid:own\r\nmaster_replid2:{from}\r\n")
}

/// What it was replaced by meanwhile need not have had its last keys.
#[test]
fn one_that_was_a_replica_while_nobody_looked_has_forgotten_too() {
    for (before, fails_over) in [(None, false), (Some("first"), false), (None, true)] {
        let run = |uptime: u64, from: Option<&str>| {
            let facts = told(&format!("{}{}", running("b1", uptime), promoted(from)));
            if fails_over { facts.with_failover() } else { facts }
        };
        let mut world = World::of_three(|config| config);
        world.reconnect_to(1, run(1_000, before), at(0));
        world.takes(at(5_000)).unwrap();
        world.reconnect_to(1, run(1_006, Some("second")), at(6_000));
        world.needs([0, 1]);
        assert_eq!(world.takes(at(6_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]), "{before:?}");
        assert_eq!(world.takes(at(6_000 + GUARD)), Ok(()), "{before:?}");
    }
}

/// It was started after the last answer of the one that it has replaced, and has a disk of its own.
#[test]
fn one_that_has_replaced_its_master_knows_nothing_of_the_last_locks_of_that() {
    for is_durable in [true, false] {
        let mut world = World::of_three(|config| config);
        let run = |run_id: &str, uptime: u64, from: Option<&str>| {
            let mut facts = told(&format!("{}{}aof_enabled:1\r\n", running(run_id, uptime), promoted(from)));
            facts.note_setting("appendfsync", if is_durable { "always" } else { "everysec" });
            facts
        };
        world.reconnect_to(1, run("b1", 1_000, None), at(0));
        world.takes(at(0)).unwrap();
        world.reconnect_to(1, run("b2", 5, Some("b")), at(9_000));
        world.needs([0, 1]);
        assert_eq!(world.takes(at(9_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]), "{is_durable}");
        assert_eq!(world.takes(at(9_000 + GUARD)), Ok(()), "{is_durable}");
    }
}

#[test]
fn one_that_was_a_replica_long_ago_keeps_its_vote() {
    let mut world = World::new(|config| config);
    let info = |uptime, from| format!("{}{}", running("b1", uptime), promoted(from));
    world.connect(0, &running("a1", 1_000), at(0));
    world.connect(1, &info(1_000, Some("first")), at(0));
    world.reconnect(1, &info(1_010, Some("first")), at(10_000));
    world.reconnect(1, &info(1_020, None), at(20_000));
    assert_eq!(world.needs([0, 1]).takes(at(20_000)), Ok(()));
}

/// It does not say since when it is a master.
#[test]
fn a_strict_handle_does_not_know_what_one_that_was_a_replica_has_forgotten() {
    let strict = |config: ConfigBuilder| config.restart_guard(RestartGuard::STRICT);
    let (mut world, hour) = (World::new(strict), 3_600_000);
    world.connect(0, &running("a1", 1_000), at(hour));
    world.connect(1, &format!("{}{}", running("b1", 1_000), promoted(Some("b"))), at(hour));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(hour + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(hour + GUARD)), Ok(()));
}
