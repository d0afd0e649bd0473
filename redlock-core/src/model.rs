//! A Redis master as a pure state machine, for simulators and property tests.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::{Action, Command, Hold, Instant, Reply, Resource, ScriptForm, Ttl};

/// A Redis master, as far as it answers the commands of this crate, with a clock that is handed in.
///
/// It keeps keys with their expiry in whole milliseconds as Redis does: a key with a TTL of `n` ms is there in the
/// millisecond `n` after the one in which it was set, and gone in the next.
///
/// ```
/// use core::time::Duration;
/// use redlock_core::{Config, Hold, Instant, Lock, Options, Reply, Request, model::Node};
///
/// let config = Config::builder(["only"]).build()?;
/// let request = Request::new(&config, "job", Duration::from_secs(1), Options::new())?;
/// let mut lock = Lock::acquire(&config, request, [1; 32], Instant::EPOCH);
/// let command = lock.poll_command().expect("a lock begins with a command");
///
/// let mut node = Node::new();
/// assert_eq!(node.execute(&command, Instant::EPOCH), Reply::Done);
/// assert_eq!(node.execute(&command, Instant::EPOCH), Reply::HeldByOther(Hold::UNKNOWN));
/// assert!(node.get(b"job", Instant::from_epoch(Duration::from_millis(1_000))).is_some());
/// assert!(node.get(b"job", Instant::from_epoch(Duration::from_millis(1_001))).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Node {
    keys: BTreeMap<Vec<u8>, Entry>,
    knows_acquire: bool,
    knows_extend: bool,
    knows_release: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    value: Vec<u8>,
    /// The last millisecond in which the key is there; `None` if it never expires.
    expires_at: Option<u128>,
}

impl Entry {
    /// Lets the key live for that long at least.
    fn live_until(&mut self, expires_at: u128) {
        self.expires_at = self.expires_at.max(Some(expires_at));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Nobody,
    Token,
    Other,
}

impl Node {
    /// Creates a node without keys that has seen no script.
    #[must_use]
    pub const fn new() -> Self {
        Self { keys: BTreeMap::new(), knows_acquire: false, knows_extend: false, knows_release: false }
    }

    /// Carries out a command at the moment `now` of the node's own clock.
    pub fn execute(&mut self, command: &Command, now: Instant) -> Reply {
        self.expire(now);
        if !self.understands(command) {
            return Reply::UnknownScript;
        }
        match &command.action {
            Action::Acquire { resources, token, ttl } => {
                self.acquire(resources.as_slice(), token.as_bytes(), *ttl, now)
            }
            Action::Extend { resources, token, ttl } => self.extend(resources.as_slice(), token.as_bytes(), *ttl, now),
            Action::Release { resources, token, .. } => self.release(resources.as_slice(), token.as_bytes()),
            Action::Ping => Reply::Done,
        }
    }

    fn acquire(&mut self, keys: &[Resource], token: &[u8], ttl: Ttl, now: Instant) -> Reply {
        if let [key] = keys
            && self.keys.contains_key(key.as_bytes())
        {
            return Reply::HeldByOther(Hold::UNKNOWN);
        }
        if let Some(key) = keys.iter().find(|key| self.owner(key, token) == Owner::Other) {
            let remaining = self.ttl(key.as_bytes(), now).filter(|remaining| *remaining != Duration::MAX);
            return Reply::HeldByOther(Hold { resource: Some(key.clone()), remaining });
        }
        for key in keys {
            let entry = self.keys.entry(key.as_bytes().into());
            let new = || Entry { value: token.into(), expires_at: Some(0) };
            entry.or_insert_with(new).live_until(expiry(now, ttl.as_millis()));
        }
        Reply::Done
    }

    fn extend(&mut self, keys: &[Resource], token: &[u8], ttl: Ttl, now: Instant) -> Reply {
        let reply = self.owned(keys, token);
        if reply == Reply::Done {
            for key in keys {
                let entry = self.keys.get_mut(key.as_bytes());
                if let Some(entry) = entry {
                    entry.live_until(expiry(now, ttl.as_millis()));
                }
            }
        }
        reply
    }

    fn release(&mut self, keys: &[Resource], token: &[u8]) -> Reply {
        let reply = self.owned(keys, token);
        for key in keys {
            if self.owner(key, token) == Owner::Token {
                self.keys.remove(key.as_bytes());
            }
        }
        reply
    }

    /// Returns the reply to a token that wants to be that of all keys.
    fn owned(&self, keys: &[Resource], token: &[u8]) -> Reply {
        let is_any = |owner| keys.iter().any(|key| self.owner(key, token) == owner);
        if is_any(Owner::Other) {
            Reply::HeldByOther(Hold::UNKNOWN)
        } else if is_any(Owner::Nobody) {
            Reply::Missing
        } else {
            Reply::Done
        }
    }

    fn owner(&self, key: &Resource, token: &[u8]) -> Owner {
        match self.keys.get(key.as_bytes()) {
            None => Owner::Nobody,
            Some(entry) if entry.value == token => Owner::Token,
            Some(_) => Owner::Other,
        }
    }

    /// Returns the value of a key.
    pub fn get(&mut self, key: &[u8], now: Instant) -> Option<&[u8]> {
        self.expire(now);
        self.keys.get(key).map(|entry| &*entry.value)
    }

    /// Returns how long a key still lives; `None` without the key, [`Duration::MAX`] for one that does not expire.
    pub fn ttl(&mut self, key: &[u8], now: Instant) -> Option<Duration> {
        self.expire(now);
        let entry = self.keys.get(key)?;
        let Some(expires_at) = entry.expires_at else { return Some(Duration::MAX) };
        let millis = expires_at.saturating_sub(now.since_epoch().as_millis());
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
    }

    /// Sets a key as another client would, with or without a TTL, whatever was there before.
    pub fn set(&mut self, key: &[u8], value: &[u8], ttl: Option<Duration>, now: Instant) {
        let millis = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        let entry = Entry { value: value.into(), expires_at: millis.map(|millis| expiry(now, millis)) };
        self.keys.insert(key.into(), entry);
    }

    /// Deletes a key as another client would.
    pub fn delete(&mut self, key: &[u8]) {
        self.keys.remove(key);
    }

    /// Returns the keys that are there.
    pub fn keys(&mut self, now: Instant) -> impl Iterator<Item = &[u8]> {
        self.expire(now);
        self.keys.keys().map(|key| &**key)
    }

    /// Deletes all keys, as `FLUSHALL` or a restart without persistence does.
    pub fn wipe(&mut self) {
        self.keys.clear();
    }

    /// Forgets all scripts, as `SCRIPT FLUSH` or a restart does.
    pub fn forget_scripts(&mut self) {
        (self.knows_acquire, self.knows_extend, self.knows_release) = (false, false, false);
    }

    /// Returns whether the node knows a script; one that came with its text is known from then on.
    fn understands(&mut self, command: &Command) -> bool {
        let knows = match &command.action {
            Action::Acquire { resources, .. } if resources.only().is_none() => &mut self.knows_acquire,
            Action::Extend { .. } => &mut self.knows_extend,
            Action::Release { .. } => &mut self.knows_release,
            Action::Acquire { .. } | Action::Ping => return true,
        };
        *knows |= command.form == ScriptForm::Source;
        *knows
    }

    fn expire(&mut self, now: Instant) {
        let now = now.since_epoch().as_millis();
        self.keys.retain(|_, entry| entry.expires_at.is_none_or(|expires_at| now <= expires_at));
    }
}

/// Returns the last millisecond in which a key is there that is set now.
fn expiry(now: Instant, ttl_millis: u64) -> u128 {
    now.since_epoch().as_millis().saturating_add(u128::from(ttl_millis))
}
