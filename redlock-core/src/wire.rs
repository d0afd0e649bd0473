//! The Redis wording of every action, and the reading of every answer.

use alloc::format;
use core::fmt;

use smallvec::SmallVec;

use crate::{Action, Cause, Command, Reply, Resource, ScriptForm, Unavailable};

/// A fixed Lua script and its SHA1.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) source: &'static str,
    pub(crate) digest: &'static str,
}

/// Answers 1 when the key is ours, 0 when there is none, -1 when it is another's.
///
/// The TTL is only ever lengthened: a short extension that fails, or that comes late, must leave the keys of a longer
/// lease alone. `PEXPIRE` and not `SET`, which a server that is out of memory refuses.
const EXTEND: Script = Script {
    source: "\
local value = redis.call('GET', KEYS[1])
if not value then return 0 end
if value ~= ARGV[1] then return -1 end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1",
    digest: "98a42a32abfd88da7a41de25e703c89e971b1408",
};

/// Answers 1 when the key was ours and is deleted, 0 when there is none, -1 when it is another's.
///
/// It is announced on the resource's channel, if that is asked for. It may fail (a user without the right to publish):
/// the release stands all the same.
const RELEASE: Script = Script {
    source: "\
local value = redis.call('GET', KEYS[1])
if not value then return 0 end
if value ~= ARGV[1] then return -1 end
redis.call('DEL', KEYS[1])
if ARGV[2] == '1' then redis.pcall('PUBLISH', 'redlock:released:' .. KEYS[1], '') end
return 1",
    digest: "2e59bb6450e80993437f950e0a52f252b56ef8f7",
};

/// The prefix of the channel on which the releases of a resource are announced; the name of the resource follows it.
pub const RELEASED_CHANNEL_PREFIX: &str = "redlock:released:";

impl Command {
    /// Returns the words of this command for a Redis server, in order.
    ///
    /// ```
    /// # use redlock_core::{Config, Instant, Lock, Options, Request};
    /// # use core::time::Duration;
    /// # let config = Config::builder(["a"]).build()?;
    /// # let request = Request::new(&config, "invoice:7", Duration::from_secs(10), Options::new())?;
    /// # let mut lock = Lock::acquire(&config, request, [0; 32], Instant::EPOCH);
    /// let command = lock.poll_command().expect("a lock begins with a command");
    /// let wire = command.wire();
    /// let words: Vec<&[u8]> = wire.words().collect();
    /// assert_eq!(words[..2], [&b"SET"[..], b"invoice:7"]);
    /// assert_eq!(words[3..], [&b"NX"[..], b"PX", b"10000"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn wire(&self) -> Wire<'_> {
        let mut words = SmallVec::new();
        match &self.action {
            Action::Acquire { resource, token, ttl } => {
                words.push(Word::Bytes(b"SET"));
                words.push(Word::Bytes(resource.as_bytes()));
                words.push(Word::Bytes(token.as_bytes()));
                words.push(Word::Bytes(b"NX"));
                words.push(Word::Bytes(b"PX"));
                words.push(Word::Number(Decimal::new(ttl.as_millis())));
            }
            Action::Extend { resource, token, ttl } => {
                EXTEND.call(self.form, resource, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                words.push(Word::Number(Decimal::new(ttl.as_millis())));
            }
            Action::Release { resource, token, announce } => {
                RELEASE.call(self.form, resource, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                words.push(Word::Bytes(if *announce { b"1" } else { b"0" }));
            }
        }
        Wire { words }
    }
}

impl Script {
    fn call<'a>(&self, form: ScriptForm, resource: &'a Resource, words: &mut SmallVec<[Word<'a>; 6]>) {
        let (command, script) = match form {
            ScriptForm::Digest => ("EVALSHA", self.digest),
            ScriptForm::Source => ("EVAL", self.source),
        };
        words.push(Word::Bytes(command.as_bytes()));
        words.push(Word::Bytes(script.as_bytes()));
        words.push(Word::Bytes(b"1"));
        words.push(Word::Bytes(resource.as_bytes()));
    }
}

/// The words of one command.
#[derive(Clone, Debug)]
pub struct Wire<'a> {
    words: SmallVec<[Word<'a>; 6]>,
}

impl Wire<'_> {
    /// Returns the words in order, the command's name first.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.words.iter().map(Word::as_bytes)
    }
}

#[derive(Clone)]
enum Word<'a> {
    Bytes(&'a [u8]),
    Number(Decimal),
}

impl Word<'_> {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => number.as_bytes(),
        }
    }
}

impl fmt::Debug for Word<'_> {
    /// Shows nothing of a word that may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.as_bytes().len())
    }
}

/// A number in decimal digits.
#[derive(Clone)]
struct Decimal {
    /// Right-aligned.
    digits: [u8; Self::MAX_LEN],
    len: usize,
}

impl Decimal {
    /// The length of the largest number.
    const MAX_LEN: usize = 20;

    fn new(number: u64) -> Self {
        let mut decimal = Self { digits: [b'0'; Self::MAX_LEN], len: 0 };
        let mut left = number;
        for digit in decimal.digits.iter_mut().rev() {
            *digit = b'0'.saturating_add((left % 10) as u8);
            decimal.len = decimal.len.saturating_add(1);
            left /= 10;
            if left == 0 {
                break;
            }
        }
        decimal
    }

    fn as_bytes(&self) -> &[u8] {
        let (_, digits) = self.digits.split_at(Self::MAX_LEN.saturating_sub(self.len));
        digits
    }
}

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
    /// An error, its code in front: `READONLY You can't write against a read only replica.`
    Error(&'a str),
    /// Anything else.
    Other,
}

impl Reply {
    /// Reads what a Redis server answered to the words of a command.
    #[must_use]
    pub fn from_wire(command: &Command, answer: Answer<'_>) -> Self {
        let is_script = !matches!(command.action, Action::Acquire { .. });
        match answer {
            Answer::Ok if !is_script => Self::Done,
            Answer::Nil if !is_script => Self::HeldByOther,
            Answer::Integer(1) if is_script => Self::Done,
            Answer::Integer(0) if is_script => Self::Missing,
            Answer::Integer(-1) if is_script => Self::HeldByOther,
            Answer::Error(text) => Self::from_error(text),
            _ => Self::Unavailable(Unavailable::new(Cause::Unexpected)),
        }
    }
}

impl Reply {
    fn from_error(text: &str) -> Self {
        if text.starts_with("NOSCRIPT") {
            Self::UnknownScript
        } else if text.contains("WRONGTYPE") {
            // Before version 7 the error of a command inside a script stands in the middle of the text.
            Self::HeldByOther
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
    let says =
        |words: &str| text.as_bytes().windows(words.len()).any(|part| part.eq_ignore_ascii_case(words.as_bytes()));
    if says("can't run this command") || says("can't access at least one of the keys") {
        // Of a command inside a script.
        Cause::NoPermission
    } else if says("unknown command") || says("unknown redis command") {
        Cause::UnknownCommand
    } else if says("db index") {
        Cause::NoDatabase
    } else {
        Cause::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::TokenSecret;
    use crate::{CommandId, Config, Instant, NodeSet, Options, Request};
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use core::time::Duration;
    use sha1::{Digest as _, Sha1};

    #[derive(Clone, Copy)]
    enum Kind {
        Acquire,
        Extend,
        Release,
        Undo,
    }

    fn command(kind: Kind, form: ScriptForm) -> Command {
        let config = Config::builder(["a"]).build().unwrap();
        let request = Request::new(&config, "job", Duration::from_micros(1_500_001), Options::new()).unwrap();
        let (resource, ttl) = (request.resource, request.ttl);
        let token = TokenSecret::new([0xC7; 16]).token(0xC71C_71C7);
        let action = match kind {
            Kind::Acquire => Action::Acquire { resource, token, ttl },
            Kind::Extend => Action::Extend { resource, token, ttl },
            Kind::Release => Action::Release { resource, token, announce: true },
            Kind::Undo => Action::Release { resource, token, announce: false },
        };
        Command { id: CommandId::FIRST, nodes: NodeSet::first(1), action, send_by: Instant::EPOCH, form }
    }

    fn line(kind: Kind, form: ScriptForm) -> String {
        let command = command(kind, form);
        let wire = command.wire();
        let words: Vec<_> = wire.words().map(String::from_utf8_lossy).collect();
        words.join(" ")
    }

    #[test]
    fn digests_are_those_of_the_texts() {
        for script in [EXTEND, RELEASE] {
            let digest = Sha1::digest(script.source);
            assert_eq!(format!("{digest:x}"), script.digest, "{}", script.source);
        }
    }

    #[test]
    fn each_action_has_its_words() {
        let token = "x8fHx8fHx8fHx8fHx8fHxwxxxxxw";
        let (digest, source) = (ScriptForm::Digest, ScriptForm::Source);
        assert_eq!(line(Kind::Acquire, digest), format!("SET job {token} NX PX 1501"));
        assert_eq!(line(Kind::Extend, digest), format!("EVALSHA {} 1 job {token} 1501", EXTEND.digest));
        assert_eq!(line(Kind::Extend, source), format!("EVAL {} 1 job {token} 1501", EXTEND.source));
        assert_eq!(line(Kind::Release, digest), format!("EVALSHA {} 1 job {token} 1", RELEASE.digest));
        assert_eq!(line(Kind::Release, source), format!("EVAL {} 1 job {token} 1", RELEASE.source));
        assert_eq!(line(Kind::Undo, digest), format!("EVALSHA {} 1 job {token} 0", RELEASE.digest));
    }

    #[test]
    fn a_release_is_announced_on_the_channel_of_the_resource() {
        let channel = format!("'PUBLISH', '{RELEASED_CHANNEL_PREFIX}' .. KEYS[1]");
        assert!(RELEASE.source.contains(&channel));
    }

    #[test]
    fn numbers_are_written_in_decimal_digits() {
        for number in [0, 1, 10, 1_501, 86_400_000, u64::MAX] {
            assert_eq!(Decimal::new(number).as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let text = format!("{:?}", command(Kind::Release, ScriptForm::Digest).wire());
        assert!(!text.contains('x') && !text.contains("120"), "{text}"); // 120 is an x
    }

    #[test]
    fn answers_are_read_as_what_they_mean_for_the_command() {
        let read = |kind, answer| Reply::from_wire(&command(kind, ScriptForm::Digest), answer);
        let cause = |kind, answer| match read(kind, answer) {
            Reply::Unavailable(unavailable) => unavailable.cause(),
            other => panic!("{other:?}"),
        };
        assert_eq!(read(Kind::Acquire, Answer::Ok), Reply::Done);
        assert_eq!(read(Kind::Acquire, Answer::Nil), Reply::HeldByOther);
        for kind in [Kind::Extend, Kind::Release, Kind::Undo] {
            assert_eq!(read(kind, Answer::Integer(1)), Reply::Done);
            assert_eq!(read(kind, Answer::Integer(0)), Reply::Missing);
            assert_eq!(read(kind, Answer::Integer(-1)), Reply::HeldByOther);
            assert_eq!(read(kind, Answer::Error("NOSCRIPT No matching script.")), Reply::UnknownScript);
            assert_eq!(cause(kind, Answer::Ok), Cause::Unexpected);
            assert_eq!(cause(kind, Answer::Integer(2)), Cause::Unexpected);
        }
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
            ("NOAUTH Authentication required.", Cause::NotAuthenticated),
            ("WRONGPASS invalid username-password pair or user is disabled.", Cause::NotAuthenticated),
            ("NOPERM this user has no permissions to run the 'set' command", Cause::NoPermission),
            ("BUSY Redis is busy running a script.", Cause::Busy),
            ("MOVED 3999 127.0.0.1:6381", Cause::Cluster),
            ("CLUSTERDOWN Hash slot not served", Cause::Cluster),
            ("ERR unknown command 'EVAL'", Cause::UnknownCommand),
            ("ERR Unknown Redis command called from script script: 2e59", Cause::UnknownCommand),
            ("ERR The user executing the script can't run this command or subcommand", Cause::NoPermission),
            ("ERR DB index is out of range", Cause::NoDatabase),
            ("ERR invalid DB index", Cause::NoDatabase),
            ("ERR max number of clients reached", Cause::Refused),
            ("", Cause::Refused),
        ] {
            let Reply::Unavailable(unavailable) = Reply::from_wire(&extend, Answer::Error(text)) else {
                panic!("{text}");
            };
            assert_eq!((unavailable.cause(), unavailable.detail()), (expected, Some(text)));
        }
        for text in [
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "ERR Error running script: @user_script:1: WRONGTYPE Operation against a key",
        ] {
            assert_eq!(Reply::from_wire(&extend, Answer::Error(text)), Reply::HeldByOther);
        }
    }
}
