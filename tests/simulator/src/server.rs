use core::time::Duration;
use std::collections::BTreeMap;

use redlock_core::model::Node;
use redlock_core::{
    Action, Cause, Command, Facts, Instant, Owner, Reply, Resource, Token, Unavailable, ValueDigest, WaiterId,
};

use crate::clock::{Clock, Time};
use crate::event::Sent;
use crate::subscriptions::{Connection, Subscriptions};

/// A simulated Redis master: the core's model of one, on a clock of its own, in whatever state the faults leave it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) model: Node,
    pub(crate) clock: Clock,
    /// How many faults at the moment keep it down, still, slow, or answering with errors.
    pub(crate) down: u32,
    pub(crate) hung: u32,
    pub(crate) slow: u32,
    pub(crate) refusing: u32,
    /// Before that it does not come back from being down, or has no vote.
    pub(crate) down_until: Time,
    /// How often it has begun again, as another process or as a master that was a replica.
    pub(crate) runs: u32,
    /// The run in which its process was started, and when that was.
    process: u32,
    started_at: Time,
    /// Something has ended its process.
    pub(crate) has_ended: bool,
    /// Its keys are gone, and it was not started since.
    pub(crate) has_forgotten: bool,
    /// The runs that began without the keys of those before, and when they did.
    pub(crate) empty_runs: Vec<(u32, Time)>,
    pub(crate) subscriptions: Subscriptions,
    /// The label that it was told last with each token.
    labels: BTreeMap<Vec<u8>, Owner>,
    /// What has arrived while it stood still: link, connection and command.
    pub(crate) inbox: Vec<(usize, u32, Sent)>,
}

/// For how long a server has been running that was not started again.
const OLD: Duration = Duration::from_secs(1_000);

/// What a command did to its keys.
pub(crate) struct Executed {
    pub(crate) reply: Reply,
    /// It changed a key that had somebody else's value.
    pub(crate) touched_another: bool,
    /// It did to some of its keys what it did not do to all of them.
    pub(crate) is_partial: bool,
    /// It says a label that is not that of the holder, or has kept one that should be gone.
    pub(crate) is_mislabelled: bool,
}

/// A key as a command finds or leaves it.
#[derive(PartialEq, Eq)]
struct KeyState {
    has_token: bool,
    /// Its value, unless that is the token of the command.
    others: Option<Vec<u8>>,
    ttl: Option<Duration>,
}

impl Server {
    pub(crate) const fn new(clock: Clock) -> Self {
        Self {
            model: Node::new(),
            clock,
            down: 0,
            hung: 0,
            slow: 0,
            refusing: 0,
            down_until: 0,
            runs: 0,
            process: 0,
            started_at: 0,
            has_ended: false,
            has_forgotten: false,
            empty_runs: Vec::new(),
            subscriptions: Subscriptions::new(),
            labels: BTreeMap::new(),
            inbox: Vec::new(),
        }
    }

    /// Forgets those who heard over connections that match.
    pub(crate) fn end_connections(&mut self, has_ended: impl Fn(Connection) -> bool) {
        for waiter in self.subscriptions.end(has_ended) {
            self.model.unsubscribe(&waiter);
        }
    }

    /// It is up again, as another process if it has ended.
    pub(crate) fn starts(&mut self, now: Time) {
        self.runs += 1;
        if core::mem::take(&mut self.has_ended) {
            (self.process, self.started_at) = (self.runs, now);
        }
        if core::mem::take(&mut self.has_forgotten) {
            self.empty_runs.push((self.runs, now));
        }
    }

    /// What it says of itself. At the beginning of the world it has been running for long.
    pub(crate) fn facts(&self, node: usize, now: Time) -> Facts {
        let before = if self.process == 0 { OLD } else { Duration::ZERO };
        let uptime = before + self.clock.at(now).saturating_since(self.clock.at(self.started_at));
        let mut facts = Facts::default();
        facts.note_info(&format!("run_id:{node}-{}\nuptime_in_seconds:{}\n", self.process, uptime.as_secs()));
        if self.was_replica() {
            facts.note_info(&format!("master_replid2:{node}-{}\n", self.runs));
        }
        facts
    }

    /// Returns whether its process was a replica.
    pub(crate) const fn was_replica(&self) -> bool {
        self.process != self.runs
    }

    /// Returns whether a connection could be opened.
    pub(crate) const fn is_reachable(&self) -> bool {
        self.down == 0 && self.hung == 0
    }

    /// Carries out a command, and looks at what it did to each of its keys.
    pub(crate) fn execute(&mut self, command: &Command, refusal: Cause, time: Time) -> Executed {
        if self.refusing > 0 {
            return Executed::harmless(Reply::Unavailable(Unavailable::new(refusal)));
        }
        let now = self.clock.at(time);
        let Some(names) = command.action.resources() else {
            return Executed::harmless(self.model.execute(command, now));
        };
        // No key has an empty value.
        let (names, token) = (names.as_slice(), command.action.token().map_or(&[][..], Token::as_bytes));
        let before = self.look_at(names, token, now);
        let reply = self.model.execute(command, now);
        let after = self.look_at(names, token, now);
        let is_released = matches!(command.action, Action::Release { keep: None, .. }) && is_answer(&reply);
        let is_kept = matches!(command.action, Action::Release { keep: Some(_), .. }) && is_answer(&reply);
        let is_whole = match &reply {
            _ if is_kept => are_kept(&before, &after),
            _ if is_released => after.iter().all(|key| !key.has_token),
            Reply::Done | Reply::Granted(_) if !token.is_empty() => after.iter().all(|key| key.has_token),
            _ => after == before,
        };
        let touched_another =
            before.iter().zip(&after).any(|(before, after)| before.others.is_some() && before != after);
        // Keys that are kept have a label, also if some of their lock are gone.
        if is_kept || matches!(reply, Reply::Done | Reply::Granted(_)) {
            self.note_label(command);
        }
        let is_mislabelled = self.is_mislabelled(names, &reply, now) || is_released && self.has_label_of(command, now);
        Executed { reply, touched_another, is_partial: !is_whole, is_mislabelled }
    }

    fn note_label(&mut self, command: &Command) {
        if let (Some(token), Some(owner)) = (command.action.token(), command.action.owner()) {
            self.labels.insert(token.as_bytes().into(), owner.clone());
        }
    }

    /// Returns whether a label is shown, or said in a reply, that is not that of the token that one of these keys has.
    fn is_mislabelled(&mut self, names: &[Resource], reply: &Reply, now: Instant) -> bool {
        let Self { model, labels, .. } = self;
        if labels.is_empty() {
            return false;
        }
        let mut holders = Vec::new();
        for name in names {
            let holder = model.get(name.as_bytes(), now).and_then(|value| labels.get(value));
            let shown = model.owner(name, now);
            if shown.is_some() && shown != holder {
                return true;
            }
            holders.extend(holder);
        }
        matches!(reply, Reply::HeldByOther(hold) if hold.owner.as_ref().is_some_and(|owner| !holders.contains(&owner)))
    }

    /// Returns whether there is a label still that belongs to the token of a command.
    fn has_label_of(&mut self, command: &Command, now: Instant) -> bool {
        let (Some(names), Some(token)) = (command.action.resources(), command.action.token()) else { return false };
        let is_there = |name| self.model.label_beside(name, now).map(|(digest, ..)| digest);
        names.as_slice().iter().filter_map(is_there).any(|digest| digest == ValueDigest::of(token.as_bytes()))
    }

    fn look_at(&mut self, names: &[Resource], token: &[u8], now: Instant) -> Vec<KeyState> {
        let look = |name: &Resource| {
            let ttl = self.model.ttl(name.as_bytes(), now);
            let value = self.model.get(name.as_bytes(), now);
            let has_token = value == Some(token);
            KeyState { has_token, others: value.filter(|_| !has_token).map(<[u8]>::to_vec), ttl }
        };
        names.iter().map(look).collect()
    }

    /// Returns whether it keeps this value at the key until the moment `until`, if nothing happens to it, or is down until
    /// then: either way it grants the key to nobody else.
    pub(crate) fn keeps(&mut self, key: &[u8], value: &[u8], until: Time, time: Time) -> bool {
        let now = self.clock.at(time);
        self.down_until > until
            || self.model.get(key, now) == Some(value) && self.last_moment(key, now) >= millis(self.clock.at(until))
    }

    /// Returns whether it waits for somebody whom it has called up for a resource.
    pub(crate) fn has_called_up(&mut self, waiter: &WaiterId, resource: &Resource, time: Time) -> bool {
        let now = self.clock.at(time);
        self.model.called_up(resource, now).is_some_and(|(called, _)| called == *waiter)
    }

    /// Returns when the key will be gone, if nothing happens to it.
    pub(crate) fn expires_at(&mut self, key: &[u8], time: Time) -> Time {
        let last = self.last_moment(key, self.clock.at(time));
        let next = Duration::from_millis(u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1));
        self.clock.time_of(Instant::from_epoch(next))
    }

    /// The last millisecond of its clock in which the key is there.
    fn last_moment(&mut self, key: &[u8], now: Instant) -> u128 {
        self.model.ttl(key, now).map_or(0, |ttl| millis(now) + ttl.as_millis())
    }
}

impl Executed {
    /// A command that did nothing to any key.
    pub(crate) const fn harmless(reply: Reply) -> Self {
        Self { reply, touched_another: false, is_partial: false, is_mislabelled: false }
    }
}

/// Returns whether a reply says what has become of the keys.
const fn is_answer(reply: &Reply) -> bool {
    matches!(reply, Reply::Done | Reply::CalledUp | Reply::Missing | Reply::HeldByOther(_))
}

/// Returns whether all keys with the token live on for the same time, and all others are as they were.
fn are_kept(before: &[KeyState], after: &[KeyState]) -> bool {
    let mut kept = after.iter().filter(|key| key.has_token).map(|key| key.ttl);
    let first = kept.next();
    let is_left = |(before, after): (&KeyState, &KeyState)| before.has_token && after.has_token || before == after;
    kept.all(|ttl| Some(ttl) == first) && before.iter().zip(after).all(is_left)
}

fn millis(instant: Instant) -> u128 {
    instant.since_epoch().as_millis()
}

/// What the field calls an action.
pub(crate) const fn verb(action: &Action) -> &'static str {
    match action {
        Action::Acquire { .. } => "SET",
        Action::Raise { .. } => "RAISE",
        Action::AcquireInTurn { .. } => "SET IN TURN",
        Action::Extend { .. } => "EXTEND",
        Action::Release { .. } => "RELEASE",
        Action::Leave { .. } => "LEAVE",
        Action::ReadClock => "PING",
        _ => "?",
    }
}
