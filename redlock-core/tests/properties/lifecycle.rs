//! A lock does what the reference model foretells, whatever happens to it in whatever order.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use redlock_core::strategy;

use crate::bench::Bench;
use crate::news::News;
use crate::operation::{Operation, operation};
use crate::setup::{Setup, setup};

fn life() -> impl Strategy<Value = (Setup, [u8; 32], Vec<Operation>)> {
    (setup(), strategy::seed(), vec(operation(), 0..60))
}

fn live(setup: &Setup, seed: [u8; 32], operations: &[Operation]) -> Vec<News> {
    let mut bench = Bench::start(setup, seed);
    for operation in operations {
        bench.take(operation);
    }
    bench.wind_up();
    bench.heard
}

proptest! {
    #![proptest_config(crate::cases(256))]

    #[test]
    fn a_lock_does_what_the_reference_foretells((setup, seed, operations) in life()) {
        live(&setup, seed, &operations);
    }
}

/// A property that never gets anywhere holds as well.
#[test]
fn random_lives_are_eventful() {
    let mut runner = TestRunner::deterministic();
    let mut kinds = BTreeSet::new();
    for _ in 0..400 {
        let (setup, seed, operations) = life().new_tree(&mut runner).unwrap().current();
        kinds.extend(live(&setup, seed, &operations).iter().map(News::kind));
    }
    let expected = News::KINDS.into_iter().collect();
    assert_eq!(kinds, expected);
}
