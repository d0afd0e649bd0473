//! Those who want the same resource in one handle: first in, first out, and only the first asks the nodes.

use core::time::Duration;

use redlock_core::{AcquireError, Action, Cause, LockKey, NodeId, NodeSet, Options, Reply, Resources, Unavailable};

use crate::world::{TTL, World, at};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl World {
    /// As with a server that was told the scripts when the connection was opened.
    fn with_scripts() -> Self {
        let mut world = Self::new();
        let key = world.acquire("any");
        world.give_back(key);
        world.run();
        world
    }

    fn wait_for(&mut self, names: impl Into<Resources>) -> LockKey {
        self.begin(names, Options::new()).unwrap()
    }

    fn is_acquired(&mut self, key: LockKey) -> bool {
        self.hand_over(key).is_some_and(|result| result.is_ok())
    }

    fn give_back(&mut self, key: LockKey) {
        self.locks.abandon(key, self.now);
    }

    /// Who has commands that wait to be sent to the first node.
    fn asking(&self) -> Vec<LockKey> {
        self.locks.queued(NodeId::new(0).unwrap()).map(|(key, _)| key).collect()
    }

    /// Takes the commands for all nodes, of which only some answer.
    fn carry_to(&mut self, answering: NodeSet) {
        let mut batch = Vec::new();
        for node in self.locks.config().nodes().iter().collect::<Vec<_>>() {
            self.locks.poll_batch(node, &mut batch, self.now);
            for command in batch.drain(..).filter(|_| answering.contains(node)) {
                let reply = self.nodes[node.index()].execute(&command, self.now);
                self.locks.handle_reply(node, reply, self.now);
            }
        }
    }

    /// How many commands there are for all nodes together, before they are carried out.
    fn carry_and_count(&mut self) -> usize {
        let nodes = self.locks.config().nodes();
        let count = nodes.iter().map(|node| self.locks.queued(node).count()).sum();
        self.run();
        count
    }
}

#[test]
fn they_are_served_in_the_order_in_which_they_came_and_only_the_first_asks() {
    let mut world = World::with_scripts();
    let mut waiting: Vec<_> = (0..10).map(|_| world.wait_for("job")).collect();
    assert_eq!(world.carry_and_count(), 3, "the first one's");
    for key in core::mem::take(&mut waiting) {
        assert!(world.is_acquired(key));
        world.run();
        world.give_back(key);
        world.run();
        // The release was answered at once, and the next one has asked and was answered in the same run.
    }
    assert!(world.locks.is_empty());
    assert_eq!(world.keys_on_nodes(), 0);
}

#[test]
fn the_next_one_begins_when_the_home_has_answered_the_release() {
    let mut world = World::with_scripts();
    let holder = world.acquire("job");
    let next = world.wait_for("job");
    let home = world.locks.config().home(&"job".into()).unwrap();
    world.locks.release(holder, world.now);
    let mut batch = Vec::new();
    for node in world.locks.config().nodes().iter().collect::<Vec<_>>() {
        world.locks.poll_batch(node, &mut batch, world.now);
        assert!(matches!(batch.as_slice(), [command] if matches!(command.action, Action::Release { .. })));
        batch.clear();
    }
    for node in world.locks.config().nodes().without(NodeSet::from_iter([home])).iter() {
        world.locks.handle_reply(node, Reply::Done, world.now);
    }
    assert!(world.locks.take_released(holder).is_some(), "a quorum is enough to report");
    assert_eq!(world.asking(), [], "the home may have somebody else to call");
    world.locks.handle_reply(home, Reply::Done, world.now);
    assert_eq!(world.asking(), [next]);
}

#[test]
fn a_home_that_does_not_answer_is_waited_for_only_so_long() {
    let mut world = World::with_scripts();
    let holder = world.acquire("job");
    let next = world.wait_for("job");
    world.locks.release(holder, world.now);
    world.now = at(49);
    world.locks.handle_timeout(world.now);
    assert!(!world.asking().contains(&next));
    assert_eq!(world.locks.poll_timeout(), Some(at(50)));
    world.now = at(50);
    world.locks.handle_timeout(world.now);
    assert!(world.asking().contains(&next), "behind the release on every connection");
}

#[test]
fn a_home_that_hangs_is_not_waited_for() {
    let mut world = World::with_scripts();
    let home = world.locks.config().home(&"job".into()).unwrap();
    let answering = world.locks.config().nodes().without(NodeSet::from_iter([home]));
    let holder = world.acquire("job");
    let [second, third] = [(); 2].map(|()| world.wait_for("job"));
    world.locks.release(holder, world.now);
    world.carry_to(answering);
    world.now = at(150);
    world.locks.handle_timeout(world.now);
    world.carry_to(answering);
    world.locks.hand_over(second, world.now).unwrap().unwrap();
    world.locks.release(second, world.now);
    assert!(world.asking().contains(&third), "the home has not answered the first release for long");
}

#[test]
fn a_home_that_is_down_is_not_waited_for() {
    let mut world = World::with_scripts();
    let home = world.locks.config().home(&"job".into()).unwrap();
    let holder = world.acquire("job");
    let next = world.wait_for("job");
    let why = Unavailable::with_detail(Cause::NotSent, "connection refused");
    world.locks.handle_disconnected(home, &why, world.now);
    if world.locks.poll_connect(home) {
        world.locks.handle_disconnected(home, &why, world.now);
    }
    world.give_back(holder);
    world.run();
    assert!(world.is_acquired(next));
}

#[test]
fn whoever_gives_up_leaves_the_line_and_its_place_passes_on() {
    let mut world = World::with_scripts();
    let holder = world.acquire("job");
    let [first, second, third] = [(); 3].map(|()| world.wait_for("job"));
    world.give_back(second);
    assert_eq!(world.carry_and_count(), 0, "nobody has been asked for it");
    world.give_back(holder);
    world.run();
    world.give_back(first);
    world.run();
    assert!(world.is_acquired(third));
}

#[test]
fn one_that_wants_a_single_attempt_does_not_stand_in_line() {
    let mut world = World::with_scripts();
    let holder = world.acquire("job");
    let waiting = world.wait_for("job");
    for options in [Options::new().attempts(1), Options::new().wait(Duration::ZERO)] {
        let key = world.begin("job", options).unwrap();
        assert_eq!(world.carry_and_count(), 0);
        let Some(Err(error)) = world.hand_over(key) else { panic!("it is refused") };
        let attempts = error.attempts().unwrap();
        assert_eq!((attempts.count, attempts.ahead), (0, 2));
        let says = "the lock is held by another user of this handle, or waited for by one (still 2 before it in the same \
                    handle, after 0 ms)";
        assert_eq!(error.to_string(), says);
        world.give_back(key);
    }
    world.give_back(holder);
    world.run();
    assert!(world.is_acquired(waiting));
}

#[test]
fn the_time_in_line_counts_and_ends_it() {
    let mut world = World::with_scripts();
    world.acquire("job");
    world.wait_for("job");
    let key = world.begin("job", Options::new().wait(ms(100))).unwrap();
    world.now = at(99);
    world.run();
    assert_eq!(world.hand_over(key), None);
    world.now = at(100);
    world.run();
    let Some(Err(AcquireError::Contended(attempts))) = world.hand_over(key) else { panic!("its time is over") };
    assert_eq!((attempts.count, attempts.ahead, attempts.elapsed), (0, 2, ms(100)));
}

#[test]
fn a_lock_that_is_lost_is_in_nobodys_way() {
    let mut world = World::with_scripts();
    world.acquire("job");
    let next = world.begin("job", Options::new().wait(TTL * 2)).unwrap();
    world.now = at(9_898);
    world.run();
    assert!(world.is_acquired(next));
}

#[test]
fn other_resources_are_not_waited_for() {
    let mut world = World::with_scripts();
    world.acquire("job");
    world.wait_for("job");
    let other = world.wait_for("another");
    world.run();
    assert!(world.is_acquired(other));
}

#[test]
fn one_of_several_resources_waits_for_each_and_nobody_waits_in_a_circle() {
    let mut world = World::with_scripts();
    let holder = world.acquire("a");
    let both = world.wait_for(Resources::all(["a", "b"]));
    let turned = world.wait_for(Resources::all(["b", "a"]));
    let single = world.wait_for("b");
    assert_eq!(world.carry_and_count(), 0, "b is free, but the one of both was before");
    world.give_back(holder);
    for key in [both, turned, single] {
        world.run();
        assert!(world.is_acquired(key));
        world.give_back(key);
    }
    world.run();
    assert!(world.locks.is_empty());
}

#[test]
fn a_handle_that_has_had_a_resource_for_long_lets_others_try_where_there_is_no_queue() {
    let mut world = World::new();
    world.hears = false;
    let holder = world.acquire("job");
    let [first, second] = [(); 2].map(|()| world.wait_for("job"));
    world.now = at(100);
    world.give_back(holder);
    world.run();
    assert_eq!(world.hand_over(first), None);
    let wakes_at = world.locks.poll_timeout().unwrap();
    assert!(wakes_at > at(100) && wakes_at <= at(120), "after a random wait: {wakes_at:?}");
    world.now = wakes_at;
    world.run();
    assert!(world.is_acquired(first));
    world.give_back(first);
    world.run();
    assert!(world.is_acquired(second), "without a wait");
}

#[test]
fn a_close_ends_those_in_line_without_asking_anybody() {
    let mut world = World::with_scripts();
    let holder = world.acquire("job");
    let waiting = [(); 3].map(|()| world.wait_for("job"));
    world.locks.close(world.now);
    assert_eq!(world.carry_and_count(), 0);
    for key in waiting {
        assert_eq!(world.hand_over(key), Some(Err(AcquireError::Closed)));
    }
    assert!(world.locks.deadline(holder).is_some(), "what is held stays");
}
