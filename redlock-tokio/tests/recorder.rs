//! What the recorder of `redlock-history` writes of a handle.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::io::{self, BufRead, BufReader, PipeReader};
use std::sync::Arc;
use std::time::Duration;

use redlock_history::Recorder;
use redlock_tokio::memory::MemoryNode;
use redlock_tokio::{Redlock, now};
use serde_json::Value;

const TTL: Duration = Duration::from_secs(10);

/// Reads what is written before a note.
fn lines(page: PipeReader) -> Vec<Value> {
    let lines = BufReader::new(page).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap());
    lines.take_while(|line: &Value| line["event"] != "noted").collect()
}

fn micros(time: std::time::SystemTime) -> u64 {
    let since_1970 = time.duration_since(std::time::UNIX_EPOCH).unwrap();
    since_1970.as_micros().try_into().unwrap()
}

#[tokio::test]
async fn the_life_of_a_lock_is_written_with_the_time_of_day() {
    let ((page, pen), nodes) = (io::pipe().unwrap(), ["one", "two", "three"].map(MemoryNode::new));
    let recorder = Arc::new(Recorder::new(pen).unwrap().by("web-1"));
    let redlock = Redlock::builder().nodes(&nodes).observer(recorder.clone()).build().unwrap();
    let before = micros(std::time::SystemTime::now());
    let mut guard = redlock.lock("job", TTL).fenced().min_hold(Duration::from_millis(1)).await.unwrap();
    let fence = guard.fence().unwrap().get();
    guard.extend(TTL).await.unwrap();
    guard.release().await;
    redlock.close().await;
    let after = micros(std::time::SystemTime::now());

    recorder.note("that was all", now());
    let lines = lines(page);
    assert!(lines.iter().all(|line| line["recording"] == lines[0]["recording"]), "{lines:?}");
    // The clocks of the machine and of the handle are not looked at in the same moment.
    let times = (before - 10_000)..=(after + 10_000);
    assert!(lines.iter().all(|line| times.contains(&line["at"].as_u64().unwrap())), "{before} {after} {lines:?}");
    assert_eq!((&lines[0]["event"], &lines[0]["by"]), (&"begun".into(), &"web-1".into()));
    let of_lock: Vec<_> = lines.iter().filter(|line| line["lock"].is_u64() && line["node"].is_null()).collect();
    let events: Vec<_> = of_lock.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["requested", "acquired", "extended", "release_begun", "released", "settled"]);
    let [requested, acquired] = [&of_lock[0], &of_lock[1]];
    assert_eq!((&requested["names"][0], &requested["ttl"]), (&"job".into(), &10_000_000.into()));
    assert_eq!(requested["min_hold"], 1_000);
    assert_eq!(acquired["fences"][0], fence);
    let valid_for = acquired["deadline"].as_u64().unwrap() - acquired["at"].as_u64().unwrap();
    assert!((5_000_000..=9_900_000).contains(&valid_for), "the TTL without the drift: {valid_for}");
    for asked in ["acquire", "extend", "release"] {
        let is_answer = |line: &&Value| line["asked"] == asked && line["answer"] == "done";
        let answers = lines.iter().filter(is_answer);
        assert_eq!(answers.count(), 3, "each node said so to {asked}: {lines:?}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_written_with_its_reason() {
    let ((page, pen), nodes) = (io::pipe().unwrap(), ["one", "two", "three"].map(MemoryNode::new));
    let recorder = Arc::new(Recorder::new(pen).unwrap());
    let redlock = Redlock::builder().nodes(&nodes).observer(recorder.clone()).build().unwrap();
    let lost = redlock.lock("short", Duration::from_millis(50)).await.unwrap();
    lost.lost().await;
    let held = redlock.lock("job", TTL).await.unwrap();
    assert!(redlock.lock("job", TTL).attempts(1).await.is_err());
    nodes[0].cut();
    drop((held, lost));
    redlock.close().await;
    recorder.note("that was all", now());
    let lines = lines(page);
    let reason = |event: &str| {
        let line = lines.iter().find(|line| line["event"] == event).unwrap_or_else(|| panic!("{event}: {lines:?}"));
        line["why"].as_str().unwrap().to_owned()
    };
    assert!(!reason("lost").is_empty());
    assert!(reason("not_acquired").contains("held by another user of this handle"), "{}", reason("not_acquired"));
    assert!(!reason("disconnected").is_empty());
}
