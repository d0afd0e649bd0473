//! What a handle counts of its locks.

use redlock_core::{LockKey, Options};

use crate::world::World;

fn take(world: &mut World, options: Options) -> LockKey {
    let key = world.begin("job", options).unwrap();
    world.run();
    assert!(world.hand_over(key).unwrap().is_ok());
    key
}

fn take_and_release(world: &mut World, options: Options) {
    let key = take(world, options);
    world.locks.release(key, world.now);
    world.run();
}

/// Returns how many fenced locks were acquired, and how many of these took a second round.
fn fenced(world: &World) -> (u64, u64) {
    let locks = world.locks.health(world.now).locks;
    (locks.fenced, locks.commit_rounds)
}

#[test]
fn second_rounds_of_fenced_locks_are_counted() {
    let (mut world, options) = (World::new(), Options::new().fenced(true));
    take_and_release(&mut world, Options::new());
    assert_eq!(fenced(&world), (0, 0), "one that is not fenced");
    for _ in 0..3 {
        take_and_release(&mut world, options);
    }
    assert_eq!(fenced(&world), (3, 0), "all nodes have granted the same");
    world.nodes[0].wipe();
    take_and_release(&mut world, options);
    assert_eq!(fenced(&world), (4, 1), "two nodes have granted, each another number");
    assert!(world.locks.health(world.now).to_string().ends_with("fenced: 4 acquired, 1 of them in two rounds"));
    take_and_release(&mut world, options);
    assert_eq!(fenced(&world), (5, 1), "the second round has made them agree");
}
