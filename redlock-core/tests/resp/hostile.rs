//! Servers that say anything: it ends in events or in a broken connection, within a bound of memory.
//!
//! `REDLOCK_INPUTS=10000000` asks for more inputs.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redlock_core::resp::{Connection, Event, Opening, Settings};
use redlock_core::{Cause, ScriptForm};

use crate::peer::{acquire, connected, connected_to, release, welcome};

/// What a connection may need for an input of any length: the largest reply, what is read behind it, and its copy in a
/// push.
const MOST_BYTES: u64 = 1024 * 1024;

/// What it may need for an input of a few bytes: the buffer for what is read, and some bytes for each byte of a push.
fn most_bytes(input: &[u8]) -> u64 {
    24 * 1024 + 64 * input.len() as u64
}

fn inputs() -> u32 {
    std::env::var("REDLOCK_INPUTS").ok().and_then(|inputs| inputs.parse().ok()).unwrap_or(20_000)
}

/// A connection that is owed a few replies.
fn owed_replies() -> Connection {
    let (mut connection, set) = (connected_to("valkey", "9.1.2"), acquire("job"));
    connection.send(&set);
    connection.send(&release(&set, false, ScriptForm::Digest));
    connection.send(&release(&set, true, ScriptForm::Digest));
    connection
}

/// Feeds bytes to a connection until it breaks.
fn feed(mut connection: Connection, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let room = connection.read_buffer();
        assert!(room.len() >= 4 * 1024);
        let len = room.len().min(rest.len());
        room[..len].copy_from_slice(&rest[..len]);
        connection.handle_read(len);
        rest = &rest[len..];
        while let Some(event) = connection.poll_event() {
            if let Event::Broken(why) = event {
                assert_eq!((why.cause(), connection.poll_event()), (Cause::Unexpected, None));
                return;
            }
        }
    }
}

fn open(mut opening: Opening, bytes: &[u8]) {
    for piece in bytes.chunks(7) {
        opening.handle_bytes(piece);
        if opening.poll().is_some() {
            assert!(opening.poll().is_none());
            return;
        }
    }
}

/// Bytes that look like RESP, more or less.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::sample::select(b"+-:$*_#,(!=%~>|".to_vec()).prop_map(|kind| vec![kind]),
        3 => prop::sample::select(vec!["0", "1", "2", "3", "-1", "?", "65536", "99999999999999999999"])
            .prop_map(|number| number.as_bytes().to_vec()),
        4 => Just(b"\r\n".to_vec()),
        1 => prop::sample::select(vec!["OK", "server", "ERR x", "message"]).prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A stream as a server sends it, with some bytes changed, left out or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..3_u8, any::<u8>());
    proptest::collection::vec(change, 1..6).prop_map(|changes| {
        let mut bytes = welcome("redis", "7.0.15");
        bytes.extend_from_slice(b"+OK\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$0\r\n\r\n-ERR no\r\n");
        for (place, kind, byte) in changes {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => drop(bytes.remove(place)),
                _ => bytes.insert(place, byte),
            }
        }
        bytes
    })
}

#[test]
fn whatever_a_server_says_does_no_harm() {
    let (connection, opening) = (owed_replies(), Opening::new(&Settings::new().database(1)));
    let mut runner = TestRunner::new(Config { cases: inputs(), ..Config::default() });
    runner
        .run(&prop_oneof![noise(), mutated()], |bytes| {
            for info in [
                allocation_counter::measure(|| feed(connection.clone(), &bytes)),
                allocation_counter::measure(|| open(opening.clone(), &bytes)),
            ] {
                prop_assert!(info.bytes_max <= most_bytes(&bytes), "{} bytes", info.bytes_max);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn nothing_is_allocated_because_a_server_announces_it() {
    let connection = owed_replies();
    for announcement in ["$65536\r\n", "*65536\r\n", "%65536\r\n", "|65536\r\n", ">65536\r\n", "*1\r\n*65536\r\n"] {
        let info = allocation_counter::measure(|| feed(connection.clone(), announcement.as_bytes()));
        assert!(info.bytes_max < MOST_BYTES, "{announcement}: {} bytes", info.bytes_max);
    }
}

#[test]
fn an_endless_reply_ends_the_connection_within_a_bound_of_memory() {
    let connection = owed_replies();
    for part in [&b"+aaaaaaaa"[..], b"*1\r\n", b"|1\r\n+a\r\n", b">1000\r\n+a\r\n", b"*60000\r\n:1\r\n"] {
        let endless: Vec<u8> = part.iter().copied().cycle().take(10_000_000).collect();
        let info = allocation_counter::measure(|| feed(connection.clone(), &endless));
        assert!(info.bytes_max < MOST_BYTES, "{}: {} bytes", part.escape_ascii(), info.bytes_max);
    }
}

#[test]
fn replies_allocate_nothing() {
    let mut connection = connected();
    let set = acquire("job");
    let undo = release(&set, true, ScriptForm::Digest);
    let mut round = || {
        for (command, answer) in [(&set, &b"+OK\r\n"[..]), (&undo, b":1\r\n"), (&set, b"_\r\n"), (&undo, b":0\r\n")] {
            connection.send(command);
            connection.handle_written(connection.unwritten().len());
            connection.read_buffer()[..answer.len()].copy_from_slice(answer);
            connection.handle_read(answer.len());
            assert!(matches!(connection.poll_event(), Some(Event::Reply(_))));
        }
    };
    round();
    let info = allocation_counter::measure(|| (0..100).for_each(|_| round()));
    assert_eq!(info.count_total, 0);
}
