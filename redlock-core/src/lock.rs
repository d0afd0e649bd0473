mod acquiring;
mod by_hand;
mod held;
mod kinds;
mod minting;
mod release;
mod transitions;
mod turn;

use alloc::boxed::Box;
use core::time::Duration;

use self::acquiring::{Attempt, Failure};
pub use self::by_hand::Lock;
pub(crate) use self::held::Extension;
use self::held::Held;
pub(crate) use self::kinds::Kinds;
use self::release::Release;
pub(crate) use self::turn::{NoTurn, Turn};
use crate::backoff::Backoff;
use crate::fence::Fences;
use crate::output::{Context, Output};
use crate::rare_list::RareList;
use crate::report::{AcquireError, ExtendError, Loss};
use crate::token::TokenSecret;
use crate::{
    CommandId, Config, DetachedLock, Instant, NodeId, NodeSet, OperationId, Reply, Request, Resources, Token, Ttl,
};

/// The machine of one lock: what can be asked of a [`Lock`] that is driven by hand, and of one among [`Locks`](crate::Locks).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockMachine {
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
    next_command: CommandId,
    /// Where it waits for its turn, when it does not try now and then.
    turn: Option<Turn>,
    /// How often it has left a queue to wait in another one, since it had a place or has asked all nodes.
    moves: u8,
    /// It was called up, and has not begun an attempt since.
    is_called_up: bool,
    /// What a home has just said about a release: whether somebody else was called up.
    others_want: Option<(NodeId, bool)>,
    /// A home at which it could not wait.
    lost_home: Option<(NodeId, NoTurn)>,
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
    Releasing(Release),
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

impl LockMachine {
    /// The bytes that an extension takes beside the machine.
    pub(crate) const BYTES_PER_EXTENSION: usize = Held::BYTES_PER_EXTENSION;

    /// Takes a step. Its commands are numbered on from those of earlier steps.
    pub(crate) fn step<T>(
        &mut self,
        config: &Config,
        output: &mut Output,
        step: impl FnOnce(&mut Self, &mut Context<'_>) -> T,
    ) -> T {
        output.go_on_from(self.next_command);
        let result = step(self, &mut Context { config, output });
        self.next_command = output.next_id();
        result
    }
}

/// # Verbs, as [`Lock`] explains them
impl LockMachine {
    /// Begins in line.
    pub(crate) fn in_line(request: Request, seed: [u8; 32], now: Instant) -> Self {
        let (secret, jitter) = split(seed);
        Self {
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
            next_command: CommandId::FIRST,
            turn: None,
            moves: 0,
            is_called_up: false,
            others_want: None,
            lost_home: None,
        }
    }

    pub(crate) fn begin(&mut self, context: &mut Context<'_>, now: Instant) {
        let now = self.catch_up(context, now);
        if matches!(self.phase, Phase::InLine) {
            self.begin_attempt(context, now);
        }
    }

    pub(crate) fn begin_later(&mut self, context: &mut Context<'_>, now: Instant) {
        let now = self.catch_up(context, now);
        if matches!(self.phase, Phase::InLine) {
            let delay = self.backoff.next(self.request.options.retry_delay, self.give_up_at.saturating_since(now));
            self.phase = Phase::Waiting { until: now.saturating_add(delay) };
        }
    }

    pub(crate) fn wait_in_line(&mut self, context: &mut Context<'_>, now: Instant) {
        let now = self.catch_up(context, now);
        let may_wait = self.request.options.attempts != Some(1) && self.give_up_at > now;
        if matches!(self.phase, Phase::InLine) && !may_wait {
            self.give_up_in_line(context, now);
        }
    }

    pub(crate) fn hand_over(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        let now = self.catch_up(context, now);
        let Phase::Won { deadline, .. } = self.phase else {
            return self.is_held(now);
        };
        let is_good = now.saturating_add(self.request.options.min_validity.get()) < deadline;
        if !is_good {
            self.fail_attempt(context, Failure::Expired, now);
        } else if let Phase::Won { attempt, .. } = core::mem::replace(&mut self.phase, Phase::Finished) {
            self.phase = Phase::Held(Held::new(context.config, attempt, deadline, &self.request, now));
        }
        is_good
    }

    pub(crate) fn extend(
        &mut self,
        context: &mut Context<'_>,
        ttl: Duration,
        now: Instant,
    ) -> Result<OperationId, ExtendError> {
        let ttl = Ttl::new(context.config, ttl)?;
        let now = self.catch_up(context, now);
        match &mut self.phase {
            Phase::Held(held) => {
                let operation = self.next_operation;
                self.next_operation = operation.next();
                held.extend(context.config, &self.request, operation, ttl, now, context.output);
                Ok(operation)
            }
            Phase::Lost(lost) => Err(ExtendError::Lost(lost.loss.clone())),
            _ => Err(ExtendError::NotHeld),
        }
    }

    pub(crate) fn make_way(&mut self, context: &mut Context<'_>, now: Instant) {
        let now = self.catch_up(context, now);
        if let Phase::Releasing(release) = &mut self.phase {
            release.make_way(now);
        }
    }

    /// Lets nobody wait for the word of these homes about a release that has begun.
    pub(crate) const fn expect_no_word(&mut self, homes: NodeSet) {
        if let Phase::Releasing(release) = &mut self.phase {
            release.expect_no_word(homes);
        }
    }

    pub(crate) fn forget(&mut self, context: &mut Context<'_>, now: Instant) {
        let now = self.catch_up(context, now);
        if matches!(self.phase, Phase::Held(_)) {
            self.phase = Phase::Finished;
        } else {
            self.release(context, now);
        }
    }

    pub(crate) fn release(&mut self, context: &mut Context<'_>, now: Instant) {
        let now = self.catch_up(context, now);
        self.phase = match core::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Acquiring(attempt) | Phase::Won { attempt, .. } => {
                let claim = attempt.claim(context.config, &self.request);
                self.begin_release(context, claim, now)
            }
            Phase::Held(held) => {
                let claim = held.claim(context.config, &self.request);
                self.begin_release(context, claim, now)
            }
            Phase::Lost(lost) => Phase::Releasing(lost.release),
            Phase::InLine | Phase::Waiting { .. } => Phase::Finished,
            over @ (Phase::Releasing(_) | Phase::Finished) => over,
        };
        self.judge_release(context);
    }
}

/// # What comes in, as [`Lock`] explains it
impl LockMachine {
    pub(crate) fn handle_reply(
        &mut self,
        context: &mut Context<'_>,
        id: CommandId,
        node: NodeId,
        reply: Reply,
        now: Instant,
    ) {
        let now = self.catch_up(context, now);
        let (request, output) = (&self.request, &mut *context.output);
        if let Some(release) = self.earlier.iter_mut().find(|release| release.expects(id, node)) {
            // Nobody is told who has the keys that a failed attempt does not have.
            let reply = if matches!(reply, Reply::NotOurs) { Reply::Missing } else { reply };
            let word = release.handle_reply(request, id, node, reply, now, output);
            self.others_want = word.map(|others_want| (node, others_want)).or(self.others_want);
            self.earlier.retain(|release| !release.is_settled());
            return;
        }
        match &mut self.phase {
            Phase::Acquiring(attempt) | Phase::Won { attempt, .. } => {
                attempt.handle_reply(request, id, node, reply, output);
                self.judge_attempt(context, now);
            }
            Phase::Held(held) => {
                held.handle_reply(request, id, node, reply, output);
                self.judge_extensions(context, now);
            }
            Phase::Lost(lost) => {
                let word = lost.release.handle_reply(request, id, node, reply, now, output);
                self.others_want = word.map(|others_want| (node, others_want));
            }
            Phase::Releasing(release) => {
                let word = release.handle_reply(request, id, node, reply, now, output);
                self.others_want = word.map(|others_want| (node, others_want));
                self.judge_release(context);
            }
            Phase::InLine | Phase::Waiting { .. } | Phase::Finished => {}
        }
    }

    pub(crate) fn handle_timeout(&mut self, context: &mut Context<'_>, now: Instant) {
        self.catch_up(context, now);
    }
}

/// # What goes out
impl LockMachine {
    /// Returns the moment at which [`Lock::handle_timeout`] has something to do; `None` if it never
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
            Phase::Releasing(release) => release.poll_timeout(),
            Phase::Finished => None,
        };
        let earlier = self.earlier.iter().filter_map(Release::poll_timeout).min();
        Instant::earliest([phase, earlier])
    }
}

/// # Getters
impl LockMachine {
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
            Phase::InLine | Phase::Acquiring(_) | Phase::Waiting { .. } | Phase::Releasing(_) | Phase::Finished => None,
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
            Phase::Held(_) | Phase::Lost(_) | Phase::Releasing(_) | Phase::Finished => false,
        }
    }

    /// Returns whether the lock was given back by its owner.
    pub(crate) const fn is_releasing(&self) -> bool {
        matches!(self.phase, Phase::Releasing(_))
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
            Phase::Releasing(_) => self.makes_way_at().is_some_and(|at| self.clock < at),
            Phase::Lost(_) | Phase::Finished => false,
        }
    }

    /// Returns when a lock that is being released gets out of others' way, although its home has not answered; `None` if
    /// it has, and for any other lock.
    #[must_use]
    pub fn makes_way_at(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Releasing(release) => release.makes_way_at(),
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

    /// Returns whether a lock that was won took a second round for its fences; `None` for any other, and for one that has no
    /// new fences.
    pub(crate) fn commit_round(&self) -> Option<bool> {
        match &self.phase {
            Phase::Won { attempt, .. } => attempt.commit_round(),
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
            Phase::Releasing(release) => release.is_reported() && release.is_quiet(),
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
            Phase::Releasing(release) => release.is_reported() && release.is_settled(),
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
