//! Locks that are kept alive in the background.

use core::time::Duration;

use redlock_core::{
    Action, Cause, ExtendError, Instant, KeepAlive, LockKey, Loss, Options, Reply, Request, RequestError, Unavailable,
};

use crate::world::{TTL, World, at};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What a TTL leaves after the drift.
const VALIDITY: u64 = 9_898;

/// What the nodes say to an extension that goes well.
const CONFIRMED: [Option<Reply>; 3] = [Some(Reply::Done), Some(Reply::Done), Some(Reply::Done)];

/// Asserts that an extension is begun when `interval` is over, or up to a 512th of it earlier.
fn assert_begun(begun: Instant, since: Instant, interval: Duration) {
    let due = since.saturating_add(interval);
    assert!(begun <= due && begun >= due.saturating_sub(interval / 512), "{begun:?} instead of {due:?}");
}

impl World {
    fn keep(&mut self, keep_alive: KeepAlive) -> LockKey {
        let key = self.begin("job", Options::new().keep_alive(keep_alive)).unwrap();
        self.run();
        assert!(self.hand_over(key).unwrap().is_ok());
        self.finished();
        // The timer of the attempt is left behind.
        self.pass(501);
        key
    }

    /// Goes on to the next timer.
    fn wake(&mut self) {
        self.now = self.locks.poll_timeout().unwrap();
        self.locks.handle_timeout(self.now);
    }

    /// Lets the time pass, with nodes that answer.
    fn pass(&mut self, until: u64) {
        while self.locks.poll_timeout().is_some_and(|next| next <= at(until)) {
            self.wake();
            self.run();
        }
        self.now = at(until);
        self.run();
    }

    /// Takes the commands for each node, and lets it answer to each of them.
    fn answer(&mut self, replies: [Option<Reply>; 3]) -> usize {
        let mut batch = Vec::new();
        for (node, reply) in self.locks.config().nodes().iter().zip(replies).collect::<Vec<_>>() {
            let begun = batch.len();
            self.locks.poll_batch(node, &mut batch, self.now);
            for _ in begun..batch.len() {
                if let Some(reply) = reply.clone() {
                    self.locks.handle_reply(node, reply, self.now);
                }
            }
        }
        batch.iter().filter(|command| matches!(command.action, Action::Extend { .. })).count()
    }

    /// Answers the next extension; returns when it was begun.
    fn answer_next(&mut self, replies: &[Option<Reply>; 3]) -> Instant {
        self.count_next(replies);
        self.now
    }

    /// Answers the extensions that are begun next, at the same moment; returns how many nodes were asked for one.
    fn count_next(&mut self, replies: &[Option<Reply>; 3]) -> usize {
        loop {
            self.wake();
            let count = self.answer(replies.clone());
            if count > 0 {
                return count;
            }
        }
    }
}

#[test]
fn a_lock_is_extended_at_every_third_of_its_ttl_and_nobody_is_woken() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::while_held());
    assert_begun(world.locks.poll_timeout().unwrap(), at(0), ms(10_000) / 3);
    world.pass(100_000);
    let Ok(deadline) = world.locks.check(key, world.now) else { panic!("it is kept alive") };
    assert!(deadline >= at(100_000 - 3_334 + VALIDITY), "{deadline:?}");
    assert_eq!(world.finished(), []);
    assert_eq!(world.keys_on_nodes(), 3);
}

#[test]
fn the_interval_can_be_chosen() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::while_held().every(ms(5_000)));
    let due = world.locks.poll_timeout().unwrap();
    assert_begun(due, at(0), ms(5_000));
    assert_eq!(world.locks.deadline(key), Some(at(VALIDITY)));
    world.pass(5_000);
    assert_eq!(world.locks.deadline(key), Some(due.saturating_add(ms(VALIDITY))));
}

#[test]
fn a_lock_that_is_handed_over_late_is_extended_in_time() {
    let mut world = World::new();
    let key = world.begin("job", Options::new().keep_alive(KeepAlive::while_held())).unwrap();
    world.run();
    world.pass(9_000);
    assert!(world.hand_over(key).unwrap().is_ok());
    world.run();
    assert_eq!(world.locks.deadline(key), Some(at(9_000 + VALIDITY)), "it was due long before");
    world.pass(30_000);
    assert!(world.locks.check(key, world.now).is_ok());
}

#[test]
fn when_the_nodes_are_silent_the_lock_is_lost_at_its_deadline() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::while_held());
    let mut tries = 0;
    while world.locks.poll_timeout().is_some_and(|next| next < at(VALIDITY)) {
        world.wake();
        tries += world.answer([None, None, None]) / 3;
        assert_eq!(world.finished(), []);
    }
    assert!(tries >= 2, "{tries} tries");
    world.now = at(VALIDITY);
    world.locks.handle_timeout(world.now);
    assert_eq!(world.finished(), [key]);
    assert_eq!(world.locks.check(key, world.now), Err(Loss::Expired));
}

#[test]
fn one_that_was_not_confirmed_is_tried_again_sooner() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::while_held().every(ms(4_000)));
    let failed = || Some(Reply::Unavailable(Unavailable::new(Cause::Busy)));
    let begun = world.answer_next(&[failed(), failed(), failed()]);
    assert_begun(begun, at(0), ms(4_000));
    let again = world.answer_next(&[Some(Reply::Done), Some(Reply::Done), failed()]);
    assert!(again > begun && again < at(6_000), "{again:?}");
    assert_eq!(world.locks.deadline(key), Some(again.saturating_add(ms(VALIDITY))));
    let next = world.answer_next(&CONFIRMED);
    assert_begun(next, again, ms(4_000));
}

#[test]
fn locks_that_were_taken_at_about_the_same_time_are_extended_together() {
    let mut world = World::new();
    world.now = at(1);
    for name in ["one", "two", "three"] {
        world.now = world.now.saturating_add(ms(1));
        let key = world.begin(name, Options::new().keep_alive(KeepAlive::while_held())).unwrap();
        world.run();
        assert!(world.hand_over(key).unwrap().is_ok());
    }
    assert_eq!(world.count_next(&CONFIRMED), 9, "three locks on three nodes");
}

#[test]
fn keys_that_are_gone_are_found_out() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::while_held());
    world.nodes.iter_mut().for_each(redlock_core::model::Node::wipe);
    world.pass(3_400);
    assert_eq!(world.finished(), [key]);
    assert!(matches!(world.locks.check(key, world.now), Err(Loss::KeysGone(_))));
}

#[test]
fn a_longest_hold_ends_it_and_releases_the_keys() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::up_to(ms(60_000)));
    world.pass(59_999);
    assert!(world.locks.check(key, world.now).is_ok());
    world.pass(60_000);
    assert_eq!(world.finished(), [key]);
    assert_eq!(world.locks.check(key, world.now), Err(Loss::MaxHoldReached));
    assert_eq!(world.locks.extend(key, TTL, world.now), Err(ExtendError::Lost(Loss::MaxHoldReached)));
    assert_eq!(world.keys_on_nodes(), 0);
}

#[test]
fn a_longest_hold_that_is_shorter_than_the_ttl_counts() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::up_to(ms(1_000)));
    world.pass(1_000);
    assert_eq!(world.locks.check(key, world.now), Err(Loss::MaxHoldReached));
}

#[test]
fn an_extension_by_hand_beside_it_has_its_own_end() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::while_held());
    world.wake();
    let by_hand = world.locks.extend(key, TTL * 6, world.now).unwrap();
    world.run();
    assert_eq!(world.finished(), [key]);
    let deadline = world.locks.take_extended(key, by_hand).unwrap().unwrap();
    assert!(deadline > at(60_000));
    world.pass(50_000);
    assert_eq!(world.locks.deadline(key), Some(deadline), "a renewal with a shorter TTL does not shorten it");
    world.pass(70_000);
    assert!(world.locks.deadline(key) > Some(deadline));
}

#[test]
fn after_the_release_nothing_is_extended() {
    for abandons in [false, true] {
        let mut world = World::new();
        let key = world.keep(KeepAlive::while_held());
        world.wake();
        if abandons {
            world.locks.abandon(key, world.now);
        } else {
            world.locks.release(key, world.now);
            world.run();
            assert!(world.locks.take_released(key).is_some());
            world.locks.abandon(key, world.now);
        }
        world.run();
        assert!(world.locks.is_empty());
        world.locks.handle_timeout(world.now);
        assert_eq!(world.locks.poll_timeout(), None);
        assert_eq!(world.keys_on_nodes(), 0);
    }
}

#[test]
fn one_that_was_not_handed_over_is_not_kept_alive() {
    let mut world = World::new();
    let key = world.begin("job", Options::new().wait(ms(1)).keep_alive(KeepAlive::while_held())).unwrap();
    world.run();
    world.now = at(VALIDITY);
    world.run();
    assert!(world.hand_over(key).is_some_and(|result| result.is_err()));
    assert_eq!(world.keys_on_nodes(), 0);
}

#[test]
fn what_cannot_keep_a_lock_alive_is_refused() {
    let world = World::new();
    let refusal =
        |keep_alive| Request::new(world.locks.config(), "job", TTL, Options::new().keep_alive(keep_alive)).err();
    let every = |interval| refusal(KeepAlive::while_held().every(interval));
    for interval in [Duration::ZERO, Duration::from_micros(999), ms(5_001)] {
        assert_eq!(every(interval), Some(RequestError::KeepAliveInterval { interval, ttl: TTL }));
    }
    assert_eq!((every(ms(1)), every(ms(5_000))), (None, None));
    assert_eq!(refusal(KeepAlive::up_to(Duration::ZERO)), Some(RequestError::NoHold));
}

#[test]
fn no_deadline_is_beyond_the_longest_hold() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::up_to(ms(15_000)));
    assert_eq!(world.locks.deadline(key), Some(at(VALIDITY)));
    world.pass(9_000);
    assert_eq!(world.locks.deadline(key), Some(at(15_000)));
    let by_hand = world.locks.extend(key, TTL * 6, world.now).unwrap();
    world.run();
    assert_eq!(world.locks.take_extended(key, by_hand), Some(Ok(at(15_000))));
    // Nobody looks at the timer.
    world.now = at(15_000);
    assert!(!world.locks.lock(key).unwrap().is_held(world.now));
    assert_eq!(world.locks.check(key, world.now), Err(Loss::MaxHoldReached));
}

#[test]
fn closing_ends_it_and_the_lock_stays_until_its_deadline() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::while_held());
    let other = world.begin("other", Options::new()).unwrap();
    world.run();
    assert!(world.hand_over(other).unwrap().is_ok());
    world.finished();
    world.pass(5_000);
    let deadline = world.locks.deadline(key).unwrap();
    world.locks.close(world.now);
    assert_eq!(world.finished(), [key], "the other is not kept alive, and stays as it is");
    assert_eq!(world.locks.check(key, world.now), Err(Loss::Closed));
    assert!(world.locks.lock(key).unwrap().is_held(world.now));
    assert_eq!((world.locks.deadline(key), world.keys_on_nodes()), (Some(deadline), 6));

    let by_hand = world.locks.extend(key, TTL, world.now).unwrap();
    world.run();
    let deadline = world.locks.take_extended(key, by_hand).unwrap().unwrap();
    assert_eq!(deadline, at(5_000 + VALIDITY), "it can be extended by hand");
    world.pass(5_000 + VALIDITY);
    assert_eq!(world.locks.check(key, world.now), Err(Loss::Expired));
}

#[test]
fn a_lock_that_is_being_extended_when_all_is_closed_is_released_as_before() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::while_held());
    world.wake();
    world.locks.close(world.now);
    world.finished();
    world.run();
    assert_eq!(world.locks.check(key, world.now), Err(Loss::Closed));
    world.locks.release(key, world.now);
    world.run();
    assert!(world.locks.take_released(key).is_some());
    world.locks.abandon(key, world.now);
    assert_eq!(world.keys_on_nodes(), 0);
}

#[test]
fn the_caller_is_not_kept_for_longer_than_a_batch_takes() {
    let mut world = World::new();
    for number in 0..300 {
        let key = world.begin(format!("{number}"), Options::new().keep_alive(KeepAlive::while_held())).unwrap();
        world.run();
        assert!(world.hand_over(key).unwrap().is_ok());
    }
    world.pass(501);
    assert_eq!(world.count_next(&CONFIRMED), 3 * 256);
    assert!(world.locks.poll_timeout().is_some_and(|next| next <= world.now), "the rest is due at once");
    world.locks.handle_timeout(world.now);
    assert_eq!(world.answer(CONFIRMED), 3 * 44);
}

#[test]
fn one_that_is_detached_in_the_moment_in_which_it_is_due_is_not_extended_any_more() {
    let mut world = World::new();
    let key = world.keep(KeepAlive::while_held());
    world.now = world.locks.poll_timeout().unwrap();
    assert!(world.locks.detach(key, world.now).is_ok());
    assert_eq!(world.answer([None, None, None]), 0, "it is for whoever adopts it to extend it");
}
