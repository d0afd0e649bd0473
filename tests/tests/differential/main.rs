//! The model node of the core against a real server: the same commands must get the same replies, and keys must live
//! equally long.
//!
//! A failing script is shrunk and printed, and its seed is kept beside this file, to be committed.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod answer;
mod fences;
mod pair;
mod script;
mod subscriber;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use redlock_tests::Server;

use self::pair::Pair;
use self::script::step;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_model_node_answers_as_a_real_server_does(steps in proptest::collection::vec(step(), 1..24)) {
        let server = Server::start();
        let mut pair = Pair::new(&server);
        for step in &steps {
            pair.take(step);
        }
    }
}
