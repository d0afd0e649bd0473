//! What each answer means for a command.

use super::*;
use crate::wire::Answer;
use crate::{Cause, Hold, KeyReport, KeyState, Owner, Reply, Unavailable, ValueDigest};

#[test]
fn answers_are_read_as_what_they_mean_for_the_command() {
    let read = |kind, answer| Reply::from_wire(&command(kind, ScriptForm::Digest), answer);
    let cause = |kind, answer| match read(kind, answer) {
        Reply::Unavailable(unavailable) => unavailable.cause(),
        other => panic!("{other:?}"),
    };
    assert_eq!(read(Kind::Acquire, Answer::Ok), Reply::Done);
    assert_eq!(read(Kind::Acquire, Answer::Nil), Reply::HeldByOther(Hold::UNKNOWN));
    assert_eq!(read(Kind::Release, Answer::Integer(2)), Reply::CalledUp);
    for kind in [Kind::Extend, Kind::Release, Kind::Delete, Kind::Keep] {
        assert_eq!(read(kind, Answer::Integer(1)), Reply::Done);
        assert_eq!(read(kind, Answer::Integer(0)), Reply::Missing);
        assert_eq!(read(kind, Answer::Integer(-1)), Reply::HeldByOther(Hold::UNKNOWN));
        assert_eq!(read(kind, Answer::Error("NOSCRIPT No matching script.")), Reply::UnknownScript);
        assert_eq!(cause(kind, Answer::Ok), Cause::Unexpected);
        assert_eq!(cause(kind, Answer::Integer(3)), Cause::Unexpected);
    }
    assert_eq!(cause(Kind::Extend, Answer::Integer(2)), Cause::Unexpected);
    assert_eq!(read(Kind::Leave, Answer::Integer(1)), Reply::Done);
    assert_eq!(cause(Kind::Acquire, Answer::Integer(1)), Cause::Unexpected);
    assert_eq!(cause(Kind::Acquire, Answer::Other), Cause::Unexpected);
}

#[test]
fn each_error_of_a_server_has_its_cause() {
    let extend = command(Kind::Extend, ScriptForm::Digest);
    for (text, expected) in [
        ("LOADING Redis is loading the dataset in memory", Cause::Loading),
        ("READONLY You can't write against a read only replica.", Cause::ReadOnly),
        ("OOM command not allowed when used memory > 'maxmemory'.", Cause::OutOfMemory),
        ("WRONGPASS invalid username-password pair or user is disabled.", Cause::NotAuthenticated),
        ("NOPERM this user has no permissions to run the 'set' command", Cause::NoPermission),
        ("BUSY Redis is busy running a script.", Cause::Busy),
        ("MOVED 3999 127.0.0.1:6381", Cause::Cluster),
        ("CROSSSLOT Keys in request don't hash to the same slot", Cause::CrossSlot),
        ("CLUSTERDOWN Hash slot not served", Cause::Cluster),
        ("ERR unknown command 'EVAL'", Cause::UnknownCommand),
        ("ERR Unknown Redis command called from script script: 2e59", Cause::UnknownCommand),
        ("ERR The user executing the script can't run this command or subcommand", Cause::NoPermission),
        ("ERR ACL failure in script: User app has no permissions to run the 'del' command", Cause::NoPermission),
        ("ERR Script attempted to access a slot not served", Cause::Cluster),
        ("ERR DB index is out of range", Cause::NoDatabase),
        ("ERR invalid DB index", Cause::NoDatabase),
        ("ERR SELECT is not allowed in cluster mode", Cause::NoDatabase),
        ("ERR AUTH <password> called without any password configured for the default user.", Cause::NotAuthenticated),
        ("ERR Client sent AUTH, but no password is set", Cause::NotAuthenticated),
        ("ERR invalid password", Cause::NotAuthenticated),
        ("ERR max number of clients reached", Cause::Refused),
        ("", Cause::Refused),
    ] {
        let Reply::Unavailable(unavailable) = Reply::from_wire(&extend, Answer::Error(text)) else {
            panic!("{text}");
        };
        assert_eq!((unavailable.cause(), unavailable.detail()), (expected, Some(text)));
    }
    for (before_redis_7, cause) in [
        ("@user_script: 2: -READONLY You can't write against a read only replica.", Cause::ReadOnly),
        (
            "ERR Error running script (call to f_2e59): @user_script:7: @user_script: 7: -OOM no memory",
            Cause::OutOfMemory,
        ),
        ("ERR Error running script (call to f_2e59): @user_script:7: -READONLY You can't write", Cause::ReadOnly),
        ("@user_script: 2: The user executing the script can't run this command or subcommand", Cause::NoPermission),
        ("@user_script: 7: Unknown Redis command called from Lua script", Cause::UnknownCommand),
    ] {
        let why = Unavailable::from_server_error(before_redis_7);
        let (_, said) = before_redis_7.rsplit_once(": ").unwrap();
        assert_eq!((why.cause(), why.detail()), (cause, Some(said.trim_start_matches('-'))));
    }
    for text in ["NOAUTH Authentication required.", "NOAUTH HELLO must be called with the client already authenticated"]
    {
        let why = Unavailable::from_server_error(text);
        assert_eq!(why.cause(), Cause::NotAuthenticated);
        assert_eq!(why.detail(), Some("the server asks for a password, and none was given"));
    }
    for text in [
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "ERR Error running script: @user_script:1: WRONGTYPE Operation against a key",
    ] {
        assert_eq!(Reply::from_wire(&extend, Answer::Error(text)), Reply::HeldByOther(Hold::UNKNOWN));
    }
}

#[test]
fn a_refusal_of_several_names_says_which_is_held_and_for_how_long() {
    let acquire = command_for(Resources::all(["to", "from"]), Kind::Acquire, ScriptForm::Digest);
    let read = |answer| Reply::from_wire(&acquire, answer);
    let hold =
        |name: &str, remaining| Reply::HeldByOther(Hold { resource: Some(name.into()), remaining, ..Hold::UNKNOWN });
    assert_eq!(read(Answer::Integer(1)), Reply::Done);
    assert_eq!(read(Answer::Bytes(b"2 1500")), hold("to", Some(Duration::from_millis(1_500))));
    assert_eq!(read(Answer::Bytes(b"1 -1")), hold("from", None), "a key without an end");
    let owned = Hold { owner: Owner::new("host 7").ok(), resource: Some("to".into()), ..Hold::UNKNOWN };
    assert_eq!(read(Answer::Bytes(b"2 -1 host 7")), Reply::HeldByOther(owned));
    for bytes in [&b"0 1"[..], b"3 1", b"1", b"", b"a b", b"\xff 1", b"-1 1"] {
        assert_eq!(read(Answer::Bytes(bytes)), Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
    }
    assert_eq!(read(Answer::Error("WRONGTYPE Operation against a key")), Reply::HeldByOther(Hold::UNKNOWN));
}

#[test]
fn a_refusal_in_turn_says_for_how_long_and_the_place() {
    let read = |answer| Reply::from_wire(&command(Kind::InTurn, ScriptForm::Digest), answer);
    let hold = |remaining: Option<u64>, place| {
        Reply::HeldByOther(Hold { remaining: remaining.map(Duration::from_millis), place, ..Hold::UNKNOWN })
    };
    assert_eq!(read(Answer::Integer(1)), Reply::Done);
    assert_eq!(read(Answer::Bytes(b"1500 2")), hold(Some(1_500), Some(2)));
    assert_eq!(read(Answer::Bytes(b"-1 1")), hold(None, Some(1)), "a key without an end");
    assert_eq!(read(Answer::Bytes(b"20 0")), hold(Some(20), None), "no queue");
    let owned = Hold { owner: Owner::new("host 7").ok(), place: Some(1), ..Hold::UNKNOWN };
    assert_eq!(read(Answer::Bytes(b"-1 1 host 7")), Reply::HeldByOther(owned));
    for bytes in [&b"1"[..], b"", b"a b", b"1 -1", b"1 x", b"\xff 1", b"busy 1 1500"] {
        assert_eq!(read(Answer::Bytes(bytes)), Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
    }
}

#[test]
fn a_refusal_of_several_names_in_turn_says_which_is_waited_for_or_which_other_is_held() {
    let both = || Resources::all(["to", "from"]);
    for kind in [Kind::InTurn, Kind::InTurnFenced] {
        let in_turn = command_for(both(), kind, ScriptForm::Digest);
        let read = |answer| Reply::from_wire(&in_turn, answer);
        let hold = |name: &str, millis, place| {
            let (resource, remaining) = (Some(name.into()), Some(Duration::from_millis(millis)));
            Reply::HeldByOther(Hold { resource, remaining, place, ..Hold::UNKNOWN })
        };
        assert_eq!(read(Answer::Bytes(b"1500 2")), hold("to", 1_500, Some(2)), "it stands in that queue");
        assert_eq!(read(Answer::Bytes(b"busy 1 1500")), hold("from", 1_500, None), "it stands in none");
        let owned = Hold { owner: Owner::new("host 7").ok(), resource: Some("from".into()), ..Hold::UNKNOWN };
        assert_eq!(read(Answer::Bytes(b"busy 1 -1 host 7")), Reply::HeldByOther(owned));
        for bytes in [&b"busy"[..], b"busy ", b"busy 3 1", b"busy 0 1", b"busy 1", b"busy x 1"] {
            assert_eq!(read(Answer::Bytes(bytes)), Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
        }
    }
}

#[test]
fn an_error_from_inside_a_script_does_not_prove_that_nothing_was_done() {
    let fenced = command(Kind::Fenced, ScriptForm::Digest);
    let is_untouched = |text| match Reply::from_wire(&fenced, Answer::Error(text)) {
        Reply::Unavailable(why) => why.proves_untouched(),
        other => panic!("{other:?}"),
    };
    assert!(is_untouched("NOPERM this user has no permissions to run the 'evalsha' command"));
    for text in [
        "ERR The user executing the script can't run this command or subcommand script: 1c10, on @user_script:3.",
        "NOPERM ACL failure in script: No permissions to run this command",
        "ERR Script attempted to access a slot not served",
        "ERR Error running script (call to f_1c10): @user_script:3: The user executing the script can't access at \
         least one of the keys mentioned in the command arguments",
    ] {
        assert!(!is_untouched(text), "{text}");
    }
}

#[test]
fn the_fences_of_a_grant_are_read_one_for_each_name() {
    let fenced = command_for(Resources::all(["to", "from"]), Kind::Fenced, ScriptForm::Digest);
    let granted = |fences: &[u64]| Reply::Granted(fences.iter().copied().map(Fence::new).collect());
    let read = |command: &Command, answer: &[u8]| Reply::from_wire(command, Answer::Bytes(answer));
    assert_eq!(read(&fenced, b"33,1700000000000000"), granted(&[33, 1_700_000_000_000_000]));
    assert_eq!(read(&command(Kind::Fenced, ScriptForm::Digest), b"33"), granted(&[33]));
    assert_eq!(read(&command(Kind::InTurnFenced, ScriptForm::Digest), b"33"), granted(&[33]));
    let all_in_turn = command_for(Resources::all(["to", "from"]), Kind::InTurnFenced, ScriptForm::Digest);
    assert_eq!(read(&all_in_turn, b"33,1700000000000000"), granted(&[33, 1_700_000_000_000_000]));
    assert!(matches!(read(&fenced, b"2 1500"), Reply::HeldByOther(_)));
    assert!(matches!(read(&command(Kind::InTurnFenced, ScriptForm::Digest), b"1500 2"), Reply::HeldByOther(_)));
    for bytes in [&b"33"[..], b"1,2,3", b"1,,2", b"1,x", b"1,9007199254740992", b"", b"1,2 3"] {
        assert_eq!(read(&fenced, bytes), Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
    }
    assert_eq!(
        Reply::from_wire(&fenced, Answer::Integer(1)),
        Reply::Unavailable(Unavailable::new(Cause::Unexpected)),
        "a lock without a fence is none that was asked for"
    );
    assert_eq!(
        read(&command(Kind::Acquire, ScriptForm::Digest), b"33"),
        Reply::Unavailable(Unavailable::new(Cause::Unexpected))
    );
}

#[test]
fn an_inspection_is_answered_with_ttl_queue_and_digest() {
    let inspect = command(Kind::Inspect, ScriptForm::Digest);
    let read = |answer| Reply::from_wire(&inspect, answer);
    let said = |state, waiting| Reply::Inspected(KeyReport::new(state, waiting));
    let held = |millis: Option<u64>| KeyState::Held {
        digest: ValueDigest::of(b"1"),
        remaining: millis.map(Duration::from_millis),
    };
    assert_eq!(read(Answer::Bytes(b"-2 0 -")), said(KeyState::Free, Some(0)));
    assert_eq!(read(Answer::Bytes(b"-2 7 -")), said(KeyState::Free, Some(7)), "somebody was called up");
    assert_eq!(read(Answer::Bytes(b"1500 2 356a192b7913b04c")), said(held(Some(1_500)), Some(2)));
    assert_eq!(read(Answer::Bytes(b"0 -1 356a192b7913b04c")), said(held(Some(0)), None), "no rights to the queue");
    assert_eq!(read(Answer::Bytes(b"-1 0 356a192b7913b04c")), said(held(None), Some(0)), "a key without an end");
    let other_type = |millis: Option<u64>| KeyState::OtherType { remaining: millis.map(Duration::from_millis) };
    assert_eq!(read(Answer::Bytes(b"-1 0 -")), said(other_type(None), Some(0)));
    assert_eq!(read(Answer::Bytes(b"20 -1 -")), said(other_type(Some(20)), None));
    assert_eq!(read(Answer::Error("NOSCRIPT No matching script.")), Reply::UnknownScript);
    let owned = KeyReport::new(held(Some(1_500)), Some(2)).owned_by(Owner::new("host 7").ok());
    assert_eq!(read(Answer::Bytes(b"1500 2 356a192b7913b04c host 7")), Reply::Inspected(owned));
    let Reply::Inspected(hostile) = read(Answer::Bytes(b"1500 2 356a192b7913b04c \x1b[2J\xff")) else { panic!() };
    assert_eq!(hostile.owner.as_ref().map(Owner::as_str), Some(r"\u{1b}[2J\xff"));
}

#[test]
fn anything_else_is_no_answer_to_an_inspection() {
    let inspect = command(Kind::Inspect, ScriptForm::Digest);
    let unexpected = Reply::Unavailable(Unavailable::new(Cause::Unexpected));
    for bytes in [
        &b""[..],
        b" ",
        b"  ",
        b"1500",
        b"1500 2",
        b"1500 2 ",
        b"1500 2 356a192b7913b04",
        b"1500 2 356a192b7913b04c ",
        b"-2 0 - host-7",
        b"-1 0 - host-7",
        b"1500 2 +56a192b7913b04c",
        b"1500 -2 356a192b7913b04c",
        b"1500 +2 356a192b7913b04c",
        b"1500 4294967296 356a192b7913b04c",
        b"-2 0 356a192b7913b04c",
        b"-3 0 356a192b7913b04c",
        b"+1 0 356a192b7913b04c",
        b"1e3 0 356a192b7913b04c",
        b"18446744073709551616 0 356a192b7913b04c",
        b"-3 0 -",
        b" 0 -",
        b"\xff 0 -",
    ] {
        assert_eq!(Reply::from_wire(&inspect, Answer::Bytes(bytes)), unexpected, "{}", bytes.escape_ascii());
    }
    for answer in [Answer::Ok, Answer::Nil, Answer::Other, Answer::Integer(0), Answer::Integer(1)] {
        assert_eq!(Reply::from_wire(&inspect, answer), unexpected);
    }
}
