//! Each flaw of a transport is found by the case that is there for it.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

mod asynchronous;
mod blocking;

use std::panic::{AssertUnwindSafe, catch_unwind};

use redlock_conformance::{Suite, check};

/// Asserts that this case fails, and says so.
fn assert_found(suite: Suite, case: &str) {
    let panic = catch_unwind(AssertUnwindSafe(|| check([suite]))).expect_err("the flaw is found");
    let message = panic.downcast::<String>().unwrap();
    let expected = format!("failed: flawed::transport::{case}: ");
    assert!(message.lines().any(|line| line.starts_with(&expected)), "another case found it:\n{message}");
}
