//! The Redis wording of every action, and the reading of every answer.

use alloc::format;
use core::fmt;
use core::time::Duration;

use smallvec::SmallVec;

use crate::{Action, Cause, Command, Hold, Reply, Resources, ScriptForm, Unavailable};

/// A fixed Lua script and its SHA1.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) source: &'static str,
    pub(crate) digest: &'static str,
}

/// Takes several keys, all or none. Answers 1, or the place of a key that is another's and its TTL in milliseconds.
///
/// Keys that are ours already are those of a lock with some keys gone, which is healed: they are never shortened.
const ACQUIRE: Script = Script {
    source: "\
for place = 1, #KEYS do
  local value = redis.call('GET', KEYS[place])
  if value and value ~= ARGV[1] then return place .. ' ' .. redis.call('PTTL', KEYS[place]) end
end
for place = 1, #KEYS do
  local is_new = redis.call('SET', KEYS[place], ARGV[1], 'NX', 'PX', ARGV[2])
  if not is_new and redis.call('PTTL', KEYS[place]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[place], ARGV[2])
  end
end
return 1",
    digest: "cf78a3e9b1e07671beaf31253e2a1013fddb0c10",
};

/// Answers 1 when all keys are ours, -1 when one is another's, 0 when some are not there.
///
/// The TTL is only ever lengthened: a short extension that fails, or that comes late, must leave the keys of a longer
/// lease alone. `PEXPIRE` and not `SET`, which a server that is out of memory refuses.
const EXTEND: Script = Script {
    source: "\
local is_missing = false
for place = 1, #KEYS do
  local value = redis.call('GET', KEYS[place])
  if value and value ~= ARGV[1] then return -1 end
  is_missing = is_missing or not value
end
if is_missing then return 0 end
for place = 1, #KEYS do
  if redis.call('PTTL', KEYS[place]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[place], ARGV[2]) end
end
return 1",
    digest: "5f3993b2752ef213cecb3946a400d126436cd448",
};

/// Deletes the keys that are ours. Answers 1 when all were, -1 when one is another's, 0 when some are not there.
///
/// Each is announced on its channel, if that is asked for. It may fail (a user without the right to publish): the
/// release stands all the same. A key of another type is another's, and no reason to leave the keys behind it.
const RELEASE: Script = Script {
    source: "\
local result = 1
for place = 1, #KEYS do
  local value = redis.pcall('GET', KEYS[place])
  if value == ARGV[1] then
    redis.call('DEL', KEYS[place])
    if ARGV[2] == '1' then redis.pcall('PUBLISH', 'redlock:released:' .. KEYS[place], '') end
  elseif type(value) == 'table' and not string.find(value['err'], 'WRONGTYPE', 1, true) then
    return value
  elseif value then
    result = -1
  elseif result == 1 then
    result = 0
  end
end
return result",
    digest: "4ac945020f635295584a361cef0fa8e66a46c04b",
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
            Action::Acquire { resources, token, ttl } => {
                if let Some(resource) = resources.only() {
                    words.push(Word::Bytes(b"SET"));
                    words.push(Word::Bytes(resource.as_bytes()));
                    words.push(Word::Bytes(token.as_bytes()));
                    words.push(Word::Bytes(b"NX"));
                    words.push(Word::Bytes(b"PX"));
                } else {
                    ACQUIRE.call(self.form, resources, &mut words);
                    words.push(Word::Bytes(token.as_bytes()));
                }
                words.push(Word::Number(Decimal::new(ttl.as_millis())));
            }
            Action::Extend { resources, token, ttl } => {
                EXTEND.call(self.form, resources, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                words.push(Word::Number(Decimal::new(ttl.as_millis())));
            }
            Action::Release { resources, token, announce } => {
                RELEASE.call(self.form, resources, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                words.push(Word::Bytes(if *announce { b"1" } else { b"0" }));
            }
            Action::Ping => words.push(Word::Bytes(b"PING")),
        }
        Wire { words }
    }
}

impl Script {
    fn call<'a>(&self, form: ScriptForm, resources: &'a Resources, words: &mut SmallVec<[Word<'a>; 6]>) {
        let (command, script) = match form {
            ScriptForm::Digest => ("EVALSHA", self.digest),
            ScriptForm::Source => ("EVAL", self.source),
        };
        words.push(Word::Bytes(command.as_bytes()));
        words.push(Word::Bytes(script.as_bytes()));
        let keys = resources.as_slice();
        words.push(Word::Number(Decimal::new(keys.len() as u64)));
        words.extend(keys.iter().map(|key| Word::Bytes(key.as_bytes())));
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
    /// A string of bytes.
    Bytes(&'a [u8]),
    /// An error, its code in front: `READONLY You can't write against a read only replica.`
    Error(&'a str),
    /// Anything else.
    Other,
}

impl Reply {
    /// Reads what a Redis server answered to the words of a command.
    #[must_use]
    pub fn from_wire(command: &Command, answer: Answer<'_>) -> Self {
        let Some(resources) = command.action.resources() else {
            // Whatever a server says to a ping, it is there.
            return Self::Done;
        };
        let is_script = command.action.is_script();
        match answer {
            Answer::Ok if !is_script => Self::Done,
            Answer::Nil if !is_script => Self::HeldByOther(Hold::UNKNOWN),
            Answer::Integer(1) if is_script => Self::Done,
            Answer::Integer(0) if is_script => Self::Missing,
            Answer::Integer(-1) if is_script => Self::HeldByOther(Hold::UNKNOWN),
            Answer::Bytes(bytes) if is_script => Self::from_hold(resources, bytes),
            Answer::Error(text) => Self::from_error(text),
            _ => Self::Unavailable(Unavailable::new(Cause::Unexpected)),
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
        command_for("job", kind, form)
    }

    fn command_for(names: impl Into<Resources>, kind: Kind, form: ScriptForm) -> Command {
        let config = Config::builder(["a"]).build().unwrap();
        let request = Request::new(&config, names, Duration::from_micros(1_500_001), Options::new()).unwrap();
        let (resources, ttl) = (request.resources, request.ttl);
        let token = TokenSecret::new([0xC7; 16]).token(0xC71C_71C7);
        let action = match kind {
            Kind::Acquire => Action::Acquire { resources, token, ttl },
            Kind::Extend => Action::Extend { resources, token, ttl },
            Kind::Release => Action::Release { resources, token, announce: true },
            Kind::Undo => Action::Release { resources, token, announce: false },
        };
        Command { id: CommandId::FIRST, nodes: NodeSet::first(1), action, send_by: Instant::EPOCH, form }
    }

    fn line(kind: Kind, form: ScriptForm) -> String {
        line_of(&command(kind, form))
    }

    fn line_of(command: &Command) -> String {
        let wire = command.wire();
        let words: Vec<_> = wire.words().map(String::from_utf8_lossy).collect();
        words.join(" ")
    }

    #[test]
    fn digests_are_those_of_the_texts() {
        for script in [ACQUIRE, EXTEND, RELEASE] {
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
    fn several_names_are_the_keys_of_one_script() {
        let token = "x8fHx8fHx8fHx8fHx8fHxwxxxxxw";
        let both = || Resources::all(["to", "from"]);
        let line = |kind, form| line_of(&command_for(both(), kind, form));
        let (digest, source) = (ScriptForm::Digest, ScriptForm::Source);
        assert_eq!(line(Kind::Acquire, digest), format!("EVALSHA {} 2 from to {token} 1501", ACQUIRE.digest));
        assert_eq!(line(Kind::Acquire, source), format!("EVAL {} 2 from to {token} 1501", ACQUIRE.source));
        assert_eq!(line(Kind::Extend, digest), format!("EVALSHA {} 2 from to {token} 1501", EXTEND.digest));
        assert_eq!(line(Kind::Release, digest), format!("EVALSHA {} 2 from to {token} 1", RELEASE.digest));
    }

    #[test]
    fn a_refusal_of_several_names_says_which_is_held_and_for_how_long() {
        let acquire = command_for(Resources::all(["to", "from"]), Kind::Acquire, ScriptForm::Digest);
        let read = |answer| Reply::from_wire(&acquire, answer);
        let hold = |name: &str, remaining| Reply::HeldByOther(Hold { resource: Some(name.into()), remaining });
        assert_eq!(read(Answer::Integer(1)), Reply::Done);
        assert_eq!(read(Answer::Bytes(b"2 1500")), hold("to", Some(Duration::from_millis(1_500))));
        assert_eq!(read(Answer::Bytes(b"1 -1")), hold("from", None), "a key without an end");
        for bytes in [&b"0 1"[..], b"3 1", b"1", b"", b"a b", b"\xff 1", b"-1 1"] {
            assert_eq!(read(Answer::Bytes(bytes)), Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
        }
        assert_eq!(read(Answer::Error("WRONGTYPE Operation against a key")), Reply::HeldByOther(Hold::UNKNOWN));
    }

    #[test]
    fn a_release_is_announced_on_the_channel_of_the_resource() {
        let channel = format!("'PUBLISH', '{RELEASED_CHANNEL_PREFIX}' .. KEYS[place]");
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
        assert_eq!(read(Kind::Acquire, Answer::Nil), Reply::HeldByOther(Hold::UNKNOWN));
        for kind in [Kind::Extend, Kind::Release, Kind::Undo] {
            assert_eq!(read(kind, Answer::Integer(1)), Reply::Done);
            assert_eq!(read(kind, Answer::Integer(0)), Reply::Missing);
            assert_eq!(read(kind, Answer::Integer(-1)), Reply::HeldByOther(Hold::UNKNOWN));
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
            assert_eq!(Reply::from_wire(&extend, Answer::Error(text)), Reply::HeldByOther(Hold::UNKNOWN));
        }
    }
}
