//! A Redis master as a pure state machine, for simulators and property tests.

mod fences;
mod in_turn;
mod labels;
mod wait_queue;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use self::labels::Label;
use self::wait_queue::WaitQueue;
use crate::fence::Fence;
use crate::slots::name_beside;
use crate::{
    Action, Cause, Command, Grace, Hold, Instant, KeyReport, KeyState, Owner, Reply, Resource, ScriptForm, Ttl,
    Unavailable, ValueDigest, WaiterId,
};

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
    /// By the [shorter name](name_beside) of the resource, as all that is kept beside a key.
    queues: BTreeMap<Vec<u8>, WaitQueue>,
    /// The last fence of each resource, and the last millisecond in which it is remembered.
    counters: BTreeMap<Vec<u8>, (Fence, u128)>,
    labels: BTreeMap<Vec<u8>, Label>,
    /// Those who would hear that they are called up.
    subscribers: BTreeSet<WaiterId>,
    call_ups: VecDeque<(WaiterId, Resource)>,
    scripts: BTreeSet<Script>,
    /// The time since 1970 when its clock shows the epoch.
    epoch_is_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Script {
    Acquire,
    AcquireFenced,
    AcquireInTurn,
    Extend,
    Raise,
    Release,
    Leave,
    Inspect,
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
enum Whose {
    Nobody,
    Token,
    Other,
}

impl Node {
    /// Creates a node without keys that has seen no script.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            keys: BTreeMap::new(),
            queues: BTreeMap::new(),
            counters: BTreeMap::new(),
            labels: BTreeMap::new(),
            subscribers: BTreeSet::new(),
            call_ups: VecDeque::new(),
            scripts: BTreeSet::new(),
            epoch_is_at: Duration::ZERO,
        }
    }

    /// Sets the time since 1970 at which the node's own clock shows the [epoch](Instant::EPOCH); at first they are the same
    /// moment. Only fences go by it: a proposal counts for no more than a day from the node's present.
    pub const fn set_epoch(&mut self, since_1970: Duration) {
        self.epoch_is_at = since_1970;
    }

    /// Carries out a command at the moment `now` of the node's own clock.
    pub fn execute(&mut self, command: &Command, now: Instant) -> Reply {
        self.expire(now);
        if !self.understands(command) {
            return Reply::UnknownScript;
        }
        match &command.action {
            action @ Action::Acquire { resources, token, ttl, .. } => {
                self.acquire(resources.as_slice(), token.as_bytes(), *ttl, action, now)
            }
            Action::Raise { resources, token, fencing } => {
                let reply = self.owned(resources.as_slice(), token.as_bytes());
                if reply == Reply::Done { self.fence(resources.as_slice(), fencing, now) } else { reply }
            }
            Action::Extend { resources, token, ttl, owner } => {
                self.extend(resources.as_slice(), token.as_bytes(), *ttl, owner.as_ref(), now)
            }
            Action::AcquireInTurn { .. } => self.acquire_in_turn(command, now),
            Action::Release { resources, token, keep: Some(ttl), owner, .. } => {
                self.keep(resources.as_slice(), token.as_bytes(), *ttl, owner.as_ref(), now)
            }
            Action::Release { resources, token, owner, .. } => {
                let grace = command.calls_up().then_some(command.grace);
                if owner.is_some() {
                    self.forget_label(resources.as_slice(), token.as_bytes());
                }
                self.release(resources.as_slice(), token.as_bytes(), grace, now)
            }
            Action::Leave { resources, waiter } => {
                for key in resources.as_slice() {
                    self.leave(key, waiter, command.grace, now);
                }
                Reply::Done
            }
            Action::Inspect { resources } => match resources.only() {
                Some(key) => self.inspect(key, now),
                None => Reply::Unavailable(Unavailable::new(Cause::Refused)),
            },
            Action::ReadClock => Reply::Done,
        }
    }

    /// Returns who was called up, and for what; each of them is to be told once, over the connection on which it has
    /// subscribed.
    pub fn poll_call_up(&mut self) -> Option<(WaiterId, Resource)> {
        self.call_ups.pop_front()
    }

    /// Returns who was called up for a resource, and for how long its turn goes on.
    pub fn called_up(&mut self, resource: &Resource, now: Instant) -> Option<(WaiterId, Duration)> {
        self.expire(now);
        let queue = self.queues.get(name_beside(resource.as_bytes()))?;
        Some((queue.called()?.clone(), left(queue.turn_ends_at()?, now)))
    }

    /// Returns how many wait for a resource, without the one that was called up.
    pub fn waiting(&mut self, resource: &Resource, now: Instant) -> u32 {
        self.expire(now);
        self.queues.get(name_beside(resource.as_bytes())).map_or(0, WaitQueue::len)
    }

    /// Notes that a waiter has subscribed: it is called up from now on.
    pub fn subscribe(&mut self, waiter: &WaiterId) {
        self.subscribers.insert(waiter.clone());
    }

    /// Notes that the connection is gone on which a waiter has subscribed.
    pub fn unsubscribe(&mut self, waiter: &WaiterId) {
        self.subscribers.remove(waiter);
    }

    fn acquire(&mut self, keys: &[Resource], token: &[u8], ttl: Ttl, action: &Action, now: Instant) -> Reply {
        if action.is_plain() && keys.iter().any(|key| self.keys.contains_key(key.as_bytes())) {
            return Reply::HeldByOther(Hold::UNKNOWN);
        }
        if let Some(key) = keys.iter().find(|key| self.whose(key, token) == Whose::Other) {
            let remaining = self.ttl(key.as_bytes(), now).filter(|remaining| *remaining != Duration::MAX);
            let (resource, owner) = (Some(key.clone()), self.owner_of(key).cloned());
            return Reply::HeldByOther(Hold { resource, remaining, place: None, owner });
        }
        for key in keys {
            let entry = self.keys.entry(key.as_bytes().into());
            let new = || Entry { value: token.into(), expires_at: Some(0) };
            entry.or_insert_with(new).live_until(expiry(now, ttl.as_millis()));
            self.label(key, action.owner());
        }
        action.fencing().map_or(Reply::Done, |fencing| self.fence(keys, fencing, now))
    }

    fn extend(&mut self, keys: &[Resource], token: &[u8], ttl: Ttl, owner: Option<&Owner>, now: Instant) -> Reply {
        let reply = self.owned(keys, token);
        if reply == Reply::Done {
            for key in keys {
                let entry = self.keys.get_mut(key.as_bytes());
                if let Some(entry) = entry {
                    entry.live_until(expiry(now, ttl.as_millis()));
                }
                self.label(key, owner);
            }
        }
        reply
    }

    fn release(&mut self, keys: &[Resource], token: &[u8], grace: Option<Grace>, now: Instant) -> Reply {
        let reply = self.owned(keys, token);
        let mut has_called_up = false;
        for key in keys {
            if self.whose(key, token) == Whose::Token {
                self.keys.remove(key.as_bytes());
                has_called_up |= grace.is_some_and(|grace| self.call_up(key, grace, None, now));
            }
        }
        if reply == Reply::Done && has_called_up { Reply::CalledUp } else { reply }
    }

    fn keep(&mut self, keys: &[Resource], token: &[u8], ttl: Ttl, owner: Option<&Owner>, now: Instant) -> Reply {
        let reply = self.owned(keys, token);
        for key in keys {
            if let Some(entry) = self.keys.get_mut(key.as_bytes()).filter(|entry| &*entry.value == token) {
                entry.expires_at = Some(expiry(now, ttl.as_millis()));
                self.label(key, owner);
            }
        }
        reply
    }

    fn leave(&mut self, key: &Resource, waiter: &WaiterId, grace: Grace, now: Instant) {
        let queue = self.queue(key);
        queue.leave(waiter);
        if queue.end_turn(waiter) && !self.keys.contains_key(key.as_bytes()) {
            self.call_up(key, grace, None, now);
        }
    }

    fn inspect(&self, key: &Resource, now: Instant) -> Reply {
        let state = self.keys.get(key.as_bytes()).map_or(KeyState::Free, |entry| KeyState::Held {
            digest: ValueDigest::of(&entry.value),
            remaining: entry.expires_at.map(|expires_at| left(expires_at, now)),
        });
        let waiting = self.queues.get(name_beside(key.as_bytes())).map_or(0, WaitQueue::len);
        Reply::Inspected(KeyReport::new(state, Some(waiting)).owned_by(self.owner_of(key).cloned()))
    }

    /// Calls up the first one who waits for a key and is alive; returns whether there is one.
    fn call_up(&mut self, key: &Resource, grace: Grace, me: Option<&WaiterId>, now: Instant) -> bool {
        let Self { queues, subscribers, call_ups, .. } = self;
        let Some(queue) = queues.get_mut(name_beside(key.as_bytes())) else { return false };
        let called = queue.call_up(grace, me, |waiter| subscribers.contains(waiter), now);
        let has_called_up = called.is_some();
        call_ups.extend(called.map(|waiter| (waiter, key.clone())));
        has_called_up
    }

    fn queue(&mut self, key: &Resource) -> &mut WaitQueue {
        self.queues.entry(name_beside(key.as_bytes()).into()).or_default()
    }

    /// Returns the reply to a token that wants to be that of all keys.
    fn owned(&self, keys: &[Resource], token: &[u8]) -> Reply {
        let is_any = |whose| keys.iter().any(|key| self.whose(key, token) == whose);
        if is_any(Whose::Other) {
            Reply::HeldByOther(Hold::UNKNOWN)
        } else if is_any(Whose::Nobody) {
            Reply::Missing
        } else {
            Reply::Done
        }
    }

    fn whose(&self, key: &Resource, token: &[u8]) -> Whose {
        match self.keys.get(key.as_bytes()) {
            None => Whose::Nobody,
            Some(entry) if entry.value == token => Whose::Token,
            Some(_) => Whose::Other,
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
        Some(entry.expires_at.map_or(Duration::MAX, |expires_at| left(expires_at, now)))
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
        self.queues.clear();
        self.counters.clear();
        self.labels.clear();
    }

    /// Forgets all scripts, as `SCRIPT FLUSH` or a restart does.
    pub fn forget_scripts(&mut self) {
        self.scripts.clear();
    }

    /// Returns whether the node knows a script; one that came with its text is known from then on.
    fn understands(&mut self, command: &Command) -> bool {
        let script = match &command.action {
            action if action.is_plain() => return true,
            action if action.is_only_fenced() => Script::AcquireFenced,
            Action::Acquire { .. } => Script::Acquire,
            Action::Raise { .. } => Script::Raise,
            Action::AcquireInTurn { .. } => Script::AcquireInTurn,
            Action::Extend { .. } => Script::Extend,
            Action::Release { .. } => Script::Release,
            Action::Leave { .. } => Script::Leave,
            Action::Inspect { .. } => Script::Inspect,
            Action::ReadClock => return true,
        };
        if command.form == ScriptForm::Source {
            self.scripts.insert(script);
        }
        self.scripts.contains(&script)
    }

    fn expire(&mut self, now: Instant) {
        let millis = now.since_epoch().as_millis();
        self.keys.retain(|_, entry| entry.expires_at.is_none_or(|expires_at| millis <= expires_at));
        self.counters.retain(|_, (_, expires_at)| millis <= *expires_at);
        self.labels.retain(|_, label| label.expires_at.is_none_or(|expires_at| millis <= expires_at));
        self.queues.retain(|_, queue| {
            queue.expire(now);
            !queue.is_empty()
        });
    }
}

/// Returns how long something goes on of which this is the last millisecond.
fn left(expires_at: u128, now: Instant) -> Duration {
    let millis = expires_at.saturating_sub(now.since_epoch().as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Returns the last millisecond in which a key is there that is set now.
fn expiry(now: Instant, ttl_millis: u64) -> u128 {
    now.since_epoch().as_millis().saturating_add(u128::from(ttl_millis))
}
