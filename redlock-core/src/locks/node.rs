use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::LockKey;
use super::outbox::{Outbox, Ticket};
use super::round_trip::RoundTrip;
use super::trust::Trust;
use crate::health::ConnectionState;
use crate::{Action, Cause, Command, CommandId, Config, Instant, NodeSet, ScriptForm, Unavailable};

/// The wait before the second try to connect; it doubles up to [`MAX_RECONNECT_DELAY`].
const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(20);
/// The longest wait between two tries to connect: for so long a node that is back may stay unused.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// One node: its connection, the commands that wait for it, and the replies that it owes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    link: Link,
    /// When the link came to be up or down as it is; `None` before the first try to connect has come to an end.
    changed_at: Option<Instant>,
    /// When the connection was last heard of, or was first owed something again.
    heard_at: Instant,
    /// When the server was last asked for its clock.
    looked_at: Instant,
    reconnect_delay: Duration,
    /// The commands that were not sent, in the order in which they must reach the node.
    queue: Outbox,
    /// The releases of which the node was told in vain: they wait until it is connected.
    owed: Outbox,
    /// What was sent and not answered, the oldest first.
    tickets: VecDeque<Ticket>,
    /// The node is no home until then.
    distrusted_until: Instant,
    round_trip: RoundTrip,
    pub(super) trust: Trust,
    /// Why the queue of the connection was closed, if its node has said it.
    no_queue: Option<Unavailable>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Link {
    /// A connection is wanted, and nobody is opening one.
    Wanted(Earlier),
    /// A connection is being opened.
    Connecting(Earlier),
    Connected {
        /// The connection has answered something.
        is_useful: bool,
        queue: Queue,
    },
    /// The last try has failed; the next begins at `until`.
    Pausing { until: Instant, why: Unavailable },
    /// No connection is wanted any more.
    GivenUp(Unavailable),
}

/// Whether this handle may wait in the queues of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Queue {
    /// It would not hear that it is called up, or the node does not let it.
    Closed,
    /// It may when it has subscribed, and nobody is to wait yet.
    Open,
    /// Somebody is to wait: it is to subscribe.
    Wanted,
    /// It is subscribing.
    Subscribing { since: Instant },
    /// It may.
    Subscribed,
}

/// For so long nobody waits in the queues of a node that has not said whose turn it is, or by which nobody was heard.
const DISTRUST: Duration = Duration::from_secs(1);

/// A subscription that takes longer than this is made again, if somebody is to wait then.
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(1);

/// A node that has owed an answer for so long, and for four round trips, hangs: nobody waits in its queues.
const SILENCE: Duration = Duration::from_millis(100);

/// The failure of the last try to connect, if there was one since the node was connected: then commands are refused
/// instead of waiting for the next try, so that a node that is down costs nobody any time.
type Earlier = Option<Unavailable>;

/// What the time has brought to a node.
pub(super) enum Due {
    Nothing,
    /// There is a connection to be opened, or something to be sent.
    Ready,
    /// The connection is of no use any more: no reply to what is under way will come. Another one is wanted.
    Silent(Unavailable),
}

/// # Commands
impl Node {
    pub(super) fn new() -> Self {
        Self {
            link: Link::Wanted(None),
            changed_at: None,
            heard_at: Instant::EPOCH,
            looked_at: Instant::EPOCH,
            reconnect_delay: MIN_RECONNECT_DELAY,
            queue: Outbox::default(),
            owed: Outbox::default(),
            tickets: VecDeque::new(),
            distrusted_until: Instant::EPOCH,
            round_trip: RoundTrip::default(),
            trust: Trust::default(),
            no_queue: None,
        }
    }

    /// Takes a command that is to be sent, or says why it cannot be. A release that is told again waits until it can be.
    pub(super) fn push(&mut self, ticket: Ticket, mut command: Command, now: Instant) -> Result<(), Unavailable> {
        if let Some(why) = self.trust.unsuitable().filter(|_| !matches!(command.action, Action::Release { .. })) {
            return Err(why.clone().unsent());
        }
        match self.refusal() {
            Some(_) if command.is_repeated => self.owed.push(ticket, command, now),
            Some(why) => return Err(why.clone().unsent()),
            None => {
                command.grace = self.round_trip.grace();
                self.queue.push(ticket, command, now);
            }
        }
        Ok(())
    }

    /// Returns whether a batch can be taken.
    pub(super) fn has_batch(&self) -> bool {
        self.is_connected() && !self.queue.is_empty()
    }

    /// Returns the commands of locks that wait to be sent.
    pub(super) fn queued(&self) -> impl Iterator<Item = (LockKey, &Command)> {
        self.owed.iter().chain(self.queue.iter()).filter_map(|(ticket, command)| match ticket {
            Ticket::Lock { key, .. } => Some((*key, command)),
            Ticket::Inspection(_) | Ticket::Clock { .. } | Ticket::Aside => None,
        })
    }

    /// Moves the next commands into `batch`; those whose time to be sent is over go to `overdue`.
    pub(super) fn take_batch(&mut self, batch: &mut Vec<Command>, now: Instant, overdue: impl FnMut(Ticket)) {
        if !self.is_connected() {
            return;
        }
        let owed_nothing = self.tickets.is_empty();
        self.queue.take_batch(batch, &mut self.tickets, now, overdue);
        if owed_nothing && !self.tickets.is_empty() {
            self.heard_at = now;
            self.round_trip.begins(now);
        }
    }

    /// Takes the ticket of the oldest command that is not answered.
    pub(super) fn take_ticket(&mut self) -> Option<Ticket> {
        self.tickets.pop_front()
    }

    /// Forgets the commands that wait to be sent; yields their tickets.
    pub(super) fn forget_waiting(&mut self) -> impl Iterator<Item = Ticket> + use<> {
        self.queue.clear()
    }
}

/// # The wait queues
impl Node {
    /// Returns whether this handle may wait in the queues of the node, as soon as it has subscribed.
    pub(super) fn is_queue_open(&self, now: Instant) -> bool {
        let is_closed = matches!(self.link, Link::Connected { queue: Queue::Closed, .. });
        self.may_answer(now) && !is_closed && now >= self.distrusted_until
    }

    /// Returns whether the node is connected, and does not hang as far as is known.
    pub(super) fn may_answer(&self, now: Instant) -> bool {
        self.is_connected() && !self.hangs(now)
    }

    /// Returns whether the first connection is being opened, so that nothing is known of the node.
    pub(super) const fn is_unknown(&self) -> bool {
        matches!(self.link, Link::Wanted(None) | Link::Connecting(None))
    }

    fn hangs(&self, now: Instant) -> bool {
        let patience = self.round_trip.smoothed().saturating_mul(4).saturating_add(SILENCE);
        !self.tickets.is_empty() && now.saturating_since(self.heard_at) > patience
    }

    /// Returns whether this handle hears when it is called up.
    pub(super) const fn is_subscribed(&self) -> bool {
        matches!(self.link, Link::Connected { queue: Queue::Subscribed, .. })
    }

    /// Lets this handle subscribe, unless it does so already.
    pub(super) fn want_subscription(&mut self, now: Instant) {
        if let Link::Connected { queue, .. } = &mut self.link {
            match queue {
                Queue::Open => *queue = Queue::Wanted,
                Queue::Subscribing { since } if now.saturating_since(*since) >= SUBSCRIBE_WITHIN => {
                    *queue = Queue::Wanted;
                }
                Queue::Closed | Queue::Wanted | Queue::Subscribing { .. } | Queue::Subscribed => {}
            }
        }
    }

    /// Returns whether this handle is to subscribe now.
    pub(super) const fn wants_subscription(&self) -> bool {
        matches!(self.link, Link::Connected { queue: Queue::Wanted, .. })
    }

    /// Returns whether this handle is to subscribe now; it counts as subscribing from then on.
    pub(super) const fn begin_subscribing(&mut self, now: Instant) -> bool {
        let Link::Connected { queue: queue @ Queue::Wanted, .. } = &mut self.link else { return false };
        *queue = Queue::Subscribing { since: now };
        true
    }

    /// Notes that this handle hears from now on when it is called up; returns whether it may wait.
    pub(super) fn subscribed(&mut self) -> bool {
        if let Link::Connected { queue, .. } = &mut self.link
            && *queue != Queue::Closed
        {
            *queue = Queue::Subscribed;
        }
        self.is_subscribed()
    }

    /// Notes that this handle hears nothing. It subscribes again after a while, unless its user may not.
    pub(super) fn deaf(&mut self, why: &Unavailable, now: Instant) {
        if matches!(why.cause(), Cause::NoPermission | Cause::UnknownCommand) {
            self.close_queue(why.clone());
        } else if let Link::Connected { queue, .. } = &mut self.link
            && *queue != Queue::Closed
        {
            *queue = Queue::Open;
            self.distrust(now);
        }
    }

    /// Notes that the node keeps no queue for this handle.
    pub(super) fn close_queue(&mut self, why: Unavailable) {
        self.no_queue = Some(why);
        if let Link::Connected { queue, .. } = &mut self.link {
            *queue = Queue::Closed;
        }
    }

    /// Notes that the node has not said whose turn it is.
    pub(super) fn distrust(&mut self, now: Instant) {
        self.distrusted_until = now.saturating_add(DISTRUST);
    }

    /// Queues a command that belongs to no lock, if the node is connected, to be sent within a time.
    pub(super) fn push_aside(&mut self, ticket: Ticket, action: Action, within: Duration, now: Instant) {
        if self.is_connected() {
            // Nobody waits for the answer that the script is not known.
            let (id, nodes, form) = (CommandId::NO_LOCK, NodeSet::EMPTY, ScriptForm::Source);
            let send_by = now.saturating_add(within);
            let grace = self.round_trip.grace();
            let command = Command { id, nodes, action, send_by, form, grace, is_repeated: false };
            self.queue.push(ticket, command, now);
        }
    }
}

/// # The connection
impl Node {
    /// Returns whether a connection is to be opened now; it counts as being opened from then on.
    pub(super) fn begin_connecting(&mut self) -> bool {
        let Link::Wanted(earlier) = &mut self.link else { return false };
        self.link = Link::Connecting(earlier.take());
        true
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self.link, Link::Connected { .. })
    }

    pub(super) fn connected(&mut self, announces: bool, config: &Config, now: Instant) {
        let queue = if announces { Queue::Open } else { Queue::Closed };
        self.link = Link::Connected { is_useful: false, queue };
        (self.changed_at, self.heard_at) = (Some(now), now);
        self.no_queue = None;
        self.round_trip.is_cut_off();
        self.queue.prepend(&mut self.owed);
        self.looked_at = now;
        // What waits to be sent goes first, and alone: a client library may take the refusal of one command for the end.
        if self.tells_time() && self.queue.is_empty() {
            self.look_at_clock(config, now);
        }
    }

    /// Returns whether the server is one that can be asked what time it is.
    fn tells_time(&self) -> bool {
        self.trust.facts.version().is_some()
    }

    /// Asks the server what time it is.
    fn look_at_clock(&mut self, config: &Config, now: Instant) {
        self.looked_at = now;
        self.push_aside(Ticket::Clock { asked_at: now }, Action::ReadClock, config.silence_timeout(), now);
    }

    /// Returns how the connection is.
    pub(super) fn connection_state(&self, now: Instant) -> ConnectionState {
        let since = self.changed_at.map_or(Duration::ZERO, |at| now.saturating_since(at));
        match &self.link {
            Link::Wanted(None) | Link::Connecting(None) => ConnectionState::Connecting,
            Link::Connected { .. } => ConnectionState::Connected { since },
            Link::Wanted(Some(why)) | Link::Connecting(Some(why)) | Link::Pausing { why, .. } | Link::GivenUp(why) => {
                ConnectionState::Down { since, why: why.clone() }
            }
        }
    }

    /// Returns how long the node takes to answer, if that was measured.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        Some(self.round_trip.smoothed()).filter(|took| !took.is_zero())
    }

    /// Returns whether nobody can wait in the queues of the node over this connection.
    pub(super) const fn has_no_queue(&self) -> bool {
        matches!(self.link, Link::Connected { queue: Queue::Closed, .. })
    }

    /// Returns why that is, if the node has said it.
    pub(super) const fn why_no_queue(&self) -> Option<&Unavailable> {
        self.no_queue.as_ref()
    }

    /// Returns when the connection was last heard of.
    pub(super) const fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Notes that the connection has answered.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.round_trip.ends(now);
        if let Link::Connected { is_useful, .. } = &mut self.link {
            *is_useful = true;
        }
    }

    /// A connection that was of use is opened again at once; after any other failure there is a pause.
    pub(super) fn disconnected(&mut self, why: &Unavailable, now: Instant) {
        if self.is_connected() || self.changed_at.is_none() {
            self.changed_at = Some(now);
        }
        match &self.link {
            Link::Connected { is_useful: true, .. } => self.start_over(),
            Link::Connected { .. } | Link::Wanted(_) | Link::Connecting(_) => {
                let until = now.saturating_add(self.reconnect_delay);
                self.link = Link::Pausing { until, why: why.clone() };
                self.reconnect_delay = self.reconnect_delay.saturating_mul(2).min(MAX_RECONNECT_DELAY);
            }
            Link::Pausing { .. } | Link::GivenUp(_) => {}
        }
    }

    /// Wants a connection as at the beginning.
    pub(super) fn start_over(&mut self) {
        self.link = Link::Wanted(None);
        self.reconnect_delay = MIN_RECONNECT_DELAY;
    }

    pub(super) fn give_up(&mut self, why: &Unavailable, now: Instant) {
        self.changed_at = Some(now);
        self.link = Link::GivenUp(why.clone());
    }

    /// Returns why commands are refused, if they are.
    pub(super) fn refusal(&self) -> Option<&Unavailable> {
        match &self.link {
            Link::Wanted(earlier) | Link::Connecting(earlier) => earlier.as_ref(),
            Link::Pausing { why, .. } | Link::GivenUp(why) => Some(why),
            Link::Connected { .. } => None,
        }
    }

    pub(super) fn poll_timeout(&self, config: &Config) -> Option<Instant> {
        match &self.link {
            Link::Pausing { until, .. } => Some(*until),
            Link::Connected { .. } => Instant::earliest([self.silent_at(config), self.look_at(config)]),
            _ => None,
        }
    }

    /// Returns when a connection that owes a reply is given up.
    fn silent_at(&self, config: &Config) -> Option<Instant> {
        (!self.tickets.is_empty()).then(|| self.heard_at.saturating_add(config.silence_timeout()))
    }

    /// Returns when the server is asked for its clock: because the connection was not used, or because it was not looked at
    /// for long.
    fn look_at(&self, config: &Config) -> Option<Instant> {
        let interval = config.ping_interval()?;
        let last = if self.tickets.is_empty() && self.queue.is_empty() {
            self.heard_at
        } else if self.tells_time() {
            self.looked_at
        } else {
            return None;
        };
        Some(last.saturating_add(interval))
    }

    /// Does what has become due: ends a pause, gives up a connection that has been silent for too long, or tries out one
    /// that was not used.
    pub(super) fn handle_timeout(&mut self, config: &Config, now: Instant) -> Due {
        if self.poll_timeout(config).is_none_or(|at| now < at) {
            return Due::Nothing;
        }
        match &self.link {
            Link::Pausing { why, .. } => {
                self.link = Link::Wanted(Some(why.clone()));
                Due::Ready
            }
            Link::Connected { .. } if self.silent_at(config).is_none_or(|at| now < at) => {
                self.look_at_clock(config, now);
                Due::Ready
            }
            _ => {
                self.changed_at = Some(now);
                let why = silent(config.silence_timeout());
                self.link = Link::Wanted(Some(why.clone()));
                Due::Silent(why)
            }
        }
    }
}

fn silent(timeout: Duration) -> Unavailable {
    Unavailable::with_detail(Cause::Disconnected, &format!("no reply to anything for {timeout:?}"))
}

#[cfg(test)]
mod tests {
    use super::super::outbox::MAX_BATCH;
    use super::*;
    use crate::observed::Verb;
    use crate::{Lock, Options, Request};

    #[test]
    fn what_waits_for_a_node_that_hangs_is_forgotten_when_its_time_is_over() {
        let config = Config::builder(["only"]).build().unwrap();
        let request = Request::new(&config, "job", Duration::from_secs(1), Options::new()).unwrap();
        let mut node = Node::new();
        node.connected(false, &config, Instant::EPOCH);
        for millis in 0..100_000 {
            let now = Instant::from_epoch(Duration::from_millis(millis));
            let command = Lock::acquire(&config, request.clone(), [0; 32], now).poll_command().unwrap();
            let ticket = Ticket::Lock {
                key: LockKey { serial: millis, index: 0 },
                id: command.id,
                is_acquisition: true,
                verb: Verb::Acquire,
            };
            node.push(ticket, command, now).unwrap();
            assert!(node.queue.iter().count() <= 2 * MAX_BATCH);
        }
        node.take_batch(&mut Vec::new(), Instant::EPOCH, |_| panic!("all are in time"));
        let keys = node.tickets.iter().map(|ticket| match ticket {
            Ticket::Lock { key, .. } => Some(*key),
            Ticket::Inspection(_) | Ticket::Clock { .. } | Ticket::Aside => None,
        });
        assert!(keys.is_sorted(), "the order is kept");
    }

    #[test]
    fn the_pause_doubles_until_a_connection_is_of_use() {
        let config = Config::builder(["only"]).build().unwrap();
        let why = Unavailable::new(Cause::NotSent);
        let mut node = Node::new();
        let mut now = Instant::EPOCH;
        let mut pause = |node: &mut Node| {
            assert!(node.begin_connecting() && !node.begin_connecting());
            node.disconnected(&why, now);
            let until = node.poll_timeout(&config).unwrap();
            assert!(matches!(node.handle_timeout(&config, now), Due::Nothing));
            assert!(matches!(node.handle_timeout(&config, until), Due::Ready));
            let pause = until.saturating_since(now);
            now = until;
            pause.as_millis()
        };
        let pauses: Vec<_> = (0..8).map(|_| pause(&mut node)).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1_000, 1_000]);

        assert!(node.begin_connecting());
        node.connected(false, &config, Instant::EPOCH);
        node.heard(Instant::EPOCH);
        node.disconnected(&why, Instant::EPOCH);
        assert_eq!((node.poll_timeout(&config), node.refusal()), (None, None), "it is opened again at once");
        assert_eq!(pause(&mut node), 20);
    }
}
