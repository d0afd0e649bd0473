mod acquiring;
mod held;
mod kinds;
mod minting;
mod release;
mod transitions;
mod turn;

use alloc::boxed::Box;
use core::time::Duration;

use self::acquiring::{Attempt, Failure};
use self::held::Held;
pub(crate) use self::kinds::Kinds;
use self::release::Release;
pub(crate) use self::turn::{NoTurn, Turn};
use crate::backoff::Backoff;
use crate::fence::Fences;
use crate::output::Output;
use crate::rare_list::RareList;
use crate::report::{AcquireError, ExtendError, Loss};
use crate::token::TokenSecret;
use crate::{
    Command, CommandId, Config, DetachedLock, Event, Instant, NodeId, NodeSet, OperationId, Reply, Request, Resources,
    Token, Ttl,
};

/// One lock's whole life, as a pure state machine: acquire, hold, extend, release.
///
/// The methods come in four kinds:
///
/// - **verbs** begin something: [`acquire`](Self::acquire), [`hand_over`](Self::hand_over),
///   [`extend`](Self::extend), [`release`](Self::release);
/// - **`handle_*`** take what came in from outside: [`handle_reply`](Self::handle_reply),
///   [`handle_timeout`](Self::handle_timeout);
/// - **`poll_*`** give what is to go out: [`poll_command`](Self::poll_command), [`poll_event`](Self::poll_event),
///   [`poll_timeout`](Self::poll_timeout);
/// - **getters**.
///
/// **After every verb and every `handle_*`: poll all commands and send them, in order; poll all events; then arm a
/// timer for `poll_timeout`.** The [crate's front page](crate) has the complete loop.
///
/// `now` is always the last parameter. A `now` before an earlier one counts as the earlier one. Every call first
/// expires what `now` has passed, so a timer that comes late changes nothing but the moment at which one learns of it.
///
/// A value of this type is all that there is: cloned, it is a second, equal machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lock {
    config: Config,
    request: Request,
    secret: TokenSecret,
    backoff: Backoff,
    started_at: Instant,
    /// The end of the time budget.
    give_up_at: Instant,
    attempts: u32,
    /// The failure of the last attempt that came to a verdict.
    last_failure: Option<Box<AcquireError>>,
    /// The latest `now`.
    clock: Instant,
    phase: Phase,
    /// Releases of earlier attempts that are not settled on every node.
    earlier: RareList<Release>,
    next_operation: OperationId,
    /// Where it waits for its turn, when it does not try now and then.
    turn: Option<Turn>,
    /// It was called up, and has not begun an attempt since.
    is_called_up: bool,
    /// What the home has just said about a release: whether somebody else was called up.
    others_want: Option<bool>,
    /// A home at which it could not wait.
    lost_home: Option<(NodeId, NoTurn)>,
    output: Output,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Others of the same handle are before it.
    InLine,
    /// An attempt is under way.
    Acquiring(Attempt),
    /// An attempt has failed; the next begins at `until`.
    Waiting { until: Instant },
    /// An attempt was won; its caller has not come for the lock.
    Won { attempt: Attempt, deadline: Instant },
    /// The lock is held; extensions may be under way.
    Held(Held),
    /// The lock was held and is lost.
    Lost(Box<Lost>),
    /// The lock is being released; after the verdict was reported, until it is settled on every node.
    Releasing { release: Release, reported: bool },
    /// Nothing will happen any more, but for releases of earlier attempts.
    Finished,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lost {
    at: Instant,
    loss: Loss,
    /// It was begun when the loss was found.
    release: Release,
}

/// # Verbs
impl Lock {
    /// Starts to acquire, at once: the first commands wait to be polled.
    ///
    /// `seed` must come from the operating system's random source, freshly for every lock: 16 of its bytes make the
    /// tokens, 8 the jitter.
    ///
    /// A request that [adopts](Request::adopting) a lock asks all nodes whether its keys are still there under its token, to
    /// let them live for the TTL from now on; the lock is held when a quorum says so. It is not waited for. One that was not
    /// adopted, or whose adoption is given up, is left as it is: whoever has it may hold it still.
    ///
    /// Ends with [`Event::Acquired`] or [`Event::AcquireFailed`], unless [`release`](Self::release) cancels it.
    #[must_use]
    pub fn acquire(config: &Config, request: Request, seed: [u8; 32], now: Instant) -> Self {
        let mut lock = Self::in_line(config, request, seed, now);
        lock.begin(now);
        lock
    }

    /// Creates a lock that stands in line: it asks nobody before [`begin`](Self::begin) or
    /// [`begin_later`](Self::begin_later), because others of the same handle may be before it. Its time budget runs from now
    /// on; when that is over it ends with [`Event::AcquireFailed`]. The seed is as with [`acquire`](Self::acquire).
    #[must_use]
    pub fn in_line(config: &Config, request: Request, seed: [u8; 32], now: Instant) -> Self {
        let (secret, jitter) = split(seed);
        Self {
            config: config.clone(),
            give_up_at: now.saturating_add(request.options.wait.get()),
            request,
            secret,
            backoff: Backoff::new(jitter),
            started_at: now,
            attempts: 0,
            last_failure: None,
            clock: now,
            phase: Phase::InLine,
            earlier: RareList::new(),
            next_operation: OperationId::FIRST,
            turn: None,
            is_called_up: false,
            others_want: None,
            lost_home: None,
            output: Output::new(),
        }
    }

    /// Lets a lock that stands in line ask the nodes. Does nothing with any other.
    pub fn begin(&mut self, now: Instant) {
        let now = self.catch_up(now);
        if matches!(self.phase, Phase::InLine) {
            self.begin_attempt(now);
        }
    }

    /// Lets a lock that stands in line ask the nodes after a random wait, as after a failed attempt. Does nothing with any
    /// other.
    pub fn begin_later(&mut self, now: Instant) {
        let now = self.catch_up(now);
        if matches!(self.phase, Phase::InLine) {
            let delay = self.backoff.next(self.request.options.retry_delay, self.give_up_at.saturating_since(now));
            self.phase = Phase::Waiting { until: now.saturating_add(delay) };
        }
    }

    /// Lets a lock that stands in line give up, unless its request may wait: it has time for that and is not for
    /// [one attempt](crate::Options::attempts).
    pub fn wait_in_line(&mut self, now: Instant) {
        let now = self.catch_up(now);
        let may_wait = self.request.options.attempts != Some(1) && self.give_up_at > now;
        if matches!(self.phase, Phase::InLine) && !may_wait {
            self.give_up_in_line(now);
        }
    }

    /// Hands the lock over to its caller, if it is still good for that; to be called after [`Event::Acquired`], at
    /// the moment at which the caller gets to run.
    ///
    /// The clock is read twice on purpose: replies may wait in a buffer, or the caller for the processor, until the
    /// validity is over. In that case, or when less than [`Options::min_validity`](crate::Options::min_validity) is
    /// left, the answer is `false`: the lock was given back, and the machine goes on as after any attempt that failed.
    #[must_use = "a lock that was not handed over is not held"]
    pub fn hand_over(&mut self, now: Instant) -> bool {
        let now = self.catch_up(now);
        let Phase::Won { deadline, .. } = self.phase else {
            return self.is_held(now);
        };
        let is_good = now.saturating_add(self.request.options.min_validity.get()) < deadline;
        if !is_good {
            self.fail_attempt(Failure::Expired, now);
        } else if let Phase::Won { attempt, .. } = core::mem::replace(&mut self.phase, Phase::Finished) {
            self.phase = Phase::Held(Held::new(&self.config, attempt, deadline, &self.request, now));
        }
        is_good
    }

    /// Starts to extend a lock that was handed over: from now on for `ttl`, on all nodes.
    ///
    /// Ends with [`Event::Extended`] or [`Event::ExtendFailed`], which carry the id that is returned, unless
    /// [`release`](Self::release) supersedes it. An extension counts only if a quorum confirms it before the deadline that
    /// holds at that moment; one that fails changes nothing. A `ttl` that ends before that deadline does not shorten the
    /// lock, and none goes beyond the longest hold that [`KeepAlive::up_to`](crate::KeepAlive::up_to) allows.
    ///
    /// Extensions may overlap, such as a renewal in the background and one by hand. Each asks the nodes for itself and has
    /// its own end; those that are under way when the lock is lost fail, in the order in which they were begun.
    ///
    /// # Errors
    ///
    /// No extension is sent, and neither of these events follows:
    ///
    /// - [`ExtendError::Request`] when the TTL is out of the config's bounds;
    /// - [`ExtendError::Lost`] when the lock is lost;
    /// - [`ExtendError::NotHeld`] when the lock is not held yet, or is being released.
    pub fn extend(&mut self, ttl: Duration, now: Instant) -> Result<OperationId, ExtendError> {
        let ttl = Ttl::new(&self.config, ttl)?;
        let now = self.catch_up(now);
        match &mut self.phase {
            Phase::Held(held) => {
                let operation = self.next_operation;
                self.next_operation = operation.next();
                held.extend(&self.config, &self.request, operation, ttl, now, &mut self.output);
                Ok(operation)
            }
            Phase::Lost(lost) => Err(ExtendError::Lost(lost.loss.clone())),
            _ => Err(ExtendError::NotHeld),
        }
    }

    /// Lets others of the same handle ask for the resources of a lock that is being released, although its home may not have
    /// had its say: their commands are behind the release all the same. Does nothing with any other lock.
    pub fn make_way(&mut self, now: Instant) {
        let now = self.catch_up(now);
        if let Phase::Releasing { release, .. } = &mut self.phase {
            release.make_way(now);
        }
    }

    /// Leaves a lock that is held to its keys: they stay until their TTL is over, and nothing more is sent. Does the same
    /// as [`release`](Self::release) with any other lock.
    pub fn forget(&mut self, now: Instant) {
        let now = self.catch_up(now);
        if matches!(self.phase, Phase::Held(_)) {
            self.phase = Phase::Finished;
        } else {
            self.release(now);
        }
    }

    /// Gives up whatever there is: releases a lock that is held or may have been acquired, stops an acquisition,
    /// supersedes all extensions. After it nothing but releases is ever sent.
    ///
    /// The release of a lock that was lost began with the loss. It goes on, and no node that has confirmed it is told
    /// again; the report never says that such a lock was released, but that it was over before.
    ///
    /// Ends with [`Event::Released`] if there was something to release. Does nothing more when called again.
    pub fn release(&mut self, now: Instant) {
        let now = self.catch_up(now);
        self.phase = match core::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Acquiring(attempt) | Phase::Won { attempt, .. } => {
                self.begin_release(attempt.claim(&self.config, &self.request), now)
            }
            Phase::Held(held) => self.begin_release(held.claim(&self.config, &self.request), now),
            Phase::Lost(lost) => Phase::Releasing { release: lost.release, reported: false },
            Phase::InLine | Phase::Waiting { .. } => Phase::Finished,
            over @ (Phase::Releasing { .. } | Phase::Finished) => over,
        };
        self.judge_release();
    }
}

/// # What comes in
impl Lock {
    /// Takes the reply of `node` to the command `id`. A reply to an old or unknown command is no vote, nor is a second
    /// reply to the same one.
    pub fn handle_reply(&mut self, id: CommandId, node: NodeId, reply: Reply, now: Instant) {
        let now = self.catch_up(now);
        let (resources, output) = (&self.request.resources, &mut self.output);
        if let Some(release) = self.earlier.iter_mut().find(|release| release.expects(id, node)) {
            // Nobody is told who has the keys that a failed attempt does not have.
            let reply = if reply == Reply::NotOurs { Reply::Missing } else { reply };
            self.others_want = release.handle_reply(resources, id, node, reply, now, output).or(self.others_want);
            self.earlier.retain(|release| !release.is_settled());
            return;
        }
        match &mut self.phase {
            Phase::Acquiring(attempt) | Phase::Won { attempt, .. } => {
                attempt.handle_reply(&self.request, id, node, reply, output);
                self.judge_attempt(now);
            }
            Phase::Held(held) => {
                held.handle_reply(&self.request, id, node, reply, output);
                self.judge_extensions(now);
            }
            Phase::Lost(lost) => {
                self.others_want = lost.release.handle_reply(resources, id, node, reply, now, output);
            }
            Phase::Releasing { release, .. } => {
                self.others_want = release.handle_reply(resources, id, node, reply, now, output);
                self.judge_release();
            }
            Phase::InLine | Phase::Waiting { .. } | Phase::Finished => {}
        }
    }

    /// Does what has become due. To be called at [`poll_timeout`](Self::poll_timeout), and harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.catch_up(now);
    }
}

/// # What goes out
impl Lock {
    /// Returns the next command to send. They are to be sent in the order in which they are polled.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.output.poll_command()
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.output.poll_event()
    }

    /// Returns the moment at which [`handle_timeout`](Self::handle_timeout) has something to do; `None` if it never
    /// has.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::InLine => Some(self.give_up_at),
            Phase::Acquiring(attempt) => attempt.poll_timeout(),
            Phase::Waiting { until } => Some(*until),
            Phase::Won { deadline, .. } => Some(*deadline),
            Phase::Held(held) => Some(held.poll_timeout()),
            Phase::Lost(lost) => lost.release.poll_timeout(),
            Phase::Releasing { release, .. } => release.poll_timeout(),
            Phase::Finished => None,
        };
        let earlier = self.earlier.iter().filter_map(Release::poll_timeout).min();
        Instant::earliest([phase, earlier])
    }
}

/// # Getters
impl Lock {
    /// Returns the resources that are locked.
    #[must_use]
    pub const fn resources(&self) -> &Resources {
        &self.request.resources
    }

    pub(crate) const fn request(&self) -> &Request {
        &self.request
    }

    /// Returns the number of attempts that were begun.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the end of the validity of a lock that is held or was lost; `None` for any other.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Won { deadline, .. } => Some(*deadline),
            Phase::Held(held) => Some(held.deadline),
            Phase::Lost(lost) => Some(lost.at),
            Phase::InLine | Phase::Acquiring(_) | Phase::Waiting { .. } | Phase::Releasing { .. } | Phase::Finished => {
                None
            }
        }
    }

    /// Returns whether the lock is held and valid at `now`. The state alone does not say it: the deadline does.
    #[must_use]
    pub fn is_held(&self, now: Instant) -> bool {
        match &self.phase {
            Phase::Held(held) => now.max(self.clock) < held.deadline,
            _ => false,
        }
    }

    /// Returns whether an acquisition is under way: the lock was neither handed over, nor given up, nor released.
    #[must_use]
    pub const fn is_acquiring(&self) -> bool {
        match &self.phase {
            Phase::InLine | Phase::Acquiring(_) | Phase::Waiting { .. } | Phase::Won { .. } => true,
            Phase::Held(_) | Phase::Lost(_) | Phase::Releasing { .. } | Phase::Finished => false,
        }
    }

    /// Returns whether the lock was given back by its owner.
    pub(crate) const fn is_releasing(&self) -> bool {
        matches!(self.phase, Phase::Releasing { .. })
    }

    /// Returns whether the next attempt waits for its time: until [`poll_timeout`](Self::poll_timeout) no reply can
    /// bring the acquisition on.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }

    /// Returns whether others of the same handle that want one of the resources have to wait for this one: it is being
    /// acquired or held, or its home has not answered the release and is still [waited for](Self::makes_way_at).
    #[must_use]
    pub fn is_in_the_way(&self) -> bool {
        match &self.phase {
            Phase::InLine | Phase::Acquiring(_) | Phase::Waiting { .. } | Phase::Won { .. } | Phase::Held(_) => true,
            Phase::Releasing { .. } => self.makes_way_at().is_some_and(|at| self.clock < at),
            Phase::Lost(_) | Phase::Finished => false,
        }
    }

    /// Returns when a lock that is being released gets out of others' way, although its home has not answered; `None` if
    /// it has, and for any other lock.
    #[must_use]
    pub fn makes_way_at(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Releasing { release, .. } => release.makes_way_at(),
            _ => None,
        }
    }

    /// Returns the nodes that have all keys of a lock that is held, as far as their latest replies tell: those that have
    /// granted it, also after the hand-over, that have confirmed its last extension, or that were given back the keys that
    /// they had lost. Empty for a lock that is not held.
    #[must_use]
    pub const fn held_on(&self) -> NodeSet {
        match &self.phase {
            Phase::Held(held) => held.keepers,
            _ => NodeSet::EMPTY,
        }
    }

    /// Returns the fences of a lock that is held, if it is fenced.
    #[must_use]
    pub fn fences(&self) -> Option<&Fences> {
        match &self.phase {
            Phase::Held(held) => held.fences(),
            _ => None,
        }
    }

    /// Returns whether a lock that was just handed over took a second round for its fences; `None` for any other, and for one
    /// that has no new fences.
    pub(crate) fn commit_round(&self) -> Option<bool> {
        match &self.phase {
            Phase::Held(held) => held.commit_round(),
            _ => None,
        }
    }

    /// Returns what somebody else needs to [adopt](Request::adopting) a lock that is held and valid at `now`; `None` for any other.
    #[must_use]
    pub fn detached(&self, now: Instant) -> Option<DetachedLock> {
        match &self.phase {
            Phase::Held(held) if self.is_held(now) => Some(held.detached(&self.request)),
            _ => None,
        }
    }

    /// Returns the token of a lock that is held, or was won and not handed over.
    pub(crate) const fn token(&self) -> Option<&Token> {
        match &self.phase {
            Phase::Won { attempt, .. } => Some(&attempt.token),
            Phase::Held(held) => Some(held.token()),
            _ => None,
        }
    }

    /// Returns how the lock was lost, if it was.
    #[must_use]
    pub fn loss(&self) -> Option<&Loss> {
        match &self.phase {
            Phase::Lost(lost) => Some(&lost.loss),
            _ => None,
        }
    }

    /// Returns whether no release waits for a node that is still in time: all that could be told was told.
    ///
    /// A node that was down, or silent for too long, is told again later; see [`is_settled`](Self::is_settled).
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let phase = match &self.phase {
            Phase::Releasing { release, reported } => *reported && release.is_quiet(),
            Phase::Lost(lost) => lost.release.is_quiet(),
            _ => true,
        };
        phase && self.earlier.iter().all(Release::is_quiet)
    }

    /// Returns whether the machine has nothing left to do and can be dropped: every node has confirmed the release, or
    /// the keys' TTL is over.
    ///
    /// The TTL also covers what a release can no longer reach: a command that a node carries out only after that time,
    /// because it hung, leaves its key for another TTL at most.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let phase = match &self.phase {
            Phase::Releasing { release, reported } => *reported && release.is_settled(),
            Phase::Finished => true,
            _ => false,
        };
        phase && self.earlier.is_empty()
    }
}

/// Returns the token's secret and the seed of the jitter.
fn split(seed: [u8; 32]) -> (TokenSecret, u64) {
    let (front, back) = seed.split_at(TokenSecret::LEN);
    let mut secret = [0; TokenSecret::LEN];
    secret.copy_from_slice(front);
    let jitter = back.iter().take(8).fold(0, |seed, &byte| seed << 8 | u64::from(byte));
    (TokenSecret::new(secret), jitter)
}
