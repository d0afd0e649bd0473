//! A lock on a bench: time stands still until the test moves it, and the nodes say what the test lets them say.

use core::time::Duration;

use redlock_core::model::Node;
use redlock_core::{
    AcquireError, Action, Cause, Command, Config, Event, ExtendError, Hold, Instant, Lock, Loss, NodeId, NodeOutcomes,
    NodeSet, OperationId, Options, Outcome, ReleaseReport, Reply, Request, Unavailable,
};

/// How many nodes the tests of the majority rule are run with.
pub(crate) const SIZES: [usize; 4] = [1, 3, 4, 5];

/// What a lock on the bench is asked for, and the name of what it locks.
pub(crate) const TTL: Duration = ms(10_000);
pub(crate) const NAME: &str = "invoice:7";

/// What is left of [`TTL`] after one per cent and two milliseconds of drift, and how long a node may be silent.
pub(crate) const VALIDITY: Duration = ms(9_898);
pub(crate) const NODE_TIMEOUT: Duration = ms(500);

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn at(millis: u64) -> Instant {
    Instant::from_epoch(ms(millis))
}

pub(crate) fn node(index: usize) -> NodeId {
    NodeId::new(index).expect("a small number")
}

pub(crate) fn nodes<const N: usize>(indices: [usize; N]) -> NodeSet {
    indices.into_iter().map(node).collect()
}

/// A config over the first of the nodes `a` to `e`.
pub(crate) fn config(size: usize) -> Config {
    Config::builder(["a", "b", "c", "d", "e"].into_iter().take(size)).build().expect("a valid config")
}

pub(crate) fn unavailable(cause: Cause) -> Reply {
    Reply::Unavailable(Unavailable::new(cause))
}

/// One letter a node: `+` done, `-` held by somebody else, `0` no such key, `?` unknown script, `n` not sent, `x` the
/// connection broke, `.` silence.
fn reply_of(letter: char) -> Option<Reply> {
    Some(match letter {
        '+' => Reply::Done,
        '-' => Reply::HeldByOther(Hold::UNKNOWN),
        '0' => Reply::Missing,
        '?' => Reply::UnknownScript,
        'n' => unavailable(Cause::NotSent),
        'x' => unavailable(Cause::Disconnected),
        '.' => return None,
        other => panic!("no reply is written as {other}"),
    })
}

/// The same letters for what a report says, and `/` for a node that was not asked, `~` for one whose time is over, `!` for one that talked nonsense.
pub(crate) fn letters(report: &NodeOutcomes) -> String {
    let letter = |outcome: &Outcome| match outcome {
        Outcome::Done => '+',
        Outcome::HeldByOther(_) => '-',
        Outcome::Missing => '0',
        Outcome::Pending => '.',
        Outcome::Unavailable(unavailable) => match unavailable.cause() {
            Cause::NotSent => 'n',
            Cause::NotAsked => '/',
            Cause::Disconnected => 'x',
            Cause::NoAnswer => '~',
            Cause::Unexpected => '!',
            other => panic!("no letter for {other:?}"),
        },
        other => panic!("no letter for {other:?}"),
    };
    report.iter().map(|(_, _, outcome)| letter(&outcome)).collect()
}

/// One lock, the clock of its driver, and the verbs of a test.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) config: Config,
    pub(crate) lock: Lock,
    pub(crate) now: Instant,
}

/// # How a test begins
impl Bench {
    /// Starts to acquire over `size` nodes, at the epoch.
    pub(crate) fn acquire(size: usize) -> Self {
        Self::acquire_with(size, Options::new())
    }

    pub(crate) fn acquire_with(size: usize, options: Options) -> Self {
        Self::start(config(size), TTL, options, 7)
    }

    /// Starts with a config, a TTL and a seed of the test's own.
    pub(crate) fn start(config: Config, ttl: Duration, options: Options, seed: u8) -> Self {
        let request = Request::new(&config, NAME, ttl, options).expect("a valid request");
        let lock = Lock::acquire(&config, request, [seed; 32], Instant::EPOCH);
        Self { config, lock, now: Instant::EPOCH }
    }

    /// A lock that all nodes granted at the epoch, and that was handed over.
    pub(crate) fn held(size: usize) -> Self {
        let mut bench = Self::acquire(size);
        let set = bench.expect_acquire();
        bench.reply_all(&set, &Reply::Done);
        bench.expect_acquired();
        assert!(bench.lock.hand_over(bench.now));
        bench
    }

    /// A lock that was held for a second when its extension to [`TTL`] was begun.
    pub(crate) fn extending(size: usize) -> (Self, Command) {
        let mut bench = Self::held(size);
        bench.advance(ms(1_000));
        bench.extend(TTL);
        let extend = bench.expect_extend();
        (bench, extend)
    }

    /// A lock that is being released.
    pub(crate) fn releasing(size: usize) -> (Self, Command) {
        let mut bench = Self::held(size);
        bench.release();
        let release = bench.expect_release();
        (bench, release)
    }

    /// A lock whose deadline passed a moment ago.
    pub(crate) fn lost(size: usize) -> (Self, Command) {
        let mut bench = Self::held(size);
        bench.advance(VALIDITY);
        assert_eq!(bench.expect_lost(), Loss::Expired);
        let release = bench.expect_release();
        (bench, release)
    }
}

/// # What happens to the lock
impl Bench {
    /// Lets time pass without anybody noticing.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
    }

    /// Lets time pass and wakes the lock.
    pub(crate) fn advance(&mut self, time: Duration) {
        self.pass(time);
        self.lock.handle_timeout(self.now);
    }

    /// Lets the timer fire that the lock asks for.
    pub(crate) fn fire(&mut self) {
        let timer = self.timer();
        self.advance(timer);
    }

    /// One reply a letter, in the order of the nodes.
    pub(crate) fn reply(&mut self, command: &Command, votes: &str) {
        assert_eq!(votes.len(), self.config.nodes().len(), "one letter a node: {votes}");
        for (index, reply) in votes.chars().map(reply_of).enumerate() {
            if let Some(reply) = reply {
                self.reply_from(index, command, reply);
            }
        }
    }

    pub(crate) fn reply_from(&mut self, index: usize, command: &Command, reply: Reply) {
        self.lock.handle_reply(command.id, node(index), reply, self.now);
    }

    pub(crate) fn reply_all(&mut self, command: &Command, reply: &Reply) {
        for node in command.nodes.iter() {
            self.lock.handle_reply(command.id, node, reply.clone(), self.now);
        }
    }

    pub(crate) fn hand_over(&mut self) -> bool {
        self.lock.hand_over(self.now)
    }

    pub(crate) fn extend(&mut self, ttl: Duration) {
        self.try_extend(ttl).expect("a lock that can be extended");
    }

    pub(crate) fn try_extend(&mut self, ttl: Duration) -> Result<OperationId, ExtendError> {
        self.lock.extend(ttl, self.now)
    }

    pub(crate) fn release(&mut self) {
        self.lock.release(self.now);
    }
}

/// # What is expected of the lock
#[track_caller]
fn unexpected(wanted: &str, found: &dyn core::fmt::Debug) -> ! {
    panic!("expected {wanted}, found {found:?}")
}

impl Bench {
    #[track_caller]
    pub(crate) fn expect_acquire(&mut self) -> Command {
        match self.lock.poll_command() {
            Some(command) if matches!(command.action, Action::Acquire { .. }) => command,
            other => unexpected("a SET", &other),
        }
    }

    #[track_caller]
    pub(crate) fn expect_extend(&mut self) -> Command {
        match self.lock.poll_command() {
            Some(command) if matches!(command.action, Action::Extend { .. }) => command,
            other => unexpected("an extension", &other),
        }
    }

    #[track_caller]
    pub(crate) fn expect_release(&mut self) -> Command {
        match self.lock.poll_command() {
            Some(command) if matches!(command.action, Action::Release { .. }) => command,
            other => unexpected("a release", &other),
        }
    }

    /// Neither a command nor an event is left to poll.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        assert_eq!(self.lock.poll_command(), None);
        self.expect_no_event();
    }

    #[track_caller]
    pub(crate) fn expect_no_event(&mut self) {
        assert_eq!(self.lock.poll_event(), None);
    }

    /// The lock is held anew until the deadline that this answers.
    #[track_caller]
    pub(crate) fn expect_acquired(&mut self) -> Instant {
        match self.lock.poll_event() {
            Some(Event::Acquired { deadline }) => deadline,
            other => unexpected("an acquired lock", &other),
        }
    }

    #[track_caller]
    pub(crate) fn expect_acquire_failed(&mut self) -> AcquireError {
        match self.lock.poll_event() {
            Some(Event::AcquireFailed(error)) => error,
            other => unexpected("a failed acquisition", &other),
        }
    }

    #[track_caller]
    pub(crate) fn expect_extended(&mut self) -> Instant {
        match self.lock.poll_event() {
            Some(Event::Extended { deadline, .. }) => deadline,
            other => unexpected("an extended lock", &other),
        }
    }

    #[track_caller]
    pub(crate) fn expect_extend_failed(&mut self) -> ExtendError {
        match self.lock.poll_event() {
            Some(Event::ExtendFailed { error, .. }) => error,
            other => unexpected("a failed extension", &other),
        }
    }

    #[track_caller]
    pub(crate) fn expect_lost(&mut self) -> Loss {
        match self.lock.poll_event() {
            Some(Event::Lost(loss)) => loss,
            other => unexpected("a lost lock", &other),
        }
    }

    #[track_caller]
    pub(crate) fn expect_released(&mut self) -> ReleaseReport {
        match self.lock.poll_event() {
            Some(Event::Released(report)) => report,
            other => unexpected("a verdict on a release", &other),
        }
    }

    /// For how long the lock wants to be left alone.
    #[track_caller]
    pub(crate) fn timer(&self) -> Duration {
        self.lock.poll_timeout().expect("a timer is armed").saturating_since(self.now)
    }

    pub(crate) fn is_held(&self) -> bool {
        self.lock.is_held(self.now)
    }
}

/// Model nodes behind links that carry at once, or not at all.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    /// What is sent to these is lost, and nobody is told.
    pub(crate) cut_off: NodeSet,
}

impl Cluster {
    pub(crate) fn new(size: usize) -> Self {
        Self { nodes: vec![Node::new(); size], cut_off: NodeSet::EMPTY }
    }

    /// Carries commands and replies until there are none.
    pub(crate) fn serve(&mut self, bench: &mut Bench) {
        while let Some(command) = bench.lock.poll_command() {
            for (index, node) in self.nodes.iter_mut().enumerate() {
                let id = NodeId::new(index).filter(|&id| command.nodes.contains(id) && !self.cut_off.contains(id));
                if let Some(id) = id {
                    let reply = node.execute(&command, bench.now);
                    bench.lock.handle_reply(command.id, id, reply, bench.now);
                }
            }
        }
    }

    /// On how many nodes the resource is locked, by whomever.
    pub(crate) fn keys(&mut self, now: Instant) -> usize {
        self.nodes.iter_mut().filter_map(|node| node.ttl(NAME.as_bytes(), now)).count()
    }
}
