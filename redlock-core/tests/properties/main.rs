//! What holds for every sequence of events, tried with random ones.
//!
//! A failing sequence is shrunk and printed, and its seed is kept beside the file of the property, to be committed.
//! `PROPTEST_CASES` raises the number of sequences that are tried.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod bench;
mod bounds;
mod exclusion;
mod fencing;
mod ledger;
mod lifecycle;
mod network;
mod news;
mod operation;
mod reference;
mod setup;
mod wire;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::FileFailurePersistence;

/// At least so many cases, with the seed of a failure kept beside the file of its property.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: ProptestConfig::default().cases.max(cases),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}
