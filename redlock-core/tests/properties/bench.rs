//! A real lock and its reference, which are told the same and must say the same.

use core::time::Duration;

use redlock_core::{Command, CommandId, ExtendError, Instant, Lock, NodeId, OperationId, Reply};

use crate::ledger::Ledger;
use crate::news::{Lost, News};
use crate::operation::Operation;
use crate::reference::{Order, Reference, Refusal};
use crate::setup::Setup;

/// So many timers fire at most from a release on until the lock is settled, however long its TTL: it tells failed
/// nodes again after waits that double up to a second.
const MOST_TIMERS: u32 = 50;

pub(crate) struct Bench {
    lock: Lock,
    reference: Reference,
    ledger: Ledger,
    sent: Vec<Command>,
    /// All extensions so far.
    extensions: Vec<OperationId>,
    /// All events so far.
    pub(crate) heard: Vec<News>,
    now: Instant,
}

/// One call of a method of the lock.
#[derive(Clone, Debug)]
enum Call {
    HandOver,
    Extend(Duration),
    Release,
    Reply(CommandId, NodeId, Reply),
    Wake,
}

/// What it returned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Returned {
    Nothing,
    HandedOver(bool),
    Extended(Result<(), Refusal>),
}

impl Bench {
    pub(crate) fn start(setup: &Setup, seed: [u8; 32]) -> Self {
        let config = setup.config();
        let lock = Lock::acquire(&config, setup.request(), seed, Instant::EPOCH);
        let (reference, ledger) = (Reference::acquire(setup), Ledger::default());
        let (sent, extensions, heard) = (Vec::new(), Vec::new(), Vec::new());
        let mut bench = Self { lock, reference, ledger, sent, extensions, heard, now: Instant::EPOCH };
        let (commands, news) = bench.poll();
        bench.compare_output(commands, news);
        bench
    }

    pub(crate) fn take(&mut self, operation: &Operation) {
        match operation {
            Operation::HandOver => self.call(&Call::HandOver),
            Operation::Extend(ttl) => self.call(&Call::Extend(*ttl)),
            Operation::Release => self.call(&Call::Release),
            Operation::Round(replies) => self.round(replies),
            Operation::Reply { age, node, reply } => self.reply(*age, *node, reply),
            Operation::Timeout { late } => self.timeout(*late),
            Operation::Elapse(time) => self.now = self.now.saturating_add(*time),
            Operation::StepBack(time) => self.now = self.now.saturating_sub(*time),
        }
    }

    /// Releases the lock and lets its timers fire, in silence, until it has nothing to do any more.
    pub(crate) fn wind_up(&mut self) {
        self.call(&Call::Release);
        for _ in 0..MOST_TIMERS {
            self.timeout(Duration::ZERO);
        }
        assert!(self.lock.is_settled(), "its timers fire timers for ever");
        assert_eq!(self.lock.poll_timeout(), None);
        self.ledger.assert_all_taken_back();
    }

    fn round(&mut self, replies: &[Option<Reply>]) {
        let Some(command) = self.sent.last().cloned() else { return };
        for (node, reply) in command.nodes.iter().zip(replies) {
            if let Some(reply) = reply {
                self.call(&Call::Reply(command.id, node, reply.clone()));
            }
        }
    }

    fn reply(&mut self, age: usize, node: usize, reply: &Reply) {
        let Some(command) = self.sent.iter().rev().nth(age) else { return };
        let (id, node) = (command.id, NodeId::new(node).unwrap());
        self.call(&Call::Reply(id, node, reply.clone()));
    }

    fn timeout(&mut self, late: Duration) {
        if let Some(at) = self.lock.poll_timeout() {
            self.now = self.now.max(at.saturating_add(late));
        }
        self.call(&Call::Wake);
    }

    fn call(&mut self, call: &Call) {
        let now = self.now;
        let attempts = self.lock.attempts();
        let returned = self.tell_lock(call, now);
        let (commands, news) = self.poll();
        let has_given_up = news.iter().any(|news| matches!(news, News::AcquireFailed { .. }));
        let has_gone_on = has_given_up || self.lock.attempts() > attempts;
        assert_eq!(returned, tell_reference(&mut self.reference, call, now, has_gone_on), "returned");
        self.compare_output(commands, news);
        self.compare_state();
        self.enter(call);
    }

    fn tell_lock(&mut self, call: &Call, now: Instant) -> Returned {
        let lock = &mut self.lock;
        match call {
            Call::HandOver => return Returned::HandedOver(lock.hand_over(now)),
            Call::Extend(ttl) => {
                let begun = lock.extend(*ttl, now).map(|operation| self.extensions.push(operation));
                return Returned::Extended(begun.map_err(Refusal::from));
            }
            Call::Release => lock.release(now),
            Call::Reply(id, node, reply) => lock.handle_reply(*id, *node, reply.clone(), now),
            Call::Wake => lock.handle_timeout(now),
        }
        Returned::Nothing
    }

    fn poll(&mut self) -> (Vec<Command>, Vec<News>) {
        let commands = core::iter::from_fn(|| self.lock.poll_command()).collect();
        let news =
            core::iter::from_fn(|| self.lock.poll_event()).map(|event| News::of(event, &self.extensions)).collect();
        (commands, news)
    }

    fn compare_output(&mut self, commands: Vec<Command>, news: Vec<News>) {
        for command in &commands {
            self.ledger.sent(command);
        }
        let orders: Vec<Order> = commands.iter().map(|command| self.reference.note(command)).collect();
        assert_eq!(orders, core::mem::take(&mut self.reference.orders), "commands");
        assert_eq!(news, core::mem::take(&mut self.reference.news), "events");
        self.sent.extend(commands);
        self.heard.extend(news);
    }

    /// Enters a call into the ledger, behind what the lock sent because of it.
    fn enter(&mut self, call: &Call) {
        match call {
            Call::Release => self.ledger.released(),
            Call::Reply(id, node, reply) => self.ledger.replied(*id, *node, reply),
            Call::HandOver | Call::Extend(_) | Call::Wake => {}
        }
    }

    fn compare_state(&self) {
        let (lock, reference) = (&self.lock, &self.reference);
        assert_eq!(lock.attempts(), reference.attempts, "attempts");
        assert_eq!(lock.deadline(), reference.deadline(), "deadline");
        assert_eq!(lock.is_acquiring(), reference.is_acquiring(), "is acquiring");
        assert_eq!(lock.held_on(), reference.held_on(), "held on");
        assert_eq!(lock.loss().map(Lost::from), reference.loss(), "loss");
        assert_eq!(lock.is_quiet(), reference.is_quiet(), "is quiet");
        assert_eq!(lock.is_settled(), reference.is_settled(), "is settled");
        for now in [Instant::EPOCH, self.now, self.now.saturating_add(Duration::from_millis(100))] {
            assert_eq!(lock.is_held(now), reference.is_held(now), "is held at {now:?}");
        }
        self.compare_timer();
    }

    fn compare_timer(&self) {
        let (timer, expected) = (self.lock.poll_timeout(), self.reference.timer());
        let Some(latest) = self.reference.waits_until() else {
            assert_eq!(timer, expected, "timer");
            assert!(timer.is_none_or(|at| at > self.reference.now), "{timer:?} is over");
            return;
        };
        let at = timer.expect("a lock that waits has a timer");
        assert!(at >= self.reference.now && at <= latest, "{at:?} is no moment up to {latest:?}");
        assert!(expected.is_none_or(|expected| at <= expected), "{at:?} is later than {expected:?}");
    }
}

fn tell_reference(reference: &mut Reference, call: &Call, now: Instant, has_gone_on: bool) -> Returned {
    if let Call::Extend(ttl) = call
        && !reference.allows(*ttl)
    {
        return Returned::Extended(Err(Refusal::Request));
    }
    reference.wake(now, has_gone_on);
    match call {
        Call::HandOver => return Returned::HandedOver(reference.hand_over()),
        Call::Extend(ttl) => return Returned::Extended(reference.extend(*ttl)),
        Call::Release => reference.release(),
        Call::Reply(id, node, reply) => reference.reply(*id, *node, reply),
        Call::Wake => {}
    }
    Returned::Nothing
}

impl From<ExtendError> for Refusal {
    fn from(error: ExtendError) -> Self {
        match error {
            ExtendError::Request(_) => Self::Request,
            ExtendError::Lost(loss) => Self::Lost(Lost::from(&loss)),
            ExtendError::NotHeld => Self::NotHeld,
            other => panic!("no reason for which an extension is refused at once: {other:?}"),
        }
    }
}
