//! What a transport must do by itself, without any lock: the contracts of `Transport` and `Connection`.

pub(crate) mod asynchronous;
mod attempt;
pub(crate) mod blocking;

use std::time::Duration;

pub(crate) use self::attempt::Attempt;

/// For so long a case looks for something that must not happen.
const WHILE: Duration = Duration::from_millis(200);

/// How often two commands are sent right behind each other.
const ROUNDS: usize = 100;

/// Names that a transport must not take apart.
fn odd_names() -> [String; 6] {
    ["a name", "\u{1f512}", "line\r\n$3\r\nend\r\n", "nul\0", "{slot}:ключ", &"x".repeat(512)].map(Into::into)
}
