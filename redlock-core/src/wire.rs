//! The Redis wording of every action, and the reading of every answer.

mod answer;
mod dialect;
mod scripts;

use alloc::format;
use alloc::string::String;
use core::fmt;

use smallvec::SmallVec;

pub use self::answer::Answer;
pub(crate) use self::answer::{Question, is_denied, split_word};
pub use self::dialect::Dialect;
use self::scripts::{ACQUIRE, ACQUIRE_FENCED, ACQUIRE_IN_TURN, EXTEND, INSPECT, LEAVE, RAISE, RELEASE};
pub(crate) use self::scripts::{COMMON, Script};
use crate::fence::Fencing;
use crate::{Action, Command, Resource, Resources, ScriptForm, Token, WaiterId};

/// The prefix of the channel on which a waiter is called up; its [id](WaiterId) follows it. A message on it is the name of the
/// resource that the waiter may take now.
pub const CALL_UP_CHANNEL_PREFIX: &str = "redlock:wake:";

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
        self.wire_in(Dialect::Scripts)
    }

    /// Returns the words of this command for a server that knows the dialect.
    pub(crate) fn wire_in(&self, dialect: Dialect) -> Wire<'_> {
        match dialect.deletes(self) {
            Some((resource, token)) => Wire::delete_if_equal(dialect, resource, token),
            None => self.wire_with_scripts(),
        }
    }

    fn wire_with_scripts(&self) -> Wire<'_> {
        let mut words = SmallVec::new();
        match &self.action {
            action @ Action::Acquire { resources, token, ttl, fencing, .. } => {
                if let Some(resource) = resources.only().filter(|_| action.is_plain()) {
                    words.push(Word::Bytes(b"SET"));
                    words.push(Word::Bytes(resource.as_bytes()));
                    words.push(Word::Bytes(token.as_bytes()));
                    words.push(Word::Bytes(b"NX"));
                    words.push(Word::Bytes(b"PX"));
                } else {
                    script_of(action).call(self.form, resources, &mut words);
                    words.push(Word::Bytes(token.as_bytes()));
                }
                words.push(Word::Number(Decimal::new(ttl.as_millis())));
                if let Some(fencing) = fencing {
                    fencing.push_words(&mut words);
                }
            }
            Action::Raise { resources, token, fencing } => {
                RAISE.call(self.form, resources, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                fencing.push_words(&mut words);
            }
            Action::Extend { resources, token, ttl, .. } => {
                EXTEND.call(self.form, resources, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                words.push(Word::Number(Decimal::new(ttl.as_millis())));
            }
            Action::AcquireInTurn { resources, waits_for, token, ttl, waiter, fencing, .. } => {
                ACQUIRE_IN_TURN.call(self.form, resources, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                words.push(Word::Number(Decimal::new(ttl.as_millis())));
                words.push(Word::Bytes(waiter.as_bytes()));
                words.push(Word::Number(Decimal::new(self.grace.as_millis().into())));
                if resources.only().is_none() {
                    words.push(Word::Number(Decimal::new(u64::from(*waits_for).saturating_add(1))));
                }
                if let Some(fencing) = fencing {
                    fencing.push_words(&mut words);
                }
            }
            Action::Release { resources, token, keep, .. } => {
                RELEASE.call(self.form, resources, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                let grace = if self.calls_up() { self.grace.as_millis() } else { 0 };
                words.push(Word::Number(Decimal::new(grace.into())));
                words.extend(keep.map(|ttl| Word::Number(Decimal::new(ttl.as_millis()))));
            }
            Action::Leave { resources, waiter } => {
                LEAVE.call(self.form, resources, &mut words);
                words.push(Word::Bytes(waiter.as_bytes()));
                words.push(Word::Number(Decimal::new(self.grace.as_millis().into())));
            }
            Action::Inspect { resources } => INSPECT.call(self.form, resources, &mut words),
            Action::ReadClock => words.extend([Word::Bytes(b"INFO"), Word::Bytes(b"server")]),
        }
        if let Some(owner) = self.action.owner() {
            words.extend([OWNER, owner.as_str().as_bytes()].map(Word::Bytes));
        }
        Wire { words }
    }
}

/// Returns the script that acquires as the action says.
fn script_of(action: &Action) -> &'static Script {
    if action.is_only_fenced() { &ACQUIRE_FENCED } else { &ACQUIRE }
}

/// The word before the label of an owner, the last two arguments of a script.
const OWNER: &[u8] = b"OWNER";

/// The words of one command.
#[derive(Clone, Debug)]
pub struct Wire<'a> {
    words: Words<'a>,
}

/// As many words as a command for one name has without an allocation, also if it is to have a fence.
type Words<'a> = SmallVec<[Word<'a>; 8]>;

impl Fencing {
    /// Adds how long counters live, what is proposed, and the fences of a lock that is held.
    fn push_words(&self, words: &mut Words<'_>) {
        let (retention, proposal, fences) = match self {
            Self::Mint { proposal, retention } => (retention, proposal.get(), &[][..]),
            Self::Raise { fences, retention } => (retention, 0, fences.as_slice()),
        };
        words.push(Word::Number(Decimal::new(retention.as_millis())));
        words.push(Word::Number(Decimal::new(proposal)));
        words.extend(fences.iter().map(|fence| Word::Number(Decimal::new(fence.get()))));
    }
}

impl Script {
    fn call<'a>(&self, form: ScriptForm, resources: &'a Resources, words: &mut Words<'a>) {
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

impl<'a> Wire<'a> {
    fn delete_if_equal(dialect: Dialect, resource: &'a Resource, token: &'a Token) -> Self {
        let mut words = SmallVec::new();
        let is_delex = dialect == Dialect::DelEx;
        words.push(Word::Bytes(if is_delex { b"DELEX" } else { b"DELIFEQ" }));
        words.push(Word::Bytes(resource.as_bytes()));
        if is_delex {
            words.push(Word::Bytes(b"IFEQ"));
        }
        words.push(Word::Bytes(token.as_bytes()));
        Self { words }
    }

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

/// A number in decimal digits.
#[derive(Clone)]
pub(crate) struct Decimal {
    /// Right-aligned.
    digits: [u8; Self::MAX_LEN],
    len: usize,
}

impl Decimal {
    /// The length of the largest number.
    const MAX_LEN: usize = 20;

    pub(crate) fn new(number: u64) -> Self {
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

    pub(crate) fn as_bytes(&self) -> &[u8] {
        let (_, digits) = self.digits.split_at(Self::MAX_LEN.saturating_sub(self.len));
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::Fence;
    use crate::token::TokenSecret;
    use crate::{
        Cause, CommandId, Config, Grace, Hold, Instant, KeyReport, KeyState, NodeSet, Options, Owner, Reply, Request,
        Unavailable, ValueDigest,
    };
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use core::time::Duration;
    use sha1::{Digest as _, Sha1};

    #[derive(Clone, Copy)]
    enum Kind {
        Acquire,
        Fenced,
        /// To set keys that were lost of a lock that is fenced.
        Replant,
        InTurn,
        InTurnFenced,
        Raise,
        Extend,
        /// At the home.
        Release,
        /// At another node.
        Delete,
        /// To let the keys live for a while.
        Keep,
        Leave,
        Inspect,
    }

    fn command(kind: Kind, form: ScriptForm) -> Command {
        command_for("job", kind, form)
    }

    fn command_for(names: impl Into<Resources>, kind: Kind, form: ScriptForm) -> Command {
        let config = Config::builder(["a"]).build().unwrap();
        let request = Request::new(&config, names, Duration::from_micros(1_500_001), Options::new()).unwrap();
        let (resources, ttl) = (request.resources, request.ttl);
        let token = TokenSecret::new([0xC7; 16]).token(0xC71C_71C7);
        let mint = || Fencing::mint(Fence::new(5_000), config.fence_retention());
        let raise =
            |fences: &[u64]| Fencing::raise(fences.iter().copied().map(Fence::new).collect(), config.fence_retention());
        let in_turn = |resources: Resources| {
            let last = resources.as_slice().last().cloned();
            let last = resources.place(|resource| Some(resource) == last.as_ref()).unwrap();
            Action::acquire_all_in_turn(resources, last, token, ttl, WaiterId::from_seed(&[7; 32]))
        };
        let action = match kind {
            Kind::Acquire => Action::acquire(resources, token, ttl),
            Kind::Fenced => Action::acquire(resources, token, ttl).fenced(mint()),
            Kind::Replant => Action::acquire(resources, token, ttl).fenced(raise(&[33, 7])),
            Kind::Raise => Action::raise(resources, token, raise(&[33])),
            Kind::Extend => Action::extend(resources, token, ttl),
            Kind::InTurn => in_turn(resources),
            Kind::InTurnFenced => in_turn(resources).fenced(mint()),
            Kind::Release => Action::release(resources, token, NodeSet::first(1)),
            Kind::Keep => Action::keep(resources, token, ttl),
            Kind::Delete => Action::release(resources, token, NodeSet::EMPTY),
            Kind::Leave => Action::Leave { resources, waiter: WaiterId::from_seed(&[7; 32]) },
            Kind::Inspect => Action::Inspect { resources },
        };
        let (send_by, grace) = (Instant::EPOCH, Grace::DEFAULT);
        Command { id: CommandId::FIRST, nodes: NodeSet::first(1), action, send_by, form, grace, is_repeated: false }
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
        for script in [ACQUIRE, ACQUIRE_FENCED, ACQUIRE_IN_TURN, EXTEND, INSPECT, LEAVE, RAISE, RELEASE] {
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
        assert_eq!(line(Kind::Release, digest), format!("EVALSHA {} 1 job {token} 25", RELEASE.digest));
        assert_eq!(line(Kind::Release, source), format!("EVAL {} 1 job {token} 25", RELEASE.source));
        assert_eq!(line(Kind::Delete, digest), format!("EVALSHA {} 1 job {token} 0", RELEASE.digest));
        assert_eq!(line(Kind::Keep, digest), format!("EVALSHA {} 1 job {token} 0 1501", RELEASE.digest));
        let (waiter, in_turn) = ("BwcHBwcHBwcHBwcHBwcHBw", ACQUIRE_IN_TURN.digest);
        assert_eq!(line(Kind::InTurn, digest), format!("EVALSHA {in_turn} 1 job {token} 1501 {waiter} 25"));
        assert_eq!(line(Kind::Leave, digest), format!("EVALSHA {} 1 job {waiter} 25", LEAVE.digest));
        let week = 7 * 24 * 60 * 60 * 1_000;
        let in_turn = format!("EVALSHA {in_turn} 1 job {token} 1501 {waiter} 25 {week} 5000");
        assert_eq!(line(Kind::InTurnFenced, digest), in_turn);
        let fenced = ACQUIRE_FENCED.digest;
        assert_eq!(line(Kind::Fenced, digest), format!("EVALSHA {fenced} 1 job {token} 1501 {week} 5000"));
        assert_eq!(line(Kind::Raise, source), format!("EVAL {} 1 job {token} {week} 0 33", RAISE.source));
        assert_eq!(line(Kind::Inspect, digest), format!("EVALSHA {} 1 job", INSPECT.digest));
        assert_eq!(line(Kind::Inspect, source), format!("EVAL {} 1 job", INSPECT.source));
        let subscription = WaiterId::from_seed(&[7; 32]).subscription();
        assert_eq!(subscription.join(" "), format!("SUBSCRIBE redlock:wake:{waiter}"));
    }

    #[test]
    fn the_words_of_the_usual_commands_need_no_memory_of_their_own() {
        for kind in [Kind::Acquire, Kind::Fenced, Kind::InTurn, Kind::Raise, Kind::Extend, Kind::Release, Kind::Delete]
        {
            let command = command(kind, ScriptForm::Digest);
            assert!(!command.wire().words.spilled(), "{command:?}");
        }
    }

    #[test]
    fn a_label_is_behind_all_else_of_a_script() {
        let owner = Owner::new("host 7").unwrap();
        for kind in
            [Kind::Acquire, Kind::Replant, Kind::InTurnFenced, Kind::Extend, Kind::Release, Kind::Delete, Kind::Keep]
        {
            let command = command(kind, ScriptForm::Digest);
            let labelled = command.with_action(command.action.clone().owned_by(owner.clone()), command.form);
            let words = line_of(&labelled);
            let (script, label) = words.split_at(words.len() - " OWNER host 7".len());
            assert!(label == " OWNER host 7" && script.starts_with("EVALSHA"), "{words}");
            assert_eq!(labelled.wire_in(Dialect::DelIfEq).words().next(), Some(&b"EVALSHA"[..]), "{words}");
        }
        for kind in [Kind::Raise, Kind::Leave, Kind::Inspect] {
            let command = command(kind, ScriptForm::Digest);
            assert_eq!(command.action.clone().owned_by(owner.clone()), command.action);
        }
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
        assert_eq!(line(Kind::Release, digest), format!("EVALSHA {} 2 from to {token} 25", RELEASE.digest));
        let replant = format!("EVALSHA {} 2 from to {token} 1501 604800000 0 33 7", ACQUIRE.digest);
        assert_eq!(line(Kind::Replant, digest), replant);
        let in_turn = format!("EVALSHA {} 2 from to {token} 1501 BwcHBwcHBwcHBwcHBwcHBw 25 2", ACQUIRE_IN_TURN.digest);
        assert_eq!(line(Kind::InTurn, digest), in_turn, "the second one is waited for");
        assert_eq!(line(Kind::InTurnFenced, digest), format!("{in_turn} 604800000 5000"));
    }

    #[test]
    fn a_refusal_of_several_names_says_which_is_held_and_for_how_long() {
        let acquire = command_for(Resources::all(["to", "from"]), Kind::Acquire, ScriptForm::Digest);
        let read = |answer| Reply::from_wire(&acquire, answer);
        let hold = |name: &str, remaining| {
            Reply::HeldByOther(Hold { resource: Some(name.into()), remaining, ..Hold::UNKNOWN })
        };
        assert_eq!(read(Answer::Integer(1)), Reply::Done);
        assert_eq!(read(Answer::Bytes(b"2 1500")), hold("to", Some(Duration::from_millis(1_500))));
        assert_eq!(read(Answer::Bytes(b"1 -1")), hold("from", None), "a key without an end");
        let owned = Hold { owner: Owner::new("host 7").ok(), resource: Some("to".into()), ..Hold::UNKNOWN };
        assert_eq!(read(Answer::Bytes(b"2 -1 host 7")), Reply::HeldByOther(owned));
        for bytes in [&b"0 1"[..], b"3 1", b"1", b"", b"a b", b"\xff 1", b"-1 1"] {
            assert_eq!(read(Answer::Bytes(bytes)), Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
        }
        assert_eq!(read(Answer::Error("WRONGTYPE Operation against a key")), Reply::HeldByOther(Hold::UNKNOWN));
    }

    #[test]
    fn a_refusal_in_turn_says_for_how_long_and_the_place() {
        let read = |answer| Reply::from_wire(&command(Kind::InTurn, ScriptForm::Digest), answer);
        let hold = |remaining: Option<u64>, place| {
            Reply::HeldByOther(Hold { remaining: remaining.map(Duration::from_millis), place, ..Hold::UNKNOWN })
        };
        assert_eq!(read(Answer::Integer(1)), Reply::Done);
        assert_eq!(read(Answer::Bytes(b"1500 2")), hold(Some(1_500), Some(2)));
        assert_eq!(read(Answer::Bytes(b"-1 1")), hold(None, Some(1)), "a key without an end");
        assert_eq!(read(Answer::Bytes(b"20 0")), hold(Some(20), None), "no queue");
        let owned = Hold { owner: Owner::new("host 7").ok(), place: Some(1), ..Hold::UNKNOWN };
        assert_eq!(read(Answer::Bytes(b"-1 1 host 7")), Reply::HeldByOther(owned));
        for bytes in [&b"1"[..], b"", b"a b", b"1 -1", b"1 x", b"\xff 1", b"busy 1 1500"] {
            assert_eq!(read(Answer::Bytes(bytes)), Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
        }
    }

    #[test]
    fn a_refusal_of_several_names_in_turn_says_which_is_waited_for_or_which_other_is_held() {
        let both = || Resources::all(["to", "from"]);
        for kind in [Kind::InTurn, Kind::InTurnFenced] {
            let in_turn = command_for(both(), kind, ScriptForm::Digest);
            let read = |answer| Reply::from_wire(&in_turn, answer);
            let hold = |name: &str, millis, place| {
                let (resource, remaining) = (Some(name.into()), Some(Duration::from_millis(millis)));
                Reply::HeldByOther(Hold { resource, remaining, place, ..Hold::UNKNOWN })
            };
            assert_eq!(read(Answer::Bytes(b"1500 2")), hold("to", 1_500, Some(2)), "it stands in that queue");
            assert_eq!(read(Answer::Bytes(b"busy 1 1500")), hold("from", 1_500, None), "it stands in none");
            let owned = Hold { owner: Owner::new("host 7").ok(), resource: Some("from".into()), ..Hold::UNKNOWN };
            assert_eq!(read(Answer::Bytes(b"busy 1 -1 host 7")), Reply::HeldByOther(owned));
            for bytes in [&b"busy"[..], b"busy ", b"busy 3 1", b"busy 0 1", b"busy 1", b"busy x 1"] {
                assert_eq!(read(Answer::Bytes(bytes)), Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
            }
        }
    }

    #[test]
    fn an_error_from_inside_a_script_does_not_prove_that_nothing_was_done() {
        let fenced = command(Kind::Fenced, ScriptForm::Digest);
        let is_untouched = |text| match Reply::from_wire(&fenced, Answer::Error(text)) {
            Reply::Unavailable(why) => why.proves_untouched(),
            other => panic!("{other:?}"),
        };
        assert!(is_untouched("NOPERM this user has no permissions to run the 'evalsha' command"));
        for text in [
            "ERR The user executing the script can't run this command or subcommand script: 1c10, on @user_script:3.",
            "NOPERM ACL failure in script: No permissions to run this command",
            "ERR Error running script (call to f_1c10): @user_script:3: The user executing the script can't access at \
             least one of the keys mentioned in the command arguments",
        ] {
            assert!(!is_untouched(text), "{text}");
        }
    }

    #[test]
    fn the_fences_of_a_grant_are_read_one_for_each_name() {
        let fenced = command_for(Resources::all(["to", "from"]), Kind::Fenced, ScriptForm::Digest);
        let granted = |fences: &[u64]| Reply::Granted(fences.iter().copied().map(Fence::new).collect());
        let read = |command: &Command, answer: &[u8]| Reply::from_wire(command, Answer::Bytes(answer));
        assert_eq!(read(&fenced, b"33,1700000000000000"), granted(&[33, 1_700_000_000_000_000]));
        assert_eq!(read(&command(Kind::Fenced, ScriptForm::Digest), b"33"), granted(&[33]));
        assert_eq!(read(&command(Kind::InTurnFenced, ScriptForm::Digest), b"33"), granted(&[33]));
        let all_in_turn = command_for(Resources::all(["to", "from"]), Kind::InTurnFenced, ScriptForm::Digest);
        assert_eq!(read(&all_in_turn, b"33,1700000000000000"), granted(&[33, 1_700_000_000_000_000]));
        assert!(matches!(read(&fenced, b"2 1500"), Reply::HeldByOther(_)));
        assert!(matches!(read(&command(Kind::InTurnFenced, ScriptForm::Digest), b"1500 2"), Reply::HeldByOther(_)));
        for bytes in [&b"33"[..], b"1,2,3", b"1,,2", b"1,x", b"1,9007199254740992", b"", b"1,2 3"] {
            assert_eq!(read(&fenced, bytes), Reply::Unavailable(Unavailable::new(Cause::Unexpected)));
        }
        assert_eq!(
            Reply::from_wire(&fenced, Answer::Integer(1)),
            Reply::Unavailable(Unavailable::new(Cause::Unexpected)),
            "a lock without a fence is none that was asked for"
        );
        assert_eq!(
            read(&command(Kind::Acquire, ScriptForm::Digest), b"33"),
            Reply::Unavailable(Unavailable::new(Cause::Unexpected))
        );
    }

    #[test]
    fn an_inspection_is_answered_with_ttl_queue_and_digest() {
        let inspect = command(Kind::Inspect, ScriptForm::Digest);
        let read = |answer| Reply::from_wire(&inspect, answer);
        let said = |state, waiting| Reply::Inspected(KeyReport::new(state, waiting));
        let held = |millis: Option<u64>| KeyState::Held {
            digest: ValueDigest::of(b"1"),
            remaining: millis.map(Duration::from_millis),
        };
        assert_eq!(read(Answer::Bytes(b"-2 0 -")), said(KeyState::Free, Some(0)));
        assert_eq!(read(Answer::Bytes(b"-2 7 -")), said(KeyState::Free, Some(7)), "somebody was called up");
        assert_eq!(read(Answer::Bytes(b"1500 2 356a192b7913b04c")), said(held(Some(1_500)), Some(2)));
        assert_eq!(read(Answer::Bytes(b"0 -1 356a192b7913b04c")), said(held(Some(0)), None), "no rights to the queue");
        assert_eq!(read(Answer::Bytes(b"-1 0 356a192b7913b04c")), said(held(None), Some(0)), "a key without an end");
        let other_type = |millis: Option<u64>| KeyState::OtherType { remaining: millis.map(Duration::from_millis) };
        assert_eq!(read(Answer::Bytes(b"-1 0 -")), said(other_type(None), Some(0)));
        assert_eq!(read(Answer::Bytes(b"20 -1 -")), said(other_type(Some(20)), None));
        assert_eq!(read(Answer::Error("NOSCRIPT No matching script.")), Reply::UnknownScript);
        let owned = KeyReport::new(held(Some(1_500)), Some(2)).owned_by(Owner::new("host 7").ok());
        assert_eq!(read(Answer::Bytes(b"1500 2 356a192b7913b04c host 7")), Reply::Inspected(owned));
        let Reply::Inspected(hostile) = read(Answer::Bytes(b"1500 2 356a192b7913b04c \x1b[2J\xff")) else { panic!() };
        assert_eq!(hostile.owner.as_ref().map(Owner::as_str), Some(r"\u{1b}[2J\xff"));
    }

    #[test]
    fn anything_else_is_no_answer_to_an_inspection() {
        let inspect = command(Kind::Inspect, ScriptForm::Digest);
        let unexpected = Reply::Unavailable(Unavailable::new(Cause::Unexpected));
        for bytes in [
            &b""[..],
            b" ",
            b"  ",
            b"1500",
            b"1500 2",
            b"1500 2 ",
            b"1500 2 356a192b7913b04",
            b"1500 2 356a192b7913b04c ",
            b"-2 0 - host-7",
            b"-1 0 - host-7",
            b"1500 2 +56a192b7913b04c",
            b"1500 -2 356a192b7913b04c",
            b"1500 +2 356a192b7913b04c",
            b"1500 4294967296 356a192b7913b04c",
            b"-2 0 356a192b7913b04c",
            b"-3 0 356a192b7913b04c",
            b"+1 0 356a192b7913b04c",
            b"1e3 0 356a192b7913b04c",
            b"18446744073709551616 0 356a192b7913b04c",
            b"-3 0 -",
            b" 0 -",
            b"\xff 0 -",
        ] {
            assert_eq!(Reply::from_wire(&inspect, Answer::Bytes(bytes)), unexpected, "{}", bytes.escape_ascii());
        }
        for answer in [Answer::Ok, Answer::Nil, Answer::Other, Answer::Integer(0), Answer::Integer(1)] {
            assert_eq!(Reply::from_wire(&inspect, answer), unexpected);
        }
    }

    #[test]
    fn waiters_are_called_up_on_their_channels() {
        let channel = format!("'PUBLISH', '{CALL_UP_CHANNEL_PREFIX}' .. first");
        assert!([RELEASE, ACQUIRE_IN_TURN, LEAVE].iter().all(|script| script.source.contains(&channel)));
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
        assert_eq!(read(Kind::Release, Answer::Integer(2)), Reply::CalledUp);
        for kind in [Kind::Extend, Kind::Release, Kind::Delete, Kind::Keep] {
            assert_eq!(read(kind, Answer::Integer(1)), Reply::Done);
            assert_eq!(read(kind, Answer::Integer(0)), Reply::Missing);
            assert_eq!(read(kind, Answer::Integer(-1)), Reply::HeldByOther(Hold::UNKNOWN));
            assert_eq!(read(kind, Answer::Error("NOSCRIPT No matching script.")), Reply::UnknownScript);
            assert_eq!(cause(kind, Answer::Ok), Cause::Unexpected);
            assert_eq!(cause(kind, Answer::Integer(3)), Cause::Unexpected);
        }
        assert_eq!(cause(Kind::Extend, Answer::Integer(2)), Cause::Unexpected);
        assert_eq!(read(Kind::Leave, Answer::Integer(1)), Reply::Done);
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
            ("CROSSSLOT Keys in request don't hash to the same slot", Cause::CrossSlot),
            ("CLUSTERDOWN Hash slot not served", Cause::Cluster),
            ("ERR unknown command 'EVAL'", Cause::UnknownCommand),
            ("ERR Unknown Redis command called from script script: 2e59", Cause::UnknownCommand),
            ("ERR The user executing the script can't run this command or subcommand", Cause::NoPermission),
            ("ERR ACL failure in script: User app has no permissions to run the 'del' command", Cause::NoPermission),
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
