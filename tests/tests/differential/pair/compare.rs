//! Asserting that the model and the server are alike, as far as that can be measured.

use std::thread::sleep;
use std::time::Duration;

use redlock_core::slots::key_beside;
use redlock_core::{KeyState, Reply, Resource};
use redlock_tests::wait_until;

use super::{Pair, waiter};
use crate::script::CLIENTS;

/// By how much the two may differ about the rest of a key's life, beside the time that a command takes on a busy
/// machine: each rounds to milliseconds in its own way.
pub(super) const ROUNDING: Duration = Duration::from_millis(3);
/// A key whose end is nearer than this is waited for, because nobody could say which reply is right.
const MARGIN: Duration = Duration::from_millis(150);

impl Pair<'_> {
    /// Asserts that those have heard that they are called up of whom the model says so, and nobody else.
    pub(super) fn compare_call_ups(&mut self) {
        while let Some((called, resource)) = self.model.poll_call_up() {
            let client = (0..CLIENTS).find(|client| waiter(*client) == called).unwrap();
            let subscriber = self.subscribers[client].as_mut().expect("nobody else is alive");
            assert_eq!(subscriber.next_message(), resource);
        }
        for subscriber in self.subscribers.iter_mut().flatten() {
            assert!(!subscriber.has_message());
        }
    }

    /// Waits until a turn that ends soon is over for both.
    pub(super) fn outlive_turn(&mut self, resource: &Resource) {
        while self.model.called_up(resource, self.now()).is_some_and(|(_, left)| left < MARGIN) {
            sleep(Duration::from_millis(1));
        }
        if self.model.called_up(resource, self.now()).is_none() {
            let called = key_beside(resource.as_bytes(), "called");
            assert!(
                wait_until(MARGIN, || self.server.get(&called).unwrap().is_none()),
                "the model says that it is over"
            );
        }
    }

    /// Asserts that for both it is the turn of the same waiter, for about the same time.
    pub(super) fn compare_turn(&mut self, resource: &Resource) {
        self.outlive_turn(resource);
        let (now, key) = (self.now(), key_beside(resource.as_bytes(), "called"));
        let called = self.server.get(&key).unwrap();
        let ttl: i64 = self.server.command(&[b"PTTL", key.as_slice()]).unwrap().parse().unwrap();
        let tolerance = self.slowest + self.now().saturating_since(now) + ROUNDING;
        let modelled = self.model.called_up(resource, now);
        assert_eq!(called.as_deref(), modelled.as_ref().map(|(waiter, _)| waiter.as_bytes()), "{resource}");
        if let Some((_, expected)) = modelled {
            let real = Duration::from_millis(ttl.try_into().unwrap());
            assert!(real.abs_diff(expected) <= tolerance, "{resource}: {real:?} instead of {expected:?}");
        }
    }

    /// Waits until a label that ends soon is gone from both.
    pub(super) fn outlive_label(&mut self, resource: &Resource) {
        while self.model.label_beside(resource, self.now()).is_some_and(|(.., ttl)| ttl < MARGIN) {
            sleep(Duration::from_millis(1));
        }
        if self.model.label_beside(resource, self.now()).is_none() {
            let label = key_beside(resource.as_bytes(), "owner");
            assert!(
                wait_until(MARGIN, || self.server.get(&label).unwrap().is_none()),
                "the model says that it is gone"
            );
        }
    }

    /// Asserts that both have the same label beside the key, for about the same time.
    pub(super) fn compare_label(&mut self, resource: &Resource) {
        self.outlive_label(resource);
        let (now, key) = (self.now(), key_beside(resource.as_bytes(), "owner"));
        let label = self.server.get(&key).unwrap();
        let ttl: i64 = self.server.command(&[b"PTTL", key.as_slice()]).unwrap().parse().unwrap();
        let tolerance = self.slowest + self.now().saturating_since(now) + ROUNDING;
        let modelled = self.model.label_beside(resource, now);
        let text = label.map(|label| String::from_utf8(label).unwrap());
        assert_eq!(text.as_deref().map(|text| &text[16..]), modelled.map(|(_, owner, _)| owner.as_str()), "{resource}");
        if let Some((.., expected)) = modelled {
            let real = Duration::from_millis(ttl.try_into().unwrap());
            assert!(real.abs_diff(expected) <= tolerance, "{resource}: {real:?} instead of {expected:?}");
        }
    }

    /// Waits until a key that ends soon is gone from both.
    pub(super) fn outlive(&mut self, key: &[u8]) {
        while self.model.ttl(key, self.now()).is_some_and(|ttl| ttl < MARGIN) {
            sleep(Duration::from_millis(1));
        }
        if self.model.get(key, self.now()).is_none() {
            assert!(wait_until(MARGIN, || self.server.get(key).unwrap().is_none()), "the model says that it is gone");
        }
    }

    /// Asserts that both have the same value at the key, for about the same time.
    pub(super) fn compare(&mut self, resource: &str) {
        let key = resource.as_bytes();
        self.outlive(key);
        let now = self.now();
        let (value, ttl) = (self.server.get(key).unwrap(), self.server.command(&["PTTL", resource]).unwrap());
        let tolerance = self.slowest + self.now().saturating_since(now) + ROUNDING;
        assert_eq!(value.as_deref(), self.model.get(key, now), "{resource}");
        let counter = self.server.get(key_beside(resource.as_bytes(), "fence")).unwrap();
        let counter = counter.map(|digits| String::from_utf8(digits).unwrap().parse().unwrap());
        assert_eq!(counter.unwrap_or(0), self.model.counter(&resource.into()).get(), "{resource}");
        match (self.model.ttl(key, now), ttl.parse().unwrap()) {
            (None, -2_i64) | (Some(Duration::MAX), -1) => {}
            (Some(expected), millis) if millis >= 0 => {
                let real = Duration::from_millis(millis.unsigned_abs());
                assert!(real.abs_diff(expected) <= tolerance, "{resource}: {real:?} instead of {expected:?}");
            }
            (expected, millis) => panic!("{resource}: {millis} ms instead of {expected:?}"),
        }
    }
}

/// Whether two replies say the same, about the rest of a key's life as far as that can be measured.
pub(super) fn are_alike(one: &Reply, other: &Reply, tolerance: Duration) -> bool {
    let are_near = |one: Option<Duration>, other: Option<Duration>| match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) <= tolerance,
        (one, other) => one == other,
    };
    match (one, other) {
        (Reply::HeldByOther(one), Reply::HeldByOther(other)) => {
            let is_same = (&one.resource, one.place, &one.owner) == (&other.resource, other.place, &other.owner);
            is_same && are_near(one.remaining, other.remaining)
        }
        (Reply::Inspected(one), Reply::Inspected(other)) => match (one.state, other.state) {
            (
                KeyState::Held { digest, remaining },
                KeyState::Held { digest: other_digest, remaining: other_remaining },
            ) => {
                let is_same = (digest, one.waiting, &one.owner) == (other_digest, other.waiting, &other.owner);
                is_same && are_near(remaining, other_remaining)
            }
            _ => one == other,
        },
        (one, other) => one == other,
    }
}
