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

/// The first word of a command, and how many there are.
fn first_word(command: &Command) -> (&'static [u8], usize) {
    let (script, arguments): (&[u8], usize) = match &command.action {
        Action::Acquire { owner: None, .. } => return (b"SET", 6),
        Action::AcquireInTurn { .. } => (b"EVAL", 4),
        Action::Release { keep: Some(_), .. } => (b"EVAL", 3),
        Action::Release { .. } => (b"EVAL", if command.calls_up() { 2 } else { 1 }),
        Action::Inspect { .. } => (b"EVAL", 0),
        _ => (b"EVAL", 2),
    };
    let script = if command.form == ScriptForm::Digest { b"EVALSHA" } else { script };
    let label = if command.action.owner().is_some() { 2 } else { 0 };
    (script, 4 + arguments + label)
}

/// The numbers that a server may answer to a command.
fn numbers(command: &Command) -> &'static [i64] {
    match &command.action {
        Action::Acquire { owner: Some(_), .. } | Action::AcquireInTurn { .. } | Action::Leave { .. } => &[1],
        Action::Extend { .. } => &[-1, 0, 1],
        Action::Release { .. } => &[-1, 0, 1, 2],
        _ => &[],
    }
}

proptest! {
    #![proptest_config(crate::cases(256))]

    #[test]
    fn the_resource_and_the_token_are_whole_words(command in command()) {
        let wire = command.wire();
        let words: Vec<&[u8]> = wire.words().collect();
        prop_assert_eq!((words[0], words.len()), first_word(&command));
        if let Some(resources) = command.action.resources() {
            prop_assert!(words.contains(&resources.as_slice()[0].as_bytes()));
        }
        if let Some(token) = command.action.token() {
            prop_assert!(words.contains(&token.as_bytes()));
        }
        if let Some(owner) = command.action.owner() {
            prop_assert!(words.ends_with(&[b"OWNER", owner.as_str().as_bytes()]));
        }
    }

    #[test]
    fn only_what_fits_a_command_is_an_answer_to_it(command in command(), number in -3..3_i64) {
        let is_set = matches!(command.action, Action::Acquire { owner: None, .. });
        let reply = Reply::from_wire(&command, Answer::Integer(number));
        let is_unexpected = matches!(&reply, Reply::Unavailable(why) if why.cause() == Cause::Unexpected);
        prop_assert_eq!(is_unexpected, !numbers(&command).contains(&number));
        prop_assert_eq!(Reply::from_wire(&command, Answer::Ok) == Reply::Done, is_set);
        prop_assert_eq!(Reply::from_wire(&command, Answer::Nil) == Reply::HeldByOther(Hold::UNKNOWN), is_set);
    }

    #[test]
    fn no_error_of_a_server_is_a_success(command in command(), error in error()) {
        let reply = Reply::from_wire(&command, Answer::Error(&error));
        prop_assert!(!matches!(reply, Reply::Done | Reply::CalledUp | Reply::Missing), "{:?}", reply);
    }
}
