//! What a recorder writes, and what it costs whoever is recorded.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use redlock_core::system::now;
use redlock_history::{History, Recorder};
use serde_json::Value;

/// Reads what is written until nobody writes any more.
fn lines(page: PipeReader) -> Vec<Value> {
    BufReader::new(page).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

#[test]
fn a_disk_that_stands_still_delays_nobody_and_what_is_missing_is_counted() {
    const NOTES: u64 = 20_000;
    let (page, pen) = io::pipe().unwrap();
    let recorder = Recorder::new(pen).unwrap();
    for number in 0..NOTES {
        recorder.note(number, now());
    }
    // Nothing was read, and a pipe takes less than was noted.
    let reading = thread::spawn(move || lines(page));
    recorder.flush().unwrap();
    recorder.note("behind", now());
    drop(recorder);
    let lines = reading.join().unwrap();
    assert_eq!(lines.last().unwrap()["event"], "ended");
    let noted = lines.iter().filter(|line| line["event"] == "noted").count() as u64;
    let missed = lines.iter().filter(|line| line["event"] == "missed");
    let missed: u64 = missed.map(|line| line["count"].as_u64().unwrap()).sum();
    assert!(missed > 0, "8,192 lines wait");
    assert_eq!(noted + missed, NOTES + 1);
}

/// Nothing may happen for hours behind it.
#[test]
fn a_flush_writes_how_much_is_missing_so_far() {
    const NOTES: u64 = 20_000;
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let page = Page::default();
    let recorder = Recorder::new(page.clone()).unwrap();
    let standstill = page.0.lock().unwrap();
    for number in 0..NOTES {
        recorder.note(number, now());
    }
    drop(standstill);
    for _ in 0..2 {
        recorder.flush().unwrap();
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let noted = lines.iter().filter(|line| line["event"] == "noted").count() as u64;
        let missed: Vec<_> = lines.iter().filter(|line| line["event"] == "missed").collect();
        assert_eq!((missed.len(), missed[0]["count"].as_u64().unwrap() + noted), (1, NOTES));
    }
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

/// Whoever reads the recording would take it for one of a process that was killed.
#[test]
fn the_end_is_written_also_behind_a_queue_that_is_full() {
    let (page, pen) = io::pipe().unwrap();
    let recorder = Recorder::new(pen).unwrap();
    for number in 0..20_000 {
        recorder.note(number, now());
    }
    let dropping = thread::spawn(move || drop(recorder));
    // Nothing is read for a while, so that the queue is full when the recorder is dropped.
    thread::sleep(Duration::from_millis(200));
    let lines = lines(page);
    dropping.join().unwrap();
    let last_two: Vec<_> = lines.iter().rev().take(2).map(|line| &line["event"]).collect();
    assert_eq!(last_two, ["ended", "missed"]);
}

/// The disk was full, or the machine was switched off.
#[test]
fn what_is_recorded_behind_a_line_that_was_cut_off_can_be_read() {
    let file = std::env::temp_dir().join(format!("redlock-recorder-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&file);
    for round in 0..3 {
        let recorder = Recorder::append_to(&file).unwrap();
        recorder.note("begins", now());
        drop(recorder);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text.matches("begins").count(), round + 1, "{text}");
        let mut history = History::new();
        history.read(text.as_bytes()).unwrap();
        assert!(!text.contains("\n\n"), "nothing stands between recordings that are whole: {text}");
        if round > 0 {
            std::fs::write(&file, &text[..text.len() - 10]).unwrap();
        }
    }
    std::fs::remove_file(&file).unwrap();
}

/// The end of the program must not depend on whoever reads.
#[test]
fn a_reader_that_stops_reading_holds_up_the_end_for_a_limited_time_and_what_is_missing_is_told() {
    const NOTES: u64 = 20_000;
    let (page, pen) = io::pipe().unwrap();
    let recorder = Recorder::new(pen).unwrap();
    for number in 0..NOTES {
        recorder.note(number, now());
    }
    let begun = Instant::now();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let refused = recorder.flush().unwrap_err();
        drop(recorder);
        sender.send(refused).unwrap();
    });
    let refused = receiver.recv_timeout(Duration::from_secs(20)).expect("it goes on");
    assert!(begun.elapsed() < Duration::from_secs(8), "only the flush waits: {:?}", begun.elapsed());
    assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
    assert!(refused.to_string().starts_with("nothing was taken for 5 s, and "), "{refused}");
    let missing = refused.to_string().split(' ').find_map(|word| word.parse::<u64>().ok().filter(|count| *count > 5));
    assert!(missing.unwrap() > NOTES / 2 && missing.unwrap() <= NOTES + 1, "{refused}");
    // Whoever reads after all finds what there was room for.
    assert!(lines(page).iter().any(|line| line["event"] == "noted"));
}
