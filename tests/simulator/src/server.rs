use redlock_core::model::Node;
use redlock_core::{Action, Cause, Command, Instant, Reply, Unavailable};

use crate::clock::{Clock, Time};
use crate::event::Sent;

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
    /// Before that it does not come back from being down.
    pub(crate) down_until: Time,
    /// What has arrived while it stood still: link, connection and command.
    pub(crate) inbox: Vec<(usize, u32, Sent)>,
}

/// What a command did to the key.
pub(crate) struct Executed {
    pub(crate) reply: Reply,
    /// It changed a key that had somebody else's value.
    pub(crate) touched_another: bool,
}

impl Server {
    pub(crate) const fn new(clock: Clock) -> Self {
        Self { model: Node::new(), clock, down: 0, hung: 0, slow: 0, refusing: 0, down_until: 0, inbox: Vec::new() }
    }

    /// Whether a connection could be opened.
    pub(crate) const fn is_reachable(&self) -> bool {
        self.down == 0 && self.hung == 0
    }

    /// Carries out a command, and looks at what it did.
    pub(crate) fn execute(&mut self, command: &Command, refusal: Cause, time: Time) -> Executed {
        if self.refusing > 0 {
            return Executed { reply: Reply::Unavailable(Unavailable::new(refusal)), touched_another: false };
        }
        let now = self.clock.at(time);
        let (key, token) = (
            command.action.resources().expect("it is of a lock").as_slice()[0].as_bytes(),
            command.action.token().expect("it is of a lock").as_bytes(),
        );
        let others = self.model.get(key, now).filter(|value| *value != token).map(<[u8]>::to_vec);
        let Some(value) = others else {
            return Executed { reply: self.model.execute(command, now), touched_another: false };
        };
        let ttl = self.model.ttl(key, now);
        let reply = self.model.execute(command, now);
        let is_untouched = self.model.get(key, now) == Some(&value) && self.model.ttl(key, now) == ttl;
        Executed { reply, touched_another: !is_untouched }
    }

    /// Whether it keeps this value at the key until the moment `until`, if nothing happens to it, or is down until then:
    /// either way it grants the key to nobody else.
    pub(crate) fn keeps(&mut self, key: &[u8], value: &[u8], until: Time, time: Time) -> bool {
        let now = self.clock.at(time);
        self.down_until > until
            || self.model.get(key, now) == Some(value) && self.last_moment(key, now) >= millis(self.clock.at(until))
    }

    /// When the key will be gone, if nothing happens to it.
    pub(crate) fn expires_at(&mut self, key: &[u8], time: Time) -> Time {
        let last = self.last_moment(key, self.clock.at(time));
        let next = core::time::Duration::from_millis(u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1));
        self.clock.time_of(Instant::from_epoch(next))
    }

    /// The last millisecond of its clock in which the key is there.
    fn last_moment(&mut self, key: &[u8], now: Instant) -> u128 {
        self.model.ttl(key, now).map_or(0, |ttl| millis(now) + ttl.as_millis())
    }
}

fn millis(instant: Instant) -> u128 {
    instant.since_epoch().as_millis()
}

/// What the field calls an action.
pub(crate) const fn verb(action: &Action) -> &'static str {
    match action {
        Action::Acquire { .. } => "SET",
        Action::Extend { .. } => "EXTEND",
        Action::Release { .. } => "RELEASE",
        _ => "?",
    }
}
