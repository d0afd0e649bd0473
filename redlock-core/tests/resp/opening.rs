//! How a connection is opened.

use std::time::Duration;

use redlock_core::resp::{Connection, Opening, Settings};
use redlock_core::{Cause, Unavailable};

use crate::peer::{commands, welcome};

/// The commands that are sent in one go.
fn sent(opening: &mut Opening) -> Vec<String> {
    let text = String::from_utf8_lossy(opening.unwritten()).into_owned();
    opening.handle_written(text.len());
    commands(&text)
}

/// The first words of commands, without the texts of scripts.
fn first_words(commands: &[String]) -> Vec<String> {
    let first = |command: &String| command.split(' ').next().unwrap().to_owned();
    commands.iter().map(first).collect()
}

fn answered(settings: &Settings, answers: &str) -> Option<Result<Connection, Unavailable>> {
    let mut opening = Opening::new(settings);
    sent(&mut opening);
    opening.handle_bytes(answers.as_bytes());
    opening.poll()
}

fn refused(settings: &Settings, answers: &str) -> Unavailable {
    answered(settings, answers).expect("it has come to a result").expect_err("it was refused")
}

#[test]
fn all_is_asked_in_one_round_trip() {
    let settings = Settings::new().user("app", "s3cret").database(3).client_name("locks");
    let mut opening = Opening::new(&settings);
    let commands = sent(&mut opening);
    assert_eq!(commands[..2], ["HELLO 3 AUTH app s3cret SETNAME locks", "SELECT 3"]);
    assert_eq!(
        first_words(&commands[2..]),
        ["EVAL", "EVALSHA", "SCRIPT", "SCRIPT", "INFO", "INFO", "INFO", "INFO", "CONFIG"]
    );
    let mut opening = Opening::new(&Settings::new().password("s3cret"));
    assert_eq!(sent(&mut opening)[0], "HELLO 3 AUTH default s3cret");
    let mut opening = Opening::new(&Settings::new());
    assert_eq!(
        first_words(&sent(&mut opening)),
        ["HELLO", "EVAL", "EVALSHA", "SCRIPT", "SCRIPT", "INFO", "INFO", "INFO", "INFO", "CONFIG"]
    );
}

#[test]
fn the_server_says_what_it_is() {
    let mut opening = Opening::new(&Settings::new());
    for byte in welcome("valkey", "9.1.2") {
        assert!(opening.poll().is_none());
        opening.handle_bytes(&[byte]);
    }
    let connection = opening.poll().unwrap().unwrap();
    let facts = connection.facts();
    assert_eq!((facts.server(), facts.version()), (Some("valkey"), Some("9.1.2")));
    assert_eq!((facts.role(), facts.mode(), facts.is_resp3()), (Some("master"), Some("standalone"), true));
    assert_eq!((facts.version_numbers(), facts.connection_id()), (Some((9, 1, 2)), Some(7)));
}

#[test]
fn what_a_server_says_of_itself_in_its_greeting_is_short_and_can_be_printed() {
    let shout = "x".repeat(10_000);
    let texts = ["server", "\u{1b}[2J", "version", &shout, "role", "mas\nter", "mode", "\u{202e}"];
    let texts: Vec<_> = texts.iter().map(|text| format!("${}\r\n{text}\r\n", text.len())).collect();
    let answers = format!("%4\r\n{}:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n", texts.concat());
    let connection = answered(&Settings::new(), &answers).unwrap().unwrap();
    let facts = connection.facts();
    assert_eq!((facts.server(), facts.role(), facts.mode()), (Some("[2J"), Some("master"), Some("")));
    assert_eq!(facts.version().map(str::len), Some(64));
}

/// How a server answers whose user may ask everything.
fn answered_with(info: &str, fsync: &str) -> Connection {
    let info = format!("${}\r\n{info}\r\n", info.len());
    let answers = format!("%0\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n{info}_\r\n_\r\n_\r\n{fsync}");
    answered(&Settings::new(), &answers).unwrap().unwrap()
}

#[test]
fn the_server_says_how_it_is_run() {
    let info = "run_id:6d7bf7\r\nuptime_in_seconds:7\r\nrole:slave\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n";
    for fsync in ["%1\r\n$11\r\nappendfsync\r\n$6\r\nalways\r\n", "*2\r\n+appendfsync\r\n+always\r\n"] {
        let connection = answered_with(info, fsync);
        let facts = connection.facts();
        assert_eq!((facts.run_id(), facts.uptime()), (Some("6d7bf7"), Some(Duration::from_secs(7))));
        assert_eq!((facts.is_replica(), facts.may_evict(), facts.is_durable()), (Some(true), Some(false), Some(true)));
    }
}

#[test]
fn the_server_says_when_it_writes_to_its_disk() {
    for (pauses, is_durable) in [("yes", false), ("no", true)] {
        let settings = format!("+no-appendfsync-on-rewrite\r\n+{pauses}\r\n+appendfsync\r\n+always\r\n");
        for head in ["%2", "*4"] {
            let connection = answered_with("aof_enabled:1\r\n", &format!("{head}\r\n{settings}"));
            assert_eq!(connection.facts().is_durable(), Some(is_durable), "{head} {pauses}");
        }
    }
}

#[test]
fn what_a_server_does_not_say_of_itself_stays_open() {
    for fsync in ["%0\r\n", "*0\r\n", "*1\r\n+appendfsync\r\n", "-NOPERM no\r\n", "*2\r\n:1\r\n:2\r\n", ":1\r\n"] {
        let connection = answered_with("aof_enabled:1\r\n", fsync);
        assert_eq!(connection.facts().is_durable(), None, "{fsync:?}");
    }
    let welcome = "%0\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n";
    let forbidden =
        answered(&Settings::new(), &format!("{welcome}{}-ERR unknown command\r\n", "-NOPERM no\r\n".repeat(4)));
    assert_eq!(forbidden.unwrap().unwrap().facts().run_id(), None);
}

#[test]
fn versions_can_be_compared() {
    for (version, numbers) in [
        ("7.0.15", Some((7, 0, 15))),
        ("8.4", Some((8, 4, 0))),
        ("9.0.0-rc3", Some((9, 0, 0))),
        ("8.4-rc1", Some((8, 4, 0))),
        ("10", Some((10, 0, 0))),
        ("9.99999999999999.1", Some((9, 0, 1))),
        ("unstable", None),
        ("", None),
    ] {
        let connection = crate::peer::connected_to("redis", version);
        assert_eq!(connection.facts().version_numbers(), numbers, "{version}");
    }
}

#[test]
fn facts_of_another_shape_are_left_out() {
    let nested = "*2\r\n$6\r\nserver\r\n*1\r\n:1\r\n$1\r\nx\r\n";
    let strange = format!("%4\r\n{nested}$6\r\nserver\r\n*1\r\n+redis\r\n+id\r\n+7\r\n+role\r\n+master\r\n");
    let connection =
        answered(&Settings::new(), &format!("{strange}:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n"))
            .unwrap()
            .unwrap();
    let facts = connection.facts();
    assert_eq!((facts.server(), facts.connection_id(), facts.role()), (None, None, Some("master")));
}

#[test]
fn an_opening_comes_to_one_result() {
    for answers in [
        "%0\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n",
        "-WRONGPASS no\r\n:1\r\n:1\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
    ] {
        let mut opening = Opening::new(&Settings::new());
        opening.handle_bytes(answers.as_bytes());
        assert!(opening.poll().is_some());
        assert!(opening.poll().is_none());
        opening.handle_bytes(answers.as_bytes());
        let len = opening.read_buffer().len();
        opening.handle_read(len);
        assert!(opening.poll().is_none());
        assert!(opening.unwritten().is_empty(), "nobody is told a password any more");
    }
}

#[test]
fn a_password_that_is_wrong_in_the_older_protocol_is_told() {
    let settings = Settings::new().user("app", "s3cret");
    let not_yet = "-NOAUTH x\r\n".repeat(9);
    let answers = format!("-NOPERM no 'hello'\r\n{not_yet}-WRONGPASS invalid username-password pair\r\n");
    assert_eq!(refused(&settings, &answers).cause(), Cause::NotAuthenticated);
    let why = refused(&settings.resp2(true), "-ERR max number of clients reached\r\n");
    assert_eq!(why.detail(), Some("ERR max number of clients reached"));
}

#[test]
fn a_server_without_hello_is_spoken_to_in_the_older_protocol() {
    for refusal in [
        "-NOPERM this user has no permissions to run the 'hello' command",
        "-ERR unknown command `HELLO`, with args beginning with: `3`",
        "-NOPROTO unsupported protocol version",
    ] {
        let mut opening = Opening::new(&Settings::new().user("app", "s3cret").database(3).client_name("locks"));
        sent(&mut opening);
        let not_yet = "-NOAUTH Authentication required.\r\n".repeat(10);
        opening.handle_bytes(format!("{refusal}\r\n").as_bytes());
        assert!(opening.poll().is_none());
        let commands = sent(&mut opening);
        assert_eq!(commands[..3], ["AUTH app s3cret", "CLIENT SETNAME locks", "SELECT 3"]);
        assert_eq!(
            first_words(&commands[3..]),
            ["EVAL", "EVALSHA", "SCRIPT", "SCRIPT", "INFO", "INFO", "INFO", "INFO", "CONFIG"]
        );
        opening.handle_bytes(not_yet.as_bytes());
        assert!(opening.poll().is_none());
        let forbidden = "-NOPERM no\r\n".repeat(7);
        opening.handle_bytes(format!("+OK\r\n-NOPERM no\r\n+OK\r\n:1\r\n:1\r\n{forbidden}").as_bytes());
        let connection = opening.poll().unwrap().unwrap();
        assert!(!connection.facts().is_resp3() && connection.facts().server().is_none());
    }
}

#[test]
fn the_older_protocol_can_be_asked_for() {
    let mut opening = Opening::new(&Settings::new().resp2(true).password("s3cret"));
    assert_eq!(
        first_words(&sent(&mut opening)),
        ["AUTH", "EVAL", "EVALSHA", "SCRIPT", "SCRIPT", "INFO", "INFO", "INFO", "INFO", "CONFIG"]
    );
    opening.handle_bytes(b"+OK\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n");
    assert!(opening.poll().unwrap().is_ok());
    let mut opening = Opening::new(&Settings::new().resp2(true));
    assert_eq!(
        first_words(&sent(&mut opening)),
        ["EVAL", "EVALSHA", "SCRIPT", "SCRIPT", "INFO", "INFO", "INFO", "INFO", "CONFIG"],
        "there is always something to answer"
    );
}

#[test]
fn the_first_refusal_is_the_one_that_is_told() {
    let settings = Settings::new().password("wrong").database(99);
    for (answers, cause, words) in [
        ("-WRONGPASS invalid username-password pair\r\n-NOAUTH x\r\n", Cause::NotAuthenticated, "WRONGPASS"),
        ("-NOAUTH HELLO must be called with AUTH\r\n", Cause::NotAuthenticated, "none was given"),
        ("-ERR max number of clients reached\r\n", Cause::Refused, "max number of clients"),
        ("-LOADING Redis is loading the dataset in memory\r\n", Cause::Loading, "LOADING"),
        ("%0\r\n-ERR DB index is out of range\r\n:1\r\n", Cause::NoDatabase, "DB index"),
        ("%0\r\n+OK\r\n-NOPERM no permissions to run the 'eval' command\r\n", Cause::NoPermission, "eval"),
        ("%0\r\n+OK\r\n:1\r\n-NOPERM no permissions to run the 'evalsha' command\r\n", Cause::NoPermission, "evalsha"),
        ("*0\r\n", Cause::Unexpected, ""),
        ("%0\r\n:1\r\n", Cause::Unexpected, ""),
        ("HTTP/1.1 400 Bad Request\r\n", Cause::Unexpected, "begins like no reply"),
        ("\x15\x03\x03\x00\x02\x02\x46", Cause::Unexpected, "write rediss://"),
    ] {
        let why = refused(&settings, answers);
        assert_eq!(why.cause(), cause, "{answers}");
        assert!(why.to_string().contains(words), "{why}");
    }
}

#[test]
fn scripts_that_somebody_has_just_flushed_are_no_refusal() {
    let flushed = "%0\r\n:1\r\n-NOSCRIPT No matching script.\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n";
    assert!(answered(&Settings::new(), flushed).unwrap().is_ok());
}

#[test]
fn what_a_server_says_without_being_asked_is_no_answer() {
    let pushed = "%0\r\n>2\r\n+invalidate\r\n*0\r\n:1\r\n|1\r\n+ttl\r\n:3\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n";
    assert!(answered(&Settings::new(), pushed).unwrap().is_ok());
}

#[test]
fn what_comes_behind_the_handshake_is_not_lost() {
    let mut connection =
        answered(&Settings::new(), "%0\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n_\r\n_\r\n_\r\n_\r\n_\r\n>1\r\n+hello\r\n")
            .unwrap()
            .unwrap();
    assert!(matches!(connection.poll_event(), Some(redlock_core::resp::Event::Push(push)) if push.kind() == b"hello"));
}

#[test]
fn debug_shows_no_secret() {
    let settings = Settings::new().user("app", "s3cret");
    let opening = Opening::new(&settings);
    let text = format!("{settings:?} {opening:?}");
    assert!(!text.contains("s3cret") && !text.contains("115, 51"), "{text}");
}
