mod acquiring;
mod by_hand;
mod getters;
mod held;
mod kept_turns;
mod kinds;
mod minting;
mod release;
mod transitions;
mod turn;

use alloc::boxed::Box;
use core::time::Duration;

use self::acquiring::{Attempt, Failure};
pub use self::by_hand::Lock;
use self::held::Held;
use self::kept_turns::KeptTurns;
pub(crate) use self::kinds::Kinds;
use self::release::Release;
pub(crate) use self::turn::{NoTurn, Turn};
use crate::backoff::Backoff;
use crate::output::{Context, Output};
use crate::rare_list::RareList;
use crate::report::{AcquireError, ExtendError, Loss};
use crate::token::TokenSecret;
use crate::{CommandId, Config, Instant, NodeId, NodeSet, OperationId, Reply, Request, Ttl};

/// The machine of one lock: what can be asked of a [`Lock`] that is driven by hand, and of one among [`Locks`](crate::Locks).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockMachine {
    request: Request,
    secret: TokenSecret,
    backoff: Backoff,
    started_at: Instant,
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
    kept_turns: KeptTurns,
    /// How often it has left a queue to wait in another one, since it had a place or has asked all nodes.
    moves: u8,
    /// It was called up, and has not begun an attempt since.
    is_called_up: bool,
    /// The last attempt that was in vain although it was called up.
    in_vain: u32,
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
            kept_turns: KeptTurns::new(),
            moves: 0,
            is_called_up: false,
            in_vain: 0,
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
            let delay = self.backoff.next(self.request.options.retry_delay, self.give_up_at().saturating_since(now));
            self.phase = Phase::Waiting { until: now.saturating_add(delay) };
        }
    }

    pub(crate) fn wait_in_line(&mut self, context: &mut Context<'_>, now: Instant) {
        let now = self.catch_up(context, now);
        let may_wait = self.request.options.attempts != Some(1) && self.give_up_at() > now;
        if matches!(self.phase, Phase::InLine) && !may_wait {
            self.give_up_in_line(context, now);
        }
    }

    pub(crate) fn hand_over(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        let now = self.catch_up(context, now);
        let Phase::Won { deadline, .. } = self.phase else {
            return self.is_held(now);
        };
        let is_good = now.after(self.request.options.min_validity) < deadline;
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

    /// Lets nobody wait any longer for the word of these homes about a release that has begun.
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
        if !self.earlier.is_empty() {
            self.earlier.iter_mut().for_each(|release| release.handle_owed(id, node, &reply));
            self.earlier.retain(|release| !release.is_settled());
        }
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
                lost.release.handle_owed(id, node, &reply);
                let word = lost.release.handle_reply(request, id, node, reply, now, output);
                self.others_want = word.map(|others_want| (node, others_want));
            }
            Phase::Releasing(release) => {
                release.handle_owed(id, node, &reply);
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
            Phase::InLine => Some(self.give_up_at()),
            Phase::Acquiring(attempt) => attempt.poll_timeout(),
            Phase::Waiting { until } => Some(*until),
            Phase::Won { deadline, .. } => Some(*deadline),
            Phase::Held(held) => Some(held.poll_timeout()),
            Phase::Lost(lost) => lost.release.poll_timeout(),
            Phase::Releasing(release) => release.poll_timeout(),
            Phase::Finished => None,
        };
        if self.earlier.is_empty() && self.kept_turns.is_empty() {
            return phase;
        }
        let earlier = self.earlier.iter().filter_map(Release::poll_timeout).min();
        Instant::earliest([phase, earlier, self.kept_turns.poll_timeout()])
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
