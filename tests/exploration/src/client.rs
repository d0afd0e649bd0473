use redlock_core::fence::Fence;
use redlock_core::{Action, Cause, Command, CommandId, Event, Hold, Instant, Lock, Reply, Token, Unavailable};

use super::scenario::{NODES, Scenario, TTL, node_id};

/// A client: the real machine, and what an observer has noted about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client {
    pub(super) lock: Lock,
    /// All that it has begun, in order.
    pub(super) attempts: Vec<Attempt>,
    /// When the last round that could lengthen the validity was sent.
    pub(super) asked_at: Instant,
    pub(super) extensions_left: u8,
    pub(super) was_released: bool,
    pub(super) was_lost: bool,
}

/// One attempt to acquire, from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    pub(super) token: Token,
    /// When its first release was sent.
    pub(super) released_at: Option<Instant>,
}

/// What a client is called with, beside the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Input {
    HandOver,
    Extend,
    Release,
    Wake,
    Deliver { id: CommandId, node: usize, answer: Answer },
}

/// What a call made the client say.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) commands: Vec<Command>,
    pub(super) events: Vec<Event>,
    /// The answer of [`Lock::hand_over`].
    pub(super) handed_over: bool,
}

impl Client {
    pub(super) fn begin(index: usize, scenario: &Scenario, now: Instant) -> (Self, Said) {
        let (config, role) = (scenario.config(), scenario.roles[index]);
        let seed = [u8::try_from(index).expect("a small number"); 32];
        let mut client = Self {
            lock: Lock::acquire(&config, role.request(&config, scenario.fences.is_some()), seed, now),
            attempts: Vec::new(),
            asked_at: now,
            extensions_left: role.extensions,
            was_released: false,
            was_lost: false,
        };
        let said = client.drain(false, now);
        (client, said)
    }

    pub(super) fn call(&mut self, input: Input, now: Instant) -> Said {
        let mut handed_over = false;
        match input {
            Input::HandOver => handed_over = self.lock.hand_over(now),
            Input::Extend => self.extend(now),
            Input::Release => {
                self.lock.release(now);
                self.was_released = true;
            }
            Input::Wake => self.lock.handle_timeout(now),
            Input::Deliver { id, node, answer } => self.lock.handle_reply(id, node_id(node), answer.into(), now),
        }
        self.drain(handed_over, now)
    }

    /// The token of the present attempt.
    pub(super) fn token(&self) -> &Token {
        &self.attempts.last().expect("a lock begins with an attempt").token
    }

    /// Returns whether the lock was acquired and waits to be handed over.
    pub(super) fn is_won(&self) -> bool {
        self.lock.is_acquiring() && self.lock.deadline().is_some()
    }

    fn extend(&mut self, now: Instant) {
        if self.lock.extend(TTL, now).is_ok() {
            self.extensions_left = self.extensions_left.saturating_sub(1);
        }
    }

    fn drain(&mut self, handed_over: bool, now: Instant) -> Said {
        // What the home says is about others who wait, and there is no queue here.
        self.lock.take_others_want();
        let commands: Vec<Command> = std::iter::from_fn(|| self.lock.poll_command()).collect();
        let events: Vec<Event> = std::iter::from_fn(|| self.lock.poll_event()).collect();
        for command in &commands {
            self.note(command, now);
        }
        self.was_lost |= events.iter().any(|event| matches!(event, Event::Lost(_)));
        Said { commands, events, handed_over }
    }

    fn note(&mut self, command: &Command, now: Instant) {
        let (token, is_for_all) = (*command.action.token().expect("it is of a lock"), command.nodes.len() == NODES);
        match &command.action {
            Action::Release { .. } => {
                let attempt = self.attempts.iter_mut().find(|attempt| attempt.token == token);
                attempt.map(|attempt| attempt.released_at.get_or_insert(now));
            }
            Action::Acquire { .. } if is_for_all => {
                self.attempts.push(Attempt { token, released_at: None });
                self.asked_at = now;
            }
            // It lengthens nothing.
            Action::Raise { .. } => {}
            _ if is_for_all => self.asked_at = now,
            _ => {}
        }
    }
}

/// A fence of a small world.
pub(super) fn small(fence: Fence) -> u32 {
    u32::try_from(fence.get()).expect("a small number")
}

/// A [`Reply`] of few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Answer {
    Done,
    /// With this fence.
    Granted(u32),
    HeldByOther,
    Missing,
    UnknownScript,
    Disconnected,
    NotSent,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Done => Self::Done,
            Answer::Granted(fence) => Self::Granted([Fence::new(fence.into())].into_iter().collect()),
            Answer::HeldByOther => Self::HeldByOther(Hold::UNKNOWN),
            Answer::Missing => Self::Missing,
            Answer::UnknownScript => Self::UnknownScript,
            Answer::Disconnected => Self::Unavailable(Unavailable::new(Cause::Disconnected)),
            Answer::NotSent => Self::Unavailable(Unavailable::new(Cause::NotSent)),
        }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Done => Self::Done,
            Reply::Granted(fences) => Self::Granted(small(fences.as_slice()[0])),
            Reply::HeldByOther(_) => Self::HeldByOther,
            Reply::Missing => Self::Missing,
            Reply::UnknownScript => Self::UnknownScript,
            other => panic!("a model node does not say {other:?}"),
        }
    }
}
