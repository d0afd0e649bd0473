//! Commands and their replies.

use core::time::Duration;

use proptest::prelude::*;
use redlock_core::resp::{Connection, Event};
use redlock_core::{Action, Cause, Command, Hold, Reply, Resources, ScriptForm};

use crate::peer::{acquire, commands, connected, events, release, written};

#[test]
fn commands_are_written_in_their_order() {
    let mut connection = connected();
    let set = acquire("job");
    let (undo, ping) =
        (release(&set, true, ScriptForm::Digest), set.with_action(Action::ReadClock, ScriptForm::Digest));
    for command in [&set, &undo, &ping] {
        connection.send(command);
    }
    assert_eq!(connection.owed(), 3);
    let line = |command: &Command| {
        command.wire().words().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" ")
    };
    let text = written(&mut connection);
    assert_eq!(commands(&text), [line(&set), line(&undo), "INFO server".to_owned()]);
    assert!(connection.unwritten().is_empty());
}

#[test]
fn what_is_written_in_part_goes_on_where_it_was() {
    let mut connection = connected();
    connection.send(&acquire("job"));
    let whole = connection.unwritten().to_vec();
    let mut pieces = Vec::new();
    while !connection.unwritten().is_empty() {
        pieces.push(connection.unwritten()[0]);
        connection.handle_written(1);
    }
    assert_eq!(pieces, whole);
}

#[test]
fn machines_in_the_same_state_are_equal() {
    let (mut one, other) = (connected(), connected());
    one.send(&acquire("job"));
    assert_ne!(one, other);
    written(&mut one);
    assert_ne!(one, other, "an answer is owed");
    one.handle_bytes(b"+OK\r\n");
    assert_eq!(events(&mut one), [Event::Reply(Reply::Done)]);
    assert_eq!(one, other);
}

#[test]
fn a_broken_connection_keeps_nothing() {
    let mut connection = connected();
    connection.handle_bytes(b"HTTP/1.1 400 Bad Request\r\n");
    assert!(matches!(connection.poll_event(), Some(Event::Broken(_))));
    let more = vec![b'x'; 100_000];
    let info = allocation_counter::measure(|| {
        for _ in 0..100 {
            connection.handle_bytes(&more);
            let len = connection.read_buffer().len();
            assert!(len >= 4 * 1024);
            connection.handle_read(len);
            assert_eq!(connection.poll_event(), None);
        }
    });
    assert!(info.bytes_max < 64 * 1024, "{} bytes", info.bytes_max);
}

#[test]
fn each_reply_belongs_to_the_oldest_command() {
    let mut connection = connected();
    let set = acquire("job");
    connection.send(&set);
    connection.send(&set);
    connection.send(&release(&set, true, ScriptForm::Digest));
    connection.send(&acquire(Resources::all(["a", "b"])));
    connection.send(&set.with_action(Action::ReadClock, ScriptForm::Digest));
    connection.send(&set);
    connection.handle_bytes(b"+OK\r\n_\r\n:0\r\n$6\r\n2 1500\r\n+PONG\r\n-OOM command not allowed\r\n");
    let mut hold = Hold::UNKNOWN;
    (hold.resource, hold.remaining) = (Some("b".into()), Some(Duration::from_millis(1_500)));
    let replies = events(&mut connection);
    assert_eq!(
        replies[..5],
        [
            Event::Reply(Reply::Done),
            Event::Reply(Reply::HeldByOther(Hold::UNKNOWN)),
            Event::Reply(Reply::Missing),
            Event::Reply(Reply::HeldByOther(hold)),
            Event::Reply(Reply::Done),
        ]
    );
    let Event::Reply(Reply::Unavailable(why)) = &replies[5] else { panic!("{replies:?}") };
    assert_eq!((why.cause(), connection.owed()), (Cause::OutOfMemory, 0));
}

#[test]
fn both_protocols_say_nil() {
    for nil in [&b"_\r\n"[..], b"$-1\r\n", b"*-1\r\n"] {
        let mut connection = connected();
        connection.send(&acquire("job"));
        connection.handle_bytes(nil);
        assert_eq!(events(&mut connection), [Event::Reply(Reply::HeldByOther(Hold::UNKNOWN))]);
    }
}

#[test]
fn pushes_stand_apart() {
    let mut connection = connected();
    connection.send(&acquire("job"));
    connection.handle_bytes(b">3\r\n$7\r\nmessage\r\n$4\r\nwake\r\n$3\r\njob\r\n+OK\r\n");
    let events = events(&mut connection);
    let Event::Push(push) = &events[0] else { panic!("{events:?}") };
    assert_eq!(push.kind(), b"message");
    assert!(push.contents().eq([&b"wake"[..], b"job"]));
    assert_eq!(events[1], Event::Reply(Reply::Done));
    assert!(!format!("{push:?}").contains("job"));
}

#[test]
fn an_answer_that_nobody_asked_for_ends_the_connection() {
    let mut connection = connected();
    connection.handle_bytes(b"+OK\r\n+OK\r\n");
    let events = events(&mut connection);
    assert!(matches!(&events[..], [Event::Broken(why)] if why.cause() == Cause::Unexpected), "{events:?}");
    connection.send(&acquire("job"));
    connection.handle_bytes(b"+OK\r\n");
    assert_eq!(connection.poll_event(), None, "nothing comes any more");
}

/// An answer as bytes, whether it fits a command or not.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        Just(b"+OK\r\n".to_vec()),
        Just(b"_\r\n".to_vec()),
        Just(b"$-1\r\n".to_vec()),
        (-1..3_i64).prop_map(|number| format!(":{number}\r\n").into_bytes()),
        "[a-z \r\n]{0,20}".prop_map(|text| format!("${}\r\n{text}\r\n", text.len()).into_bytes()),
        Just(b"-NOSCRIPT No matching script.\r\n".to_vec()),
        Just(b"-ERR unknown command 'DELIFEQ'\r\n".to_vec()),
        Just(b"#t\r\n".to_vec()),
        Just(b"!7\r\nERR x\r\n\r\n".to_vec()),
    ];
    scalar.prop_recursive(3, 16, 4, |inner| {
        (prop_oneof![Just('*'), Just('~'), Just('>')], proptest::collection::vec(inner, 0..4)).prop_map(
            |(kind, elements)| {
                let mut bytes = format!("{kind}{}\r\n", elements.len()).into_bytes();
                bytes.extend(elements.concat());
                bytes
            },
        )
    })
}

/// Commands of all kinds.
fn questions() -> impl Strategy<Value = Vec<Command>> {
    let kind = (0..5_u8).prop_map(|kind| {
        let set = acquire("job");
        match kind {
            0 => set,
            1 => release(&set, true, ScriptForm::Digest),
            2 => release(&set, false, ScriptForm::Digest),
            3 => acquire(Resources::all(["a", "b"])),
            _ => set.with_action(Action::ReadClock, ScriptForm::Digest),
        }
    });
    proptest::collection::vec(kind, 0..20)
}

fn replay(mut connection: Connection, pieces: &[&[u8]]) -> Vec<Event> {
    let mut seen = Vec::new();
    for piece in pieces {
        let mut piece = *piece;
        while !piece.is_empty() {
            let room = connection.read_buffer();
            let len = room.len().min(piece.len());
            room[..len].copy_from_slice(&piece[..len]);
            connection.handle_read(len);
            piece = &piece[len..];
            seen.extend(events(&mut connection));
        }
    }
    seen
}

proptest! {
    #[test]
    fn the_pieces_in_which_replies_come_change_nothing(
        commands in questions(),
        answers in proptest::collection::vec(answer(), 0..25),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let mut connection = crate::peer::connected_to("valkey", "9.1.2");
        for command in &commands {
            connection.send(command);
        }
        let bytes = answers.concat();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let whole = replay(connection.clone(), &[&bytes]);
        prop_assert_eq!(&whole, &replay(connection.clone(), &pieces));
        prop_assert_eq!(&whole, &replay(connection.clone(), &single));
        connection.handle_bytes(&bytes);
        prop_assert_eq!(&whole, &events(&mut connection));
    }
}
