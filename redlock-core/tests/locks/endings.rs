//! What ends in the middle of something: the handle is closed, all connections are gone, or a longest hold is over.

use redlock_core::{Cause, Command, KeepAlive, Locks, Loss, NodeId, NodeSet, Options, Resources, Unavailable, model};

use crate::handles::Handles;
use crate::turns::{ms, only_called_up};
use crate::world::{TTL, World, at};

#[test]
fn who_is_called_up_and_asks_when_the_handle_is_closed_makes_way_and_leaves_no_key() {
    for home_is_late in [true, false] {
        let mut handles = Handles::new(3);
        let holder = handles.acquire(0, "job");
        let closed = handles.begin(1, "job", only_called_up());
        let waiting = handles.begin(2, "job", only_called_up());
        let home = NodeSet::from_iter([handles.home()]);
        handles.late = if home_is_late { home } else { handles.locks[1].config().nodes().without(home) };
        handles.give_back(0, holder);
        handles.locks[1].close(handles.now);
        handles.run();
        handles.late = NodeSet::EMPTY;
        (0..3).for_each(|handle| handles.take_late_replies(handle));
        assert!(handles.has(2, waiting), "the home is late: {home_is_late}");
        handles.give_back(1, closed);
        handles.give_back(2, waiting);
        assert!(handles.locks.iter().all(Locks::is_empty));
        let now = handles.now;
        assert!(handles.nodes.iter_mut().all(|node| node.keys(now).count() == 0));
    }
}

#[test]
fn when_all_connections_are_gone_what_is_under_way_ends_and_all_goes_on_over_new_ones() {
    let mut handles = Handles::new(2);
    let holder = handles.acquire(0, "job");
    let waiting = handles.begin(1, "job", Options::new());
    let kept = handles.begin(1, "kept", Options::new().keep_alive(KeepAlive::while_held()));
    assert!(handles.has(1, kept));
    let given_back = handles.acquire(1, "given back");
    handles.hung = handles.locks[1].config().nodes();
    let asking = handles.begin(1, "asking", Options::new());
    let extension = handles.locks[1].extend(kept, TTL * 2, handles.now).unwrap();
    handles.give_back(1, given_back);
    handles.disconnect(1);
    handles.locks[1].start_over(&Unavailable::new(Cause::Disconnected), handles.now);
    let extended = handles.locks[1].take_extended(kept, extension);
    assert!(extended.is_some_and(|result| result.is_err()), "no reply will come");
    handles.hung = NodeSet::EMPTY;
    handles.run();
    handles.advance_to(500);
    assert!(handles.has(1, asking));
    let now = handles.now;
    assert!(handles.nodes.iter_mut().all(|node| node.get(b"given back", now).is_none()), "it is released again");
    handles.give_back(0, holder);
    handles.advance_to(1_000);
    assert!(handles.has(1, waiting));
    handles.advance_to(30_000);
    assert!(handles.locks[1].check(kept, handles.now).is_ok());
}

/// Takes the commands that wait for each node.
fn take(world: &mut World) -> Vec<(NodeId, Command)> {
    let nodes: Vec<NodeId> = world.locks.config().nodes().iter().collect();
    let mut taken = Vec::new();
    for node in nodes {
        let mut batch = Vec::new();
        world.locks.poll_batch(node, &mut batch, world.now);
        taken.extend(batch.into_iter().map(|command| (node, command)));
    }
    taken
}

fn carry_out(world: &mut World, commands: Vec<(NodeId, Command)>) {
    for (node, command) in commands {
        let reply = world.nodes[node.index()].execute(&command, world.now);
        world.locks.handle_reply(node, reply, world.now);
    }
}

#[test]
fn a_longest_hold_that_is_over_while_nodes_are_given_the_keys_again_releases_them() {
    let mut world = World::new();
    let options = Options::new().keep_alive(KeepAlive::up_to(ms(3_500)).every(ms(3_400)));
    let key = world.begin(Resources::all(["from", "to"]), options).unwrap();
    world.run();
    assert!(world.hand_over(key).unwrap().is_ok());
    world.finished();
    let lost: &mut model::Node = &mut world.nodes[0];
    lost.delete(b"to");
    world.now = at(3_400);
    world.locks.handle_timeout(world.now);
    let extensions = take(&mut world);
    carry_out(&mut world, extensions);
    let mut again = take(&mut world);
    assert!(!again.is_empty(), "the script, or the keys");
    world.now = at(3_500);
    world.locks.handle_timeout(world.now);
    assert_eq!(world.finished(), [key]);
    assert_eq!(world.locks.check(key, world.now), Err(Loss::MaxHoldReached));
    again.extend(take(&mut world));
    carry_out(&mut world, again);
    world.run();
    assert_eq!(world.keys_on_nodes(), 0);
    world.locks.abandon(key, world.now);
    assert!(world.locks.is_empty());
}
