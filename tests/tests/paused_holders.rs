//! Holders of fenced locks that are paused past their deadline: for a short time here, and for as long as you like with the
//! command `paused_holders`.

#![allow(clippy::print_stdout, reason = "the seed and the figures of a test that has failed")]

use std::time::Duration;

use redlock_tests::paused_holders::{Report, Torture};

fn torture(pauses: u64, gate: bool) -> Report {
    let program = env!("CARGO_BIN_EXE_paused_holders").into();
    let torture = Torture { program, seed: fastrand::u64(..), pauses, gate, limit: Duration::from_secs(120) };
    println!("seed {}", torture.seed);
    let report = torture.run(|_| {});
    println!("{report}");
    assert!(report.pauses >= pauses, "{report}");
    report
}

#[test]
fn no_stale_write_is_applied_and_no_step_is_lost() {
    let report = torture(40, true);
    assert!(report.stale_attempts > 0, "what is not tried is not tested: {report}");
    assert!(report.is_right() && report.applied > 0, "{report}");
    assert!(report.written <= report.applied, "the history is complete: {report:?}");
}

#[test]
fn without_a_gate_stale_writes_are_applied_and_found() {
    let report = torture(10, false);
    assert!(report.stale_applied > 0 && report.lost_steps > 0, "{report}");
}
