use core::ops::Deref;
use core::time::Duration;

use super::LockMachine;
use crate::output::{Context, Output};
use crate::report::ExtendError;
use crate::{Command, CommandId, Config, Event, Instant, NodeId, NodeSet, OperationId, Reply, Request};

/// One lock's whole life, as a pure state machine: acquire, hold, extend, release.
///
/// The methods come in four kinds:
///
/// - **verbs** begin something: [`acquire`](Self::acquire), [`hand_over`](Self::hand_over),
///   [`extend`](Self::extend), [`release`](Self::release);
/// - **`handle_*`** take what came in from outside: [`handle_reply`](Self::handle_reply),
///   [`handle_timeout`](Self::handle_timeout);
/// - **`poll_*`** give what is to go out: [`poll_command`](Self::poll_command), [`poll_event`](Self::poll_event),
///   [`poll_timeout`](LockMachine::poll_timeout);
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
    machine: LockMachine,
    output: Output,
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
        Self { config: config.clone(), machine: LockMachine::in_line(request, seed, now), output: Output::new() }
    }

    /// Copies a lock out of [`Locks`](crate::Locks), for checks that look at what a step would make of it.
    #[must_use]
    pub fn copy_of(config: &Config, machine: &LockMachine) -> Self {
        Self { config: config.clone(), machine: machine.clone(), output: Output::new() }
    }

    /// Lets a lock that stands in line ask the nodes. Does nothing with any other.
    pub fn begin(&mut self, now: Instant) {
        self.step(|machine, context| machine.begin(context, now));
    }

    /// Lets a lock that stands in line ask the nodes after a random wait, as after a failed attempt. Does nothing with any
    /// other.
    pub fn begin_later(&mut self, now: Instant) {
        self.step(|machine, context| machine.begin_later(context, now));
    }

    /// Lets a lock that stands in line give up, unless its request may wait: it has time for that and is not for
    /// [one attempt](crate::Options::attempts).
    pub fn wait_in_line(&mut self, now: Instant) {
        self.step(|machine, context| machine.wait_in_line(context, now));
    }

    /// Hands the lock over to its caller, if it is still good for that; to be called after [`Event::Acquired`], at
    /// the moment at which the caller gets to run.
    ///
    /// The clock is read twice on purpose: replies may wait in a buffer, or the caller for the processor, until the
    /// validity is over. In that case, or when less than [`Options::min_validity`](crate::Options::min_validity) is
    /// left, the answer is `false`: the lock was given back, and the machine goes on as after any attempt that failed.
    #[must_use = "a lock that was not handed over is not held"]
    pub fn hand_over(&mut self, now: Instant) -> bool {
        self.step(|machine, context| machine.hand_over(context, now))
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
        self.step(|machine, context| machine.extend(context, ttl, now))
    }

    /// Lets others of the same handle ask for the resources of a lock that is being released before these homes have had their
    /// say: because they will not answer soon, or because nobody waits who could be overtaken. The commands of the others
    /// are behind the release all the same. Does nothing with any other lock.
    pub fn expect_no_word(&mut self, homes: NodeSet) {
        self.step(|machine, _| machine.expect_no_word(homes));
    }

    /// Leaves a lock that is held to its keys: they stay until their TTL is over, and nothing more is sent. Does the same
    /// as [`release`](Self::release) with any other lock.
    pub fn forget(&mut self, now: Instant) {
        self.step(|machine, context| machine.forget(context, now));
    }

    /// Gives up whatever there is: releases a lock that is held or may have been acquired, stops an acquisition,
    /// supersedes all extensions. After it nothing but releases is ever sent.
    ///
    /// The release of a lock that was lost began with the loss. It goes on, and no node that has confirmed it is told
    /// again; the report never says that such a lock was released, but that it was over before.
    ///
    /// Ends with [`Event::Released`] if there was something to release. Does nothing more when called again.
    pub fn release(&mut self, now: Instant) {
        self.step(|machine, context| machine.release(context, now));
    }
}

/// # What comes in
impl Lock {
    /// Takes the reply of `node` to the command `id`. A reply to an old or unknown command is no vote, nor is a second
    /// reply to the same one.
    pub fn handle_reply(&mut self, id: CommandId, node: NodeId, reply: Reply, now: Instant) {
        self.step(|machine, context| machine.handle_reply(context, id, node, reply, now));
    }

    /// Does what has become due. To be called at [`poll_timeout`](LockMachine::poll_timeout), and harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.step(|machine, context| machine.handle_timeout(context, now));
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

    /// Returns whether others wait for what was released, if the home has said it since this was last asked.
    pub const fn take_others_want(&mut self) -> Option<bool> {
        self.machine.take_others_want()
    }
}

impl Lock {
    fn step<T>(&mut self, step: impl FnOnce(&mut LockMachine, &mut Context<'_>) -> T) -> T {
        self.machine.step(&self.config, &mut self.output, step)
    }
}

/// It can be asked what every lock can be asked.
impl Deref for Lock {
    type Target = LockMachine;

    fn deref(&self) -> &LockMachine {
        &self.machine
    }
}
