//! What the health report says of nodes and of their clocks.

use core::time::Duration;

use redlock_core::health::{ConnectionState, Limit, Warning};
use redlock_core::{AcquireError, Cause, Facts, Instant, Options, Reply, Request, Unavailable};

use super::{TTL, World, at, running};

#[test]
fn a_health_report_says_how_all_is() {
    let mut world = World::of_three(|config| config);
    let held = world.lock(TTL, at(1_000)).unwrap();
    world.reconnect(1, &running("b2", 0), at(2_000));
    world.locks.handle_disconnected(world.nodes[2], &Unavailable::with_detail(Cause::Disconnected, "gone"), at(3_000));
    assert!(world.locks.poll_connect(world.nodes[2]), "it was of use");
    world.locks.handle_disconnected(world.nodes[2], &Unavailable::with_detail(Cause::NotSent, "refused"), at(3_500));
    let health = world.locks.health(at(4_000));
    let states: Vec<_> = health.nodes.iter().map(|node| (node.has_vote(), node.quarantine.is_some())).collect();
    assert_eq!(states, [(true, false), (false, true), (false, false)]);
    assert_eq!((health.voters(), health.has_quorum(), health.is_good()), (1, false, false));
    let ConnectionState::Down { since, why, .. } = &health.nodes[2].connection else { panic!("{health}") };
    assert_eq!((*since, why.detail()), (Duration::from_secs(1), Some("refused")));
    assert_eq!((health.locks.held, health.locks.acquired, health.locks.lost), (1, 1, 0));
    let text = health.to_string();
    for words in ["connected for 4 s", "without a vote for 8.1 s", "down for 1 s", "redis 7.0.15", "1 of 3 nodes vote"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(health.nodes[0].limits.contains(&Limit::ReleaseByScript), "{text}");
    let note = "note: a, b: releases take a script; Redis 8.4 and Valkey 9.0 have a command for them";
    assert_eq!(text.matches("releases take a script").count(), 1, "{text}");
    assert!(text.contains(note), "once for both of them: {text}");
    world.locks.handle_timeout(at(20_000));
    let locks = world.locks.health(at(20_000)).locks;
    assert_eq!((locks.lost, locks.held, locks.releasing, locks.unsettled), (1, 0, 1, 0), "its keys are being released");
    world.give_back(held, at(20_000));
    world.locks.give_up(world.nodes[1], &Unavailable::new(Cause::NotSent), at(20_000));
    let refused = world.lock(TTL, at(20_000)).expect_err("two are down");
    assert!(matches!(refused, AcquireError::Unavailable(_)), "{refused}");
    assert_eq!(world.locks.health(at(20_000)).locks.unavailable, 1);
}

#[test]
fn a_server_that_says_nothing_of_itself_was_not_checked() {
    let mut world = World::new(|config| config);
    world.connect(0, "", at(0));
    let health = world.locks.health(at(0));
    assert_eq!(health.nodes[0].warnings, [Warning::Unchecked]);
    assert_eq!(health.nodes[1].warnings, [], "it was not asked yet");
}

#[test]
fn clocks_of_servers_are_looked_at_when_they_are_connected_and_now_and_then() {
    let mut world = World::new(|config| config);
    let told = |world: &mut World, node: usize, unix_millis: u64, now: Instant| {
        let mut batch = Vec::new();
        world.locks.poll_batch(world.nodes[node], &mut batch, now);
        assert_eq!(batch.len(), 1);
        world.locks.handle_reply(world.nodes[node], Reply::Time(Duration::from_millis(unix_millis)), now);
    };
    for (node, ahead) in [0, 100, 5_000].into_iter().enumerate() {
        let mut facts = Facts::default();
        facts.note_info(&running(["a1", "b1", "c1"][node], 1_000));
        assert!(world.locks.poll_connect(world.nodes[node]));
        world.locks.handle_connected(world.nodes[node], facts, false, at(1_000));
        told(&mut world, node, 1_700_000_000_000 + ahead, at(1_000));
    }
    let warnings = |world: &World, node: usize, now| world.locks.health(now).nodes[node].warnings.clone();
    assert_eq!((warnings(&world, 0, at(1_000)), warnings(&world, 1, at(1_000))), (vec![], vec![]));
    assert!(matches!(warnings(&world, 2, at(1_000))[..], [Warning::ClockDiffers { millis: 4_900, .. }]));
    let due = world.locks.poll_timeout().unwrap();
    assert_eq!(due, at(31_000));
    world.locks.handle_timeout(due);
    told(&mut world, 0, 1_700_000_030_000 - 3_600_000, due);
    let set = warnings(&world, 0, at(32_000));
    assert!(set.iter().any(|warning| matches!(warning, Warning::ClockSet { millis: -3_600_000, .. })), "{set:?}");
    let text = world.locks.health(at(32_000)).to_string();
    assert!(text.contains("a: its clock was set back by 60 min, 1 s ago"), "{text}");
}

#[test]
fn the_health_report_tells_of_a_node_that_hangs_and_of_one_that_refuses_every_lock() {
    let mut world = World::new(|config| config);
    let ids = ["a1", "b1", "c1"];
    ids.iter().enumerate().for_each(|(node, id)| world.connect(node, &running(id, 1_000), at(0)));
    let request = Request::new(world.locks.config(), "job", TTL, Options::new()).unwrap();
    world.locks.acquire(request, [9; 32], at(0)).unwrap();
    let mut batch = Vec::new();
    world.nodes.iter().for_each(|node| world.locks.poll_batch(*node, &mut batch, at(0)));
    let out_of_memory = Unavailable::with_detail(Cause::OutOfMemory, "OOM command not allowed");
    world.locks.handle_reply(world.nodes[0], Reply::Done, at(1));
    world.locks.handle_reply(world.nodes[1], Reply::Unavailable(out_of_memory), at(1));
    let health = world.locks.health(at(4_000));
    assert_eq!(health.nodes[0].warnings, []);
    let text = health.to_string();
    assert!(text.contains("b: it refused the last lock: out of memory, raise its maxmemory (OOM"), "{text}");
    assert!(text.contains("c: it has not answered for 4 s: look after the server"), "{text}");
    assert!(!health.is_good());
    world.locks.handle_reply(world.nodes[2], Reply::Done, at(4_001));
    assert_eq!(world.locks.health(at(9_000)).nodes[2].warnings, [], "it owes nothing any more");
    world.locks.handle_disconnected(world.nodes[1], &Unavailable::new(Cause::Disconnected), at(9_001));
    world.connect(1, &running("b1", 1_000), at(9_001));
    assert_eq!(world.locks.health(at(9_001)).nodes[1].warnings, [], "it has refused nothing over this connection");
}
