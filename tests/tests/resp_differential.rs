//! The RESP machine of the core against the parser of the `redis` crate: both must accept the same replies, and read the
//! same from them.
//!
//! Where a reply is well-formed they must agree. Of a reply with some bytes changed they may see these things differently:
//!
//! - the bounds of our machine: 64 KiB, eight levels, and a length that nobody could send;
//! - pushes, which are no reply, and which the other parser takes with a kind that is a text only;
//! - lines that are no UTF-8, or have a line feed without a carriage return: ours takes the former only;
//! - numbers with blanks around them, of more than 20 digits, or negative as a length, other than `$-1` and `*-1`: ours
//!   takes none of them;
//! - what stands behind `_` and `(`, which the other parser does not look at, and the format of a verbatim text, which
//!   ours does not look at;
//! - a first byte that no reply has: ours refuses it at once, the other parser now and then waits for more.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

use std::time::Duration;

use proptest::prelude::*;
use redlock_core::resp::{Event, Opening, Settings};
use redlock_core::{Answer, Cause, Config, Instant, Lock, Options, Reply, Request, Unavailable};
use redlock_tokio::redis::{self, Value};

/// The bytes of one value, in either protocol.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        Just(b"+OK\r\n".to_vec()),
        "[a-zA-Z ]{0,12}".prop_map(|text| format!("+{text}\r\n").into_bytes()),
        "[A-Z]{1,8} [a-z ]{0,20}".prop_map(|text| format!("-{text}\r\n").into_bytes()),
        any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|text| texts(b'$', &text)),
        "[A-Z]{1,8} [a-z ]{0,20}".prop_map(|text| texts(b'!', text.as_bytes())),
        "[a-z]{0,20}".prop_map(|text| texts(b'=', format!("txt:{text}").as_bytes())),
        prop::sample::select(vec![
            "_\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "#t\r\n",
            "#f\r\n",
            ",1.5\r\n",
            "(123456789012345678901\r\n"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    scalar.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            (prop_oneof![Just('*'), Just('~')], proptest::collection::vec(inner.clone(), 0..4))
                .prop_map(|(kind, elements)| aggregate(kind, elements.len(), &elements)),
            proptest::collection::vec((inner.clone(), inner), 0..3).prop_map(|pairs| {
                let elements: Vec<Vec<u8>> = pairs.into_iter().flat_map(|(key, value)| [key, value]).collect();
                aggregate('%', elements.len() / 2, &elements)
            }),
        ]
    })
}

fn texts(kind: u8, text: &[u8]) -> Vec<u8> {
    let header = format!("{}{}\r\n", char::from(kind), text.len());
    [header.as_bytes(), text, b"\r\n"].concat()
}

fn aggregate(kind: char, count: usize, elements: &[Vec<u8>]) -> Vec<u8> {
    [format!("{kind}{count}\r\n").into_bytes(), elements.concat()].concat()
}

/// What our machine makes of the bytes as the reply to a `SET`; `None` while they are not complete.
fn ours(bytes: &[u8]) -> Option<Event> {
    let mut opening = Opening::new(&Settings::new());
    opening.handle_bytes(b"%0\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n");
    let mut connection = opening.poll().unwrap().unwrap();
    let config = Config::builder(["only"]).build().unwrap();
    let request = Request::new(&config, "job", Duration::from_secs(10), Options::new()).unwrap();
    connection.send(&Lock::acquire(&config, request, [7; 32], Instant::EPOCH).poll_command().unwrap());
    connection.handle_bytes(bytes);
    connection.poll_event()
}

/// What the value of the other parser means as the reply to a `SET`.
fn meaning(value: &Value) -> Reply {
    let config = Config::builder(["only"]).build().unwrap();
    let request = Request::new(&config, "job", Duration::from_secs(10), Options::new()).unwrap();
    let command = Lock::acquire(&config, request, [7; 32], Instant::EPOCH).poll_command().unwrap();
    let read = |answer: Answer<'_>| Reply::from_wire(&command, answer);
    match value {
        Value::Okay => read(Answer::Ok),
        Value::Nil => read(Answer::Nil),
        Value::Int(number) => read(Answer::Integer(*number)),
        Value::BulkString(text) => read(Answer::Bytes(text)),
        Value::Attribute { data, .. } => meaning(data),
        Value::ServerError(error) => {
            read(Answer::Error(&format!("{} {}", error.code(), error.details().unwrap_or_default())))
        }
        _ => read(Answer::Other),
    }
}

/// The cause of a reply, where its words may be spaced differently.
fn cause(reply: &Reply) -> Option<Cause> {
    match reply {
        Reply::Unavailable(why) => Some(why.cause()),
        _ => None,
    }
}

/// The bytes of a value with some changed, left out or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"+-:$*_#,(!=%~|\r\n0123456789 tf".to_vec())];
    let change = (any::<prop::sample::Index>(), 0..4_u8, byte);
    (value(), proptest::collection::vec(change, 1..4)).prop_map(|(mut bytes, changes)| {
        for (place, kind, byte) in changes {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 if bytes.len() > 1 => drop(bytes.remove(place)),
                2 => bytes.truncate(place + 1),
                _ => bytes.insert(place, byte),
            }
        }
        bytes
    })
}

/// Returns whether the two may see it differently, because a line in it is one of those that are listed above.
fn is_exempt(bytes: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(bytes) else { return true };
    text.replace("\r\n", "").contains('\n') || text.split("\r\n").any(is_exempt_line)
}

/// The text within a value is taken for lines, too, which exempts a little more.
fn is_exempt_line(line: &str) -> bool {
    let Some(kind) = line.chars().next() else { return false };
    let rest = &line[kind.len_utf8()..];
    let has_odd_number = rest.trim() != rest || rest.len() > 20;
    match kind {
        '>' | '=' => true,
        '_' => !rest.is_empty(),
        '(' => {
            !rest.strip_prefix(['-', '+']).unwrap_or(rest).chars().all(|digit| digit.is_ascii_digit()) || rest.len() < 2
        }
        ':' => has_odd_number,
        ',' => rest.trim() != rest,
        '$' | '*' => has_odd_number || (rest.starts_with('-') && rest != "-1"),
        '!' | '~' | '%' | '|' => has_odd_number || rest.starts_with('-'),
        _ => false,
    }
}

/// Returns whether our machine has reached one of its bounds.
fn is_bound(why: &Unavailable) -> bool {
    why.detail().is_some_and(|why| why.contains("too long") || why.contains("too deeply"))
}

fn begins_like_no_reply(why: &Unavailable) -> bool {
    why.detail().is_some_and(|why| why.contains("begins like no reply"))
}

fn is_incomplete(error: &redis::RedisError) -> bool {
    error.kind() == redis::ErrorKind::Io
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn both_read_the_same_from_what_is_well_formed(bytes in value()) {
        let theirs = redis::parse_redis_value(&bytes);
        prop_assert!(theirs.is_ok(), "{theirs:?}");
        let Some(Event::Reply(reply)) = ours(&bytes) else { panic!("{:?} from {}", ours(&bytes), bytes.escape_ascii()) };
        let expected = meaning(&theirs.unwrap());
        prop_assert_eq!(cause(&reply), cause(&expected), "{}", bytes.escape_ascii());
        if cause(&reply).is_none() {
            prop_assert_eq!(reply, expected);
        }
    }

    #[test]
    fn neither_reads_anything_from_a_part(bytes in value(), cut in any::<prop::sample::Index>()) {
        let part = &bytes[..cut.index(bytes.len())];
        prop_assert!(ours(part).is_none());
        prop_assert!(redis::parse_redis_value(part).is_err());
    }

    #[test]
    fn both_take_and_refuse_the_same(bytes in mutated()) {
        let (theirs, shown) = (redis::parse_redis_value(&bytes), bytes.escape_ascii());
        let ours = ours(&bytes);
        match (&ours, &theirs) {
            _ if is_exempt(&bytes) => {}
            (Some(Event::Broken(why)), _) if is_bound(why) => {}
            (Some(Event::Reply(reply)), Ok(value)) => {
                prop_assert_eq!(cause(reply), cause(&meaning(value)), "{}", shown);
            }
            (Some(Event::Broken(why)), Err(error)) if !is_incomplete(error) || begins_like_no_reply(why) => {}
            (None, Err(error)) if is_incomplete(error) => {}
            _ => prop_assert!(false, "{ours:?} and {theirs:?} from {shown}"),
        }
    }
}
