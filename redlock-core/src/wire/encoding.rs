//! The words of each action.

use smallvec::SmallVec;

use super::Dialect;
use super::scripts::{ACQUIRE, ACQUIRE_FENCED, ACQUIRE_IN_TURN, EXTEND, INSPECT, LEAVE, RAISE, RELEASE, Script};
use super::words::{Decimal, Wire, Word, Words};
use crate::fence::Fencing;
use crate::{Action, Command, Grace, Resource, Resources, ScriptForm, Token};

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
                    push_set(resource, token, &mut words);
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
            Action::AcquireInTurn { resources, waits_for, token, ttl, waiter, keeps_turn, fencing, .. } => {
                ACQUIRE_IN_TURN.call(self.form, resources, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                words.push(Word::Number(Decimal::new(ttl.as_millis())));
                words.push(Word::Bytes(waiter.as_bytes()));
                words.push(Word::Number(Decimal::new(self.grace.as_millis().into())));
                if resources.only().is_none() {
                    push_place(*waits_for, *keeps_turn, &mut words);
                }
                if let Some(fencing) = fencing {
                    fencing.push_words(&mut words);
                }
            }
            Action::Release { resources, token, keep, .. } => {
                RELEASE.call(self.form, resources, &mut words);
                words.push(Word::Bytes(token.as_bytes()));
                if let Some(ttl) = keep {
                    words.extend([0, ttl.as_millis()].map(|number| Word::Number(Decimal::new(number))));
                } else if self.calls_up() {
                    words.push(Word::Number(Decimal::new(self.grace.as_millis().into())));
                }
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

fn push_set<'a>(resource: &'a Resource, token: &'a Token, words: &mut Words<'a>) {
    words.push(Word::Bytes(b"SET"));
    words.push(Word::Bytes(resource.as_bytes()));
    words.push(Word::Bytes(token.as_bytes()));
    words.push(Word::Bytes(b"NX"));
    words.push(Word::Bytes(b"PX"));
}

/// Returns the script that acquires as the action says.
fn script_of(action: &Action) -> &'static Script {
    if action.is_only_fenced() { &ACQUIRE_FENCED } else { &ACQUIRE }
}

/// Adds which of several resources is waited for, counted from 1, and for how long the turn to take it is kept.
fn push_place(waits_for: u8, keeps_turn: Grace, words: &mut Words<'_>) {
    let numbers = [u64::from(waits_for).saturating_add(1), keeps_turn.as_millis().into()];
    words.extend(numbers.map(|number| Word::Number(Decimal::new(number))));
}

/// The word before the label of an owner, the last two arguments of a script.
const OWNER: &[u8] = b"OWNER";

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
        for key in keys {
            words.push(Word::Bytes(key.as_bytes()));
        }
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
}
