//! A file as a store that refuses the writes of late holders: that of the example `fencing_file`.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

use std::fs::{self, File};
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use redlock_tokio::{Fence, StaleFence};
use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use self::fenced_file::FencedFile;

#[path = "../../redlock-tokio/examples/fencing_file/fenced_file.rs"]
mod fenced_file;

const LATE: Fence = Fence::new(33);
const PRESENT: Fence = Fence::new(34);

fn account() -> (TempDir, FencedFile) {
    let directory = tempfile::tempdir().unwrap();
    let file = FencedFile::new(directory.path().join("account"));
    (directory, file)
}

#[test]
fn the_largest_fence_writes_and_no_smaller_one() {
    let (directory, account) = account();
    account.write(LATE, "1").unwrap();
    account.write(LATE, "2").expect("a holder may write again");
    account.write(PRESENT, "3\n4").unwrap();
    let refused = account.write(LATE, "5").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    let stale = refused.get_ref().unwrap().downcast_ref::<StaleFence>().unwrap();
    assert_eq!((stale.fence, stale.seen), (LATE, PRESENT));
    assert!(refused.to_string().ends_with("fence 33 is stale, 34 has been here since"), "{refused}");
    assert_eq!(fs::read_to_string(directory.path().join("account")).unwrap(), "34\n3\n4", "nothing has changed");
}

#[test]
fn whoever_reads_shuts_out_the_holders_before() {
    let (_directory, account) = account();
    account.write(LATE, "1").unwrap();
    assert_eq!(account.read(PRESENT).unwrap(), "1");
    account.write(LATE, "2").unwrap_err();
    account.read(LATE).unwrap_err();
    assert_eq!(account.read(PRESENT).unwrap(), "1");
}

#[test]
fn a_write_that_was_cut_off_leaves_the_contents_of_before() {
    let (directory, account) = account();
    account.write(LATE, "1").unwrap();
    fs::write(directory.path().join("account.new"), "3").unwrap();
    assert_eq!(account.read(LATE).unwrap(), "1");
    account.write(LATE, "2").unwrap();
    assert_eq!(account.read(LATE).unwrap(), "2");
}

#[test]
fn a_file_that_somebody_else_has_written_is_left_alone() {
    let (directory, account) = account();
    for contents in ["no fence", "no fence\n1", ""] {
        fs::write(directory.path().join("account"), contents).unwrap();
        assert_eq!(account.write(PRESENT, "1").unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(fs::read_to_string(directory.path().join("account")).unwrap(), contents);
    }
}

/// Each adds one to the number with its own fence, or begins again with the next: no step is lost.
#[test]
fn nothing_comes_between_comparing_and_writing() {
    const THREADS: u64 = 3;
    const STEPS: u64 = 10;
    let (_directory, account) = account();
    let fences = AtomicU64::new(1);
    let increment = || {
        for _ in 0..STEPS {
            loop {
                let fence = Fence::new(fences.fetch_add(1, Ordering::Relaxed));
                let step = account.read(fence).and_then(|contents| {
                    let number: u64 = contents.parse().unwrap_or(0);
                    account.write(fence, &(number + 1).to_string())
                });
                if step.is_ok() {
                    break;
                }
                // Somebody with a larger fence is between its reading and its writing: it is left the time.
                thread::sleep(Duration::from_millis(fastrand::u64(..10)));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(increment);
        }
    });
    let last = Fence::new(fences.into_inner());
    assert_eq!(account.read(last).unwrap(), (THREADS * STEPS).to_string());
}

#[test]
fn a_writer_waits_for_whoever_has_locked_the_file() {
    let (directory, account) = account();
    account.write(LATE, "1").unwrap();
    let lock = File::open(directory.path().join("account.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let (sender, written) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| sender.send(account.write(PRESENT, "2").is_ok()));
        written.recv_timeout(Duration::from_millis(50)).expect_err("it waits");
        drop(lock);
        assert!(written.recv().unwrap());
    });
}
