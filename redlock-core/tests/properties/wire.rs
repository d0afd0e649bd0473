//! The words of any command, and what any answer means.

use proptest::prelude::*;
use redlock_core::{Action, Answer, Cause, Command, Hold, Reply, ScriptForm, strategy};

fn command() -> impl Strategy<Value = Command> {
    strategy::config().prop_flat_map(|config| strategy::command(&config))
}

/// Errors that a server may send: the codes that the core knows, in any company.
fn error() -> impl Strategy<Value = String> {
    let code = "(NOSCRIPT|WRONGTYPE|LOADING|OOM|READONLY|NOAUTH|NOPERM|BUSY|MOVED|ERR|)";
    (code, any::<String>()).prop_map(|(code, text)| format!("{code} {text}"))
}

/// Words that a command consists of whatever its resource and token are.
fn first_words(command: &Command) -> (&'static [u8], usize) {
    match (&command.action, command.form) {
        (Action::Acquire { .. }, _) => (b"SET", 6),
        (Action::Release { .. } | Action::Extend { .. }, ScriptForm::Digest) => (b"EVALSHA", 6),
        _ => (b"EVAL", 6),
    }
}

proptest! {
    #![proptest_config(crate::cases(256))]

    #[test]
    fn the_resource_and_the_token_are_whole_words(command in command()) {
        let wire = command.wire();
        let words: Vec<&[u8]> = wire.words().collect();
        let (first, count) = first_words(&command);
        prop_assert_eq!((words[0], words.len()), (first, count));
        prop_assert!(words.contains(&command.action.resources().expect("it is of a lock").as_slice()[0].as_bytes()));
        prop_assert!(words.contains(&command.action.token().expect("it is of a lock").as_bytes()));
    }

    #[test]
    fn only_what_fits_a_command_is_an_answer_to_it(command in command(), number in -3..3_i64) {
        let is_set = matches!(command.action, Action::Acquire { .. });
        let reply = Reply::from_wire(&command, Answer::Integer(number));
        let is_unexpected = matches!(&reply, Reply::Unavailable(why) if why.cause() == Cause::Unexpected);
        prop_assert_eq!(is_unexpected, is_set || !(-1..=1).contains(&number));
        prop_assert_eq!(Reply::from_wire(&command, Answer::Ok) == Reply::Done, is_set);
        prop_assert_eq!(Reply::from_wire(&command, Answer::Nil) == Reply::HeldByOther(Hold::UNKNOWN), is_set);
    }

    #[test]
    fn no_error_of_a_server_is_a_success(command in command(), error in error()) {
        let reply = Reply::from_wire(&command, Answer::Error(&error));
        prop_assert!(!matches!(reply, Reply::Done | Reply::Missing), "{:?}", reply);
    }
}
