//! What is read from recordings, and what is drawn of it.

#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

use redlock_history::{History, HistoryError};

/// Two processes that wait for one lock: the first is killed while it holds it, the second gets it after the deadline, and
/// loses it when two of three nodes are gone.
const TWO: &str = include_str!("two_processes.jsonl");

fn read(text: &str) -> Result<History, HistoryError> {
    let mut history = History::new();
    history.read(text.as_bytes())?;
    Ok(history)
}

fn drawn(text: &str) -> String {
    read(text).unwrap().picture().to_string()
}

/// Returns the left and the right end of the bar with this label.
fn ends(svg: &str, label: &str) -> (f64, f64) {
    let line = svg.lines().find(|line| line.contains(&format!("<title>{label}"))).unwrap_or_else(|| panic!("{label}"));
    let number = |name: &str| {
        let (_, behind) = line.split_once(&format!("{name}=\"")).unwrap();
        behind.split_once('"').unwrap().0.parse::<f64>().unwrap()
    };
    (number(" x"), number(" x") + number("width"))
}

#[test]
fn who_waited_and_held_is_drawn_on_one_clock() {
    let svg = drawn(TWO);
    let first = ends(&svg, "holds job for 2.990 s");
    let killed = ends(&svg, "the recording ends here: the process was killed, or goes on still");
    let waits = svg.match_indices("<title>waits for job").count();
    assert_eq!(waits, 2);
    let second = ends(&svg, "holds job for 3.000 s, fence 7");
    assert!((first.1 - killed.0).abs() < 1.0, "{first:?} {killed:?}");
    assert!(second.0 >= killed.1 - 0.1, "nobody else has it before the deadline: {killed:?} {second:?}");
    assert!(svg.contains("<title>lost: too few nodes</title>"));
    assert!(svg.contains("2 processes, 3 nodes, 2 locks (1 lost); 9.651 s from 2026-11-29 08:00:00.000 UTC"), "{svg}");
    for text in [">web-1<", ">web-2<", ">a:1<", "web-2: is not connected: it was killed", "SIGTERM"] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn a_key_stays_on_a_node_until_it_is_gone_or_somebody_elses() {
    let svg = drawn(TWO);
    let keys: Vec<_> = svg.lines().filter(|line| line.contains("<title>key of web-1")).collect();
    assert_eq!(keys.len(), 3, "one on each node");
    let (first, second) = (ends(&svg, "key of web-1"), ends(&svg, "key of web-2"));
    assert!((first.1 - second.0).abs() < 1.0, "{first:?} {second:?}");
}

#[test]
fn a_key_stays_on_a_node_for_as_long_as_its_lock_was_extended() {
    // The first process extends its lock by 20 s, and nobody comes after it.
    let longer = TWO.lines().filter(|line| line.contains(r#""recording":"1""#)).collect::<Vec<_>>().join("\n");
    let longer = longer.replace(r#""deadline":1795939206600000"#, r#""deadline":1795939221500000"#);
    let svg = drawn(&longer);
    let (valid, key) = (ends(&svg, "the recording ends here"), ends(&svg, "key of web-1"));
    assert!((valid.1 - key.1).abs() < 1.0, "{valid:?} {key:?}");
}

#[test]
fn a_name_is_drawn_alone_and_nothing_is_no_picture() {
    assert!(read(TWO).unwrap().only("another").is_empty());
    assert!(!read(TWO).unwrap().only("job").is_empty());
    assert!(read("").unwrap().is_empty());
    // Nothing panics on it all the same.
    assert!(drawn("").starts_with("<svg"));
}

/// It is shown whenever it comes: nobody is to miss it.
#[test]
fn a_warning_before_the_first_request_or_after_the_last_hold_is_drawn() {
    let noted = |at: u64, text: &str, warning: bool| {
        format!(r#"{{"recording":"2","at":{at},"event":"noted","text":"{text}","warning":{warning}}}"#)
    };
    let (early, late) = (noted(1_795_939_140_000_000, "early", true), noted(1_795_939_260_000_000, "late", true));
    let missed = r#"{"recording":"2","at":1795939270000000,"event":"missed","count":7}"#;
    let svg = drawn(&format!("{TWO}\n{early}\n{late}\n{missed}"));
    for text in ["<title>early</title>", "<title>late</title>", "<title>7 events are missing here</title>"] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(svg.contains("; 130.000 s from 2026-11-29 07:59:00.000 UTC"), "{svg}");
    let remark = noted(1_795_939_260_000_000, "a remark", false);
    assert!(drawn(&format!("{TWO}\n{remark}")).contains("; 9.651 s from"), "it is worth no other scale");
}

/// Names come from users, and what is said from servers.
#[test]
fn no_text_breaks_the_picture() {
    let svg = drawn(&TWO.replace(r#"["job"]"#, r#"["<job & \"sons\">\u0007"]"#));
    assert!(svg.contains("&lt;job &amp; &quot;sons&quot;&gt; "), "{svg}");
    assert!(!svg.contains("<job"));
    // These two are no letters of XML, and no browser shows a picture that has one.
    let svg = drawn(&TWO.replace(r#"["job"]"#, "[\"\u{FFFE}job\u{FFFF}\"]"));
    assert!(!svg.contains(['\u{FFFE}', '\u{FFFF}']), "{svg}");
}

/// A name is recorded with escapes, and asked for as it is.
#[test]
fn a_name_with_escapes_is_found_by_the_name_and_by_what_is_shown() {
    let text = TWO.replace(r#"["job"]"#, r#"["a\\\\b\\n"]"#);
    for name in ["a\\b\n", r"a\\b\n"] {
        assert!(!read(&text).unwrap().only(name).is_empty(), "{name:?}");
    }
    assert!(read(&text).unwrap().only("a\\\\\\b").is_empty());
}

/// A recording says what it wants.
#[test]
fn a_picture_of_all_times_has_an_end() {
    let svg = drawn(&TWO.replacen(r#""at":1795939200000000"#, &format!(r#""at":{}"#, u64::MAX), 1));
    assert!(svg.ends_with("</svg>\n"));
}

/// It may be in the middle of a file: the next process goes on in a line of its own.
#[test]
fn what_the_end_of_a_process_has_cut_off_is_left_out() {
    let (first, rest) = TWO.split_once('\n').unwrap();
    for length in 0..first.len() {
        assert!(read(&format!("{}\n{rest}", &first[..length])).is_ok(), "{length}");
        assert!(read(&format!("{rest}{}", &first[..length])).is_ok(), "{length}");
    }
    for foreign in ["redlock: a line of a log", "{}", "[1]", r#"{"recording":"1","#.repeat(2).as_str()] {
        assert!(matches!(read(&format!("{foreign}\n{rest}")), Err(HistoryError::Line { line: 1, .. })), "{foreign}");
    }
}

/// File systems have zeros where the machine was switched off before they had written what was appended.
#[test]
fn zeros_in_a_recording_tell_nothing() {
    let (first, rest) = TWO.split_once('\n').unwrap();
    let zeros = "\0".repeat(100);
    for length in 0..=first.len() {
        let cut_off = format!("{}{zeros}\n{rest}", &first[..length]);
        assert_eq!(read(&cut_off).map(|history| history.is_empty()).ok(), Some(false), "{length}");
    }
    for length in 0..first.len() {
        // What is behind the zeros was written before what was there.
        let hollow = format!("{}{zeros}{}\n{rest}", &first[..length / 2], &first[length..]);
        assert_eq!(read(&hollow).map(|history| history.is_empty()).ok(), Some(false), "{length}");
    }
    assert_eq!(drawn(&format!("{zeros}{TWO}{zeros}")), drawn(TWO));
    assert!(read(&format!("no recording{zeros}\n{rest}")).is_err());
}

#[test]
fn what_a_later_version_adds_is_left_out_and_what_it_changes_refused() {
    let unknown = r#"{"recording":"1","at":1795939200000000,"event":"something_new","lock":3,"more":[1]}"#;
    assert_eq!(drawn(&format!("{unknown}\n{TWO}")), drawn(TWO));
    let error = read(&TWO.replace(r#""version":1"#, r#""version":2"#)).unwrap_err();
    assert!(matches!(error, HistoryError::Version { line: 1, version: 2 }), "{error}");
}
