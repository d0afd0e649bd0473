use alloc::format;
use core::time::Duration;

use super::Dialect;
use crate::{Action, Cause, Command, Hold, Reply, Resources, Unavailable};

/// An answer of a Redis server, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer<'a> {
    /// The status `OK`.
    Ok,
    /// Nil.
    Nil,
    /// An integer.
    Integer(i64),
    /// A string of bytes.
    Bytes(&'a [u8]),
    /// An error, its code in front: `READONLY You can't write against a read only replica.`
    Error(&'a str),
    /// Anything else.
    Other,
}

impl Reply {
    /// Reads what a Redis server answered to [the words](Command::wire) of a command.
    #[must_use]
    pub fn from_wire(command: &Command, answer: Answer<'_>) -> Self {
        Question::of(command, Dialect::Scripts).reply(answer)
    }
}

/// What a command asks of a server: as much of it as is needed to understand the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// To set a key that is not there.
    Set,
    /// To set several keys that are not there.
    SetAll(Resources),
    /// To run a script about keys that are ours.
    Script,
    /// To delete a key with a value, without a script.
    DeleteIfEqual,
    /// Whether it is there.
    Ping,
}

impl Question {
    pub(crate) fn of(command: &Command, dialect: Dialect) -> Self {
        match &command.action {
            Action::Acquire { resources, .. } if resources.only().is_some() => Self::Set,
            Action::Acquire { resources, .. } => Self::SetAll(resources.clone()),
            Action::Release { .. } if dialect.deletes(command).is_some() => Self::DeleteIfEqual,
            Action::Extend { .. } | Action::Release { .. } => Self::Script,
            Action::Ping => Self::Ping,
        }
    }

    pub(crate) fn reply(&self, answer: Answer<'_>) -> Reply {
        match (self, answer) {
            // Whatever a server says to a ping, it is there.
            (Self::Ping, _)
            | (Self::Set, Answer::Ok)
            | (Self::SetAll(_) | Self::Script | Self::DeleteIfEqual, Answer::Integer(1)) => Reply::Done,
            (Self::Set, Answer::Nil) | (Self::Script, Answer::Integer(-1)) => Reply::HeldByOther(Hold::UNKNOWN),
            (Self::SetAll(resources), Answer::Bytes(bytes)) => Reply::from_hold(resources, bytes),
            (Self::Script, Answer::Integer(0)) => Reply::Missing,
            (Self::DeleteIfEqual, Answer::Integer(0)) => Reply::NotOurs,
            (Self::DeleteIfEqual, Answer::Error(text)) if is_denied(text) => Reply::UnknownScript,
            (_, Answer::Error(text)) => Reply::from_error(text),
            _ => Reply::Unavailable(Unavailable::new(Cause::Unexpected)),
        }
    }
}

impl Reply {
    /// Reads the place of a resource that is held, counted from 1, and the TTL of its key: `2 1500`.
    fn from_hold(resources: &Resources, bytes: &[u8]) -> Self {
        let read = || {
            let (place, millis) = core::str::from_utf8(bytes).ok()?.split_once(' ')?;
            let place = place.parse::<usize>().ok()?.checked_sub(1)?;
            let resource = Some(resources.as_slice().get(place)?.clone());
            Some(Hold { resource, remaining: millis.parse().ok().map(Duration::from_millis) })
        };
        read().map_or(Self::Unavailable(Unavailable::new(Cause::Unexpected)), Self::HeldByOther)
    }

    fn from_error(text: &str) -> Self {
        if text.starts_with("NOSCRIPT") {
            Self::UnknownScript
        } else if text.contains("WRONGTYPE") {
            // Before version 7 the error of a command inside a script stands in the middle of the text.
            Self::HeldByOther(Hold::UNKNOWN)
        } else {
            Self::Unavailable(Unavailable::from_server_error(text))
        }
    }
}

impl Unavailable {
    /// Reads an error of a Redis server, its code in front: `LOADING Redis is loading the dataset in memory`.
    ///
    /// Of a command that the server does not know it repeats the arguments; a token may be among them, so they are left
    /// out.
    #[must_use]
    pub fn from_server_error(text: &str) -> Self {
        let text = text.split_once(", with args").map_or(text, |(said, _)| said);
        let code = text.split_whitespace().next().unwrap_or_default();
        let cause = match code {
            "LOADING" => Cause::Loading,
            "READONLY" => Cause::ReadOnly,
            "OOM" => Cause::OutOfMemory,
            "NOAUTH" | "WRONGPASS" => Cause::NotAuthenticated,
            "NOPERM" => Cause::NoPermission,
            "BUSY" => Cause::Busy,
            "MOVED" | "ASK" | "CLUSTERDOWN" | "CROSSSLOT" => Cause::Cluster,
            "ERR" => cause_of_plain_error(text),
            _ => Cause::Refused,
        };
        if cause == Cause::UnknownCommand && text.contains("HELLO") {
            return Self::with_detail(cause, &format!("{text}; or add ?protocol=resp2 to the URL"));
        }
        Self::with_detail(cause, text)
    }
}

/// Tells errors apart that a server has no code for. Servers of all versions word them like this, but not with the same
/// capitals.
fn cause_of_plain_error(text: &str) -> Cause {
    let says = |words: &str| says(text, words);
    if says("can't run this command") || says("can't access at least one of the keys") || says("acl failure in script")
    {
        // Of a command inside a script.
        Cause::NoPermission
    } else if is_unknown_command(text) {
        Cause::UnknownCommand
    } else if says("db index") {
        Cause::NoDatabase
    } else {
        Cause::Refused
    }
}

/// Returns whether a server says that a command is not to be had: it does not know it, or the user may not run it.
pub(crate) fn is_denied(text: &str) -> bool {
    text.starts_with("NOPERM") || is_unknown_command(text)
}

fn is_unknown_command(text: &str) -> bool {
    says(text, "unknown command") || says(text, "unknown redis command")
}

fn says(text: &str, words: &str) -> bool {
    text.as_bytes().windows(words.len()).any(|part| part.eq_ignore_ascii_case(words.as_bytes()))
}
