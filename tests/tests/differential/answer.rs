use std::io;

use redlock_core::fence::Fencing;
use redlock_core::{Action, Answer, Command, Reply};

/// Whether the answer is text although it may be a number.
fn asks_for_fences(command: &Command) -> bool {
    match &command.action {
        Action::Acquire { fencing: Some(fencing), .. } | Action::AcquireInTurn { fencing: Some(fencing), .. } => {
            matches!(**fencing, Fencing::Mint { .. })
        }
        _ => false,
    }
}

/// What a transport makes of an answer.
pub(crate) fn read(command: &Command, answer: io::Result<String>) -> Reply {
    match answer {
        Ok(text) if text == "OK" => Reply::from_wire(command, Answer::Ok),
        Ok(text) if text == "(nil)" => Reply::from_wire(command, Answer::Nil),
        Ok(text) => {
            let number = text.parse().ok().filter(|_| !asks_for_fences(command)).map(Answer::Integer);
            Reply::from_wire(command, number.unwrap_or(Answer::Bytes(text.as_bytes())))
        }
        Err(error) => Reply::from_wire(command, Answer::Error(&error.to_string())),
    }
}
