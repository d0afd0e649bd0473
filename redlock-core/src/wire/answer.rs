use alloc::format;
use core::time::Duration;

use super::Dialect;
use crate::fence::{Fence, Fences, Fencing};
use crate::{Action, Cause, Command, Hold, KeyReport, Owner, Reply, Resources, Unavailable};

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
    /// To set several keys that are not there, and count on.
    SetAllFenced(Resources),
    /// To set keys in turn.
    InTurn(Option<Several>),
    /// To set keys in turn, and count on.
    InTurnFenced(Option<Several>),
    /// To raise the counters of keys that are ours.
    Raise,
    /// To let keys that are ours live on.
    Extend,
    /// To delete keys that are ours.
    Release,
    /// To take a waiter out of a queue.
    Leave,
    /// To say how a key stands.
    Inspect,
    /// To delete a key with a value, without a script.
    DeleteIfEqual,
    /// What time it is, and whether it is there.
    ReadClock,
}

/// The resources of a lock of several that waits for its turn to take one of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Several {
    resources: Resources,
    waits_for: u8,
}

impl Question {
    pub(crate) fn of(command: &Command, dialect: Dialect) -> Self {
        match &command.action {
            action @ Action::Acquire { .. } if action.is_plain() => Self::Set,
            action @ Action::Acquire { resources, .. } if mints(action) => Self::SetAllFenced(resources.clone()),
            Action::Acquire { resources, .. } => Self::SetAll(resources.clone()),
            Action::Raise { .. } => Self::Raise,
            Action::Release { .. } if dialect.deletes(command).is_some() => Self::DeleteIfEqual,
            action @ Action::AcquireInTurn { resources, waits_for, .. } => {
                let several = || Several { resources: resources.clone(), waits_for: *waits_for };
                let several = resources.only().is_none().then(several);
                if mints(action) { Self::InTurnFenced(several) } else { Self::InTurn(several) }
            }
            Action::Extend { .. } => Self::Extend,
            Action::Release { .. } => Self::Release,
            Action::Leave { .. } => Self::Leave,
            Action::Inspect { .. } => Self::Inspect,
            Action::ReadClock => Self::ReadClock,
        }
    }

    pub(crate) fn reply(&self, answer: Answer<'_>) -> Reply {
        match (self, answer) {
            (Self::DeleteIfEqual, Answer::Error(text)) if is_denied(text) => Reply::UnknownScript,
            (Self::ReadClock, Answer::Bytes(info)) => time_in(info).map_or(Reply::Done, Reply::Time),
            // Whatever else a server says to that, it is there.
            (Self::ReadClock, _) | (Self::Set, Answer::Ok) => Reply::Done,
            (_, Answer::Error(text)) => Reply::from_error(text),
            (Self::Set, Answer::Nil) => Reply::HeldByOther(Hold::UNKNOWN),
            (Self::SetAllFenced(resources), Answer::Bytes(bytes)) => {
                Reply::from_fences(bytes, resources.as_slice().len())
                    .unwrap_or_else(|| Reply::from_hold(resources, bytes))
            }
            (Self::InTurnFenced(several), Answer::Bytes(bytes)) => {
                let count = several.as_ref().map_or(1, |several| several.resources.as_slice().len());
                Reply::from_fences(bytes, count).unwrap_or_else(|| Reply::from_refusal(several.as_ref(), bytes))
            }
            (Self::SetAll(resources), Answer::Bytes(bytes)) => Reply::from_hold(resources, bytes),
            (Self::InTurn(several), Answer::Bytes(bytes)) => Reply::from_refusal(several.as_ref(), bytes),
            (Self::Inspect, Answer::Bytes(bytes)) => Reply::from_report(bytes),
            (_, Answer::Integer(number)) => self.reply_of_script(number),
            _ => Reply::Unavailable(Unavailable::new(Cause::Unexpected)),
        }
    }

    /// Reads the number that a script, or a command in its place, has answered.
    const fn reply_of_script(&self, number: i64) -> Reply {
        match (self, number) {
            (
                Self::SetAll(_)
                | Self::InTurn(_)
                | Self::Raise
                | Self::Extend
                | Self::Release
                | Self::Leave
                | Self::DeleteIfEqual,
                1,
            ) => Reply::Done,
            (Self::Raise | Self::Extend | Self::Release, -1) => Reply::HeldByOther(Hold::UNKNOWN),
            (Self::Raise | Self::Extend | Self::Release, 0) => Reply::Missing,
            (Self::Release, 2) => Reply::CalledUp,
            (Self::DeleteIfEqual, 0) => Reply::NotOurs,
            _ => Reply::Unavailable(Unavailable::new(Cause::Unexpected)),
        }
    }
}

/// Splits the first word off a text, and returns what is behind the blank after it; `None` if it is no text.
pub(crate) fn split_word(bytes: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    let mut parts = bytes.splitn(2, |byte| *byte == b' ');
    let word = core::str::from_utf8(parts.next()?).ok()?;
    Some((word, parts.next()))
}

/// Returns the wall clock in the answer to `INFO server`.
fn time_in(info: &[u8]) -> Option<Duration> {
    let mut lines = core::str::from_utf8(info).ok()?.lines();
    let micros = lines.find_map(|line| line.strip_prefix("server_time_usec:"))?;
    micros.parse().ok().map(Duration::from_micros)
}

/// Returns whether a node counts on to numbers that it says.
fn mints(action: &Action) -> bool {
    matches!(action.fencing(), Some(Fencing::Mint { .. }))
}

impl Reply {
    /// Reads so many fences: `1700000000000000,33`; `None` if the text has a blank, as one about a lock that is held has.
    fn from_fences(bytes: &[u8], count: usize) -> Option<Self> {
        let text = core::str::from_utf8(bytes).ok().filter(|text| !text.contains(' '))?;
        let read = |word: &str| word.parse().ok().map(Fence::new).filter(|fence| *fence <= Fence::MAX);
        let fences: Fences = text.split(',').map_while(read).collect();
        let is_whole = text.split(',').count() == count && fences.as_slice().len() == count;
        Some(if is_whole { Self::Granted(fences) } else { Self::Unavailable(Unavailable::new(Cause::Unexpected)) })
    }

    /// Reads the place of a resource that is held, counted from 1, the TTL of its key, and the label of its holder if there is
    /// one: `2 1500 host-7`.
    fn from_hold(resources: &Resources, bytes: &[u8]) -> Self {
        let read = || {
            let (place, rest) = split_word(bytes)?;
            let (millis, label) = split_word(rest?)?;
            let place = place.parse::<usize>().ok()?.checked_sub(1)?;
            let resource = Some(resources.as_slice().get(place)?.clone());
            let (remaining, owner) = (millis.parse().ok().map(Duration::from_millis), label.and_then(Owner::from_node));
            Some(Hold { resource, remaining, place: None, owner })
        };
        Self::held(read())
    }

    /// Reads why it is not a waiter's turn, or which key of several is in its way: `busy 2 1500 host-7`.
    fn from_refusal(several: Option<&Several>, bytes: &[u8]) -> Self {
        match (several, bytes.strip_prefix(b"busy ")) {
            (Some(several), Some(hold)) => Self::from_hold(&several.resources, hold),
            _ => Self::from_place(several, bytes),
        }
    }

    /// Reads for how long a key, or the turn of another, goes on, a place in the queue, and the label of the holder if there is
    /// one: `1500 3 host-7`.
    fn from_place(several: Option<&Several>, bytes: &[u8]) -> Self {
        let resource = several.and_then(|several| several.resources.at(several.waits_for).cloned());
        let read = || {
            let (millis, rest) = split_word(bytes)?;
            let (place, label) = split_word(rest?)?;
            let remaining = u64::try_from(millis.parse::<i64>().ok()?).ok().map(Duration::from_millis);
            let place = Some(place.parse().ok()?).filter(|place| *place > 0);
            Some(Hold { resource, remaining, place, owner: label.and_then(Owner::from_node) })
        };
        Self::held(read())
    }

    /// Reads how a key stands: `1500 3 356a192b7913b04c host-7`.
    fn from_report(bytes: &[u8]) -> Self {
        KeyReport::from_wire(bytes).map_or(Self::Unavailable(Unavailable::new(Cause::Unexpected)), Self::Inspected)
    }

    fn held(hold: Option<Hold>) -> Self {
        hold.map_or(Self::Unavailable(Unavailable::new(Cause::Unexpected)), Self::HeldByOther)
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
        let said = raised_by_a_script(text).unwrap_or(text);
        let code = said.split_whitespace().next().unwrap_or_default();
        let cause = match code {
            "LOADING" => Cause::Loading,
            "READONLY" => Cause::ReadOnly,
            "OOM" => Cause::OutOfMemory,
            "NOAUTH" | "WRONGPASS" => Cause::NotAuthenticated,
            "NOPERM" => Cause::NoPermission,
            "BUSY" => Cause::Busy,
            "MOVED" | "ASK" | "CLUSTERDOWN" => Cause::Cluster,
            "CROSSSLOT" => Cause::CrossSlot,
            _ => cause_of_plain_error(said),
        };
        if code == "NOAUTH" {
            // What servers say of it is long and about commands.
            return Self::with_detail(cause, "the server asks for a password, and none was given");
        }
        if cause == Cause::UnknownCommand && text.contains("HELLO") {
            return Self::with_detail(cause, &format!("{text}; or add ?protocol=resp2 to the URL"));
        }
        let why = Self::with_detail(cause, said);
        if is_from_inside_a_script(text) { why.inside_a_script() } else { why }
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
    } else if says("script attempted to access") {
        // Of a key whose slot is not there: from Redis 8 on a script begins all the same.
        Cause::Cluster
    } else if says("db index") || says("select is not allowed") {
        Cause::NoDatabase
    } else if says("without any password configured") || says("no password is set") || says("invalid password") {
        // Of AUTH: a server that has no password, or an old one or a proxy that has another.
        Cause::NotAuthenticated
    } else {
        Cause::Refused
    }
}

/// Returns the error of a command that a script has handed on before Redis 7, without its place in the script: of
/// `@user_script: 2: -READONLY You can't write`, what begins with the code.
fn raised_by_a_script(text: &str) -> Option<&str> {
    let (_, place_and_error) = text.rsplit_once("@user_script:")?;
    let (_, error) = place_and_error.split_once(": ")?;
    Some(error.trim_start_matches('-'))
}

/// Returns whether a script has said it, and not the server before it ran the script.
fn is_from_inside_a_script(text: &str) -> bool {
    ["user_script", "script: ", "acl failure in script", "script attempted"].iter().any(|words| says(text, words))
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
