//! The RESP machine of the core against the parser of the `redis` crate: both must accept the same replies, and read the
//! same from them.
//!
//! Left out is what the two see differently on purpose: the bounds of our machine (64 KiB, eight levels), pushes, which
//! are no reply, and lines that RESP does not have, such as an integer with a sign in front of nothing.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

use std::time::Duration;

use proptest::prelude::*;
use redlock_core::resp::{Event, Opening, Settings};
use redlock_core::{Answer, Cause, Config, Instant, Lock, Options, Reply, Request};
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
    opening.handle_bytes(b"%0\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n");
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
}
