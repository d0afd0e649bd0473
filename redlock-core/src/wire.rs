//! The Redis wording of every action, and the reading of every answer.

mod answer;
mod dialect;
mod encoding;
mod scripts;
#[cfg(test)]
mod tests;
mod words;

use alloc::format;
use alloc::string::String;

pub use self::answer::Answer;
pub(crate) use self::answer::{Question, is_denied, split_word};
pub use self::dialect::Dialect;
pub(crate) use self::scripts::{COMMON, Script};
pub(crate) use self::words::Decimal;
pub use self::words::Wire;
use crate::WaiterId;

/// The prefix of the channel on which a waiter is called up; its [id](WaiterId) follows it. A message on it is the name of the
/// resource that the waiter may take now.
pub const CALL_UP_CHANNEL_PREFIX: &str = "redlock:wake:";

impl WaiterId {
    /// Returns the channel on which it is called up: whoever is to hear that subscribes to it, by
    /// [`SUBSCRIBE`](Self::subscription).
    #[must_use]
    pub fn channel(&self) -> String {
        format!("{CALL_UP_CHANNEL_PREFIX}{self}")
    }

    /// Returns the words by which it subscribes at a Redis server, in order.
    #[must_use]
    pub fn subscription(&self) -> [String; 2] {
        ["SUBSCRIBE".into(), self.channel()]
    }
}
