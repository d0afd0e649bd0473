//! What a recorder writes, and what it costs whoever is recorded.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use redlock_core::system::now;
use redlock_history::Recorder;
use serde_json::Value;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn lines(&self) -> Vec<Value> {
        let text = self.0.lock().unwrap();
        text.split_inclusive(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes nothing before it is told to.
struct Stuck(Receiver<()>, Page);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once: then whoever tells it is gone.
        let _ = self.0.recv();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_stands_still_delays_nobody_and_what_is_missing_is_counted() {
    const NOTES: u64 = 20_000;
    let (go, waits) = mpsc::channel();
    let page = Page::default();
    let recorder = Recorder::new(Stuck(waits, page.clone())).unwrap();
    for number in 0..NOTES {
        recorder.note(number, now());
    }
    drop(go);
    recorder.flush().unwrap();
    recorder.note("behind", now());
    drop(recorder);
    let lines = page.lines();
    assert_eq!(lines.last().unwrap()["event"], "ended");
    let noted = lines.iter().filter(|line| line["event"] == "noted").count() as u64;
    let missed = lines.iter().filter(|line| line["event"] == "missed");
    let missed: u64 = missed.map(|line| line["count"].as_u64().unwrap()).sum();
    assert!(missed > 0, "8,192 lines wait");
    assert_eq!(noted + missed, NOTES + 1);
}

#[test]
fn an_error_of_the_disk_is_told_once() {
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let recorder = Recorder::new(Full).unwrap();
    recorder.flush().unwrap();
    recorder.note("lost", now());
    assert_eq!(recorder.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
    recorder.note("lost as well", now());
    recorder.flush().unwrap();
}
