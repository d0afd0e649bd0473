//! The connection to a node: when it is opened, tried out and given up.

use alloc::format;
use core::time::Duration;

use super::Node;
use super::queue::Queue;
use crate::health::ConnectionState;
use crate::locks::outbox::Ticket;
use crate::{Action, Cause, Config, HumanDuration, Instant, Unavailable};

/// The wait before the second try to connect; it doubles up to [`MAX_RECONNECT_DELAY`].
pub(super) const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(20);
/// The longest wait between two tries to connect: for so long a node that is back may stay unused.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Link {
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

/// The failure of the last try to connect, if there was one since the node was connected: then commands are refused
/// instead of waiting for the next try, so that a node that is down costs nobody any time.
pub(super) type Earlier = Option<Unavailable>;

/// What the time has brought to a node.
pub(in crate::locks) enum Due {
    Nothing,
    /// There is a connection to be opened, or something to be sent.
    Ready,
    /// The connection is of no use any more: no reply to what is under way will come. Another one is wanted.
    Silent(Unavailable),
}

impl Node {
    /// Returns whether a connection is to be opened now; it counts as being opened from then on.
    pub(in crate::locks) fn begin_connecting(&mut self) -> bool {
        let Link::Wanted(earlier) = &mut self.link else { return false };
        self.link = Link::Connecting(earlier.take());
        true
    }

    pub(in crate::locks) fn is_connected(&self) -> bool {
        matches!(self.link, Link::Connected { .. })
    }

    pub(in crate::locks) fn connected(&mut self, announces: bool, config: &Config, now: Instant) {
        let queue = if announces { Queue::Open } else { Queue::Closed };
        self.link = Link::Connected { is_useful: false, queue };
        self.changed_at = Some(now);
        (self.heard_at, self.answered_at, self.left_unanswered) = (now, now, false);
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
    pub(in crate::locks) fn connection_state(&self, now: Instant) -> ConnectionState {
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
    pub(in crate::locks) fn round_trip(&self) -> Option<Duration> {
        Some(self.round_trip.smoothed()).filter(|took| !took.is_zero())
    }

    /// Returns whether nobody can wait in the queues of the node over this connection.
    pub(in crate::locks) const fn has_no_queue(&self) -> bool {
        matches!(self.link, Link::Connected { queue: Queue::Closed, .. })
    }

    /// Returns why that is, if the node has said it.
    pub(in crate::locks) const fn why_no_queue(&self) -> Option<&Unavailable> {
        self.no_queue.as_ref()
    }

    /// Returns when the server has said something last, or has had a connection without owing an answer.
    pub(in crate::locks) const fn answered_at(&self) -> Instant {
        self.answered_at
    }

    /// Notes that the connection has answered.
    pub(in crate::locks) fn heard(&mut self, now: Instant) {
        (self.heard_at, self.answered_at, self.left_unanswered) = (now, now, false);
        self.round_trip.ends(now);
        if let Link::Connected { is_useful, .. } = &mut self.link {
            *is_useful = true;
        }
    }

    /// Notes that what is under way, if that is anything, will not be answered.
    pub(in crate::locks) fn leaves_unanswered(&mut self) {
        self.left_unanswered |= self.queue.has_under_way();
    }

    /// A connection that was of use is opened again at once, unless another one was a moment ago; after any other failure
    /// there is a pause. It was open until `open_until`, as far as is known.
    pub(in crate::locks) fn disconnected(&mut self, why: &Unavailable, open_until: Instant, now: Instant) {
        if why.cause() == Cause::ReadOnly {
            self.trust.refused_as_replica();
        }
        // Its server may have gone on until then, if nothing says otherwise.
        if self.is_connected() && !self.left_unanswered && !self.queue.has_under_way() {
            self.answered_at = self.answered_at.max(open_until);
        }
        if self.is_connected() || self.changed_at.is_none() {
            self.changed_at = Some(now);
        }
        let was_useful = matches!(self.link, Link::Connected { is_useful: true, .. });
        if was_useful && !self.breaks_again(now) {
            return self.start_over();
        }
        match &self.link {
            Link::Connected { .. } | Link::Wanted(_) | Link::Connecting(_) => self.pause(why, now),
            Link::Pausing { .. } | Link::GivenUp(_) => {}
        }
    }

    /// Sends nothing more to a server that is a replica, if there is a connection: the next may lead to the master that has
    /// taken its place. There is always a pause, and it doubles while that is a replica, too. What is under way is answered
    /// before the connection is closed: nothing that undoes it may overtake it.
    ///
    /// Returns whether there is a connection.
    pub(in crate::locks) fn leave_replica(&mut self, why: &Unavailable, now: Instant) -> bool {
        if !self.is_connected() {
            return false;
        }
        let since = self.changed_at.replace(now);
        if since.is_none_or(|since| now.saturating_since(since) > MAX_RECONNECT_DELAY) {
            self.reconnect_delay = MIN_RECONNECT_DELAY;
        }
        self.pause(why, now);
        self.trust.refused_as_replica();
        true
    }

    fn pause(&mut self, why: &Unavailable, now: Instant) {
        let until = now.saturating_add(self.reconnect_delay);
        self.link = Link::Pausing { until, why: why.clone() };
        self.reconnect_delay = self.reconnect_delay.saturating_mul(2).min(MAX_RECONNECT_DELAY);
    }

    /// Notes that a connection that was of use has broken, and returns whether the one before it has done so within the pause
    /// that is due: a server that answers and hangs up would be connected to without end.
    fn breaks_again(&mut self, now: Instant) -> bool {
        self.broke_at.replace(now).is_some_and(|at| now.saturating_since(at) < self.reconnect_delay)
    }

    /// Wants a connection as at the beginning.
    pub(in crate::locks) fn start_over(&mut self) {
        self.link = Link::Wanted(None);
        self.reconnect_delay = MIN_RECONNECT_DELAY;
    }

    pub(in crate::locks) fn give_up(&mut self, why: &Unavailable, now: Instant) {
        self.changed_at = Some(now);
        self.link = Link::GivenUp(why.clone());
    }

    /// Returns why commands are refused, if they are.
    pub(in crate::locks) fn refusal(&self) -> Option<&Unavailable> {
        match &self.link {
            Link::Wanted(earlier) | Link::Connecting(earlier) => earlier.as_ref(),
            Link::Pausing { why, .. } | Link::GivenUp(why) => Some(why),
            Link::Connected { .. } => None,
        }
    }

    pub(in crate::locks) fn poll_timeout(&self, config: &Config) -> Option<Instant> {
        match &self.link {
            Link::Pausing { until, .. } => Some(self.silent_at(config).unwrap_or(*until).max(*until)),
            Link::Connected { .. } => Instant::earliest([self.silent_at(config), self.look_at(config)]),
            _ => None,
        }
    }

    /// Returns when a connection that owes a reply is given up.
    fn silent_at(&self, config: &Config) -> Option<Instant> {
        self.queue.has_under_way().then(|| config.silent_at(self.heard_at))
    }

    /// Returns when the server is asked for its clock: because the connection was not used, or because it was not looked at
    /// for long.
    fn look_at(&self, config: &Config) -> Option<Instant> {
        let last = if !self.queue.has_under_way() && self.queue.is_empty() {
            self.heard_at
        } else if self.tells_time() {
            self.looked_at
        } else {
            return None;
        };
        config.ping_at(last)
    }

    /// Does what has become due: ends a pause, gives up a connection that has been silent for too long, or tries out one
    /// that was not used.
    pub(in crate::locks) fn handle_timeout(&mut self, config: &Config, now: Instant) -> Due {
        if self.poll_timeout(config).is_none_or(|at| now < at) {
            return Due::Nothing;
        }
        match &self.link {
            Link::Pausing { why, .. } => {
                let why = why.clone();
                self.link = Link::Wanted(Some(why.clone()));
                if self.queue.has_under_way() { Due::Silent(why) } else { Due::Ready }
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
    Unavailable::with_detail(Cause::Disconnected, &format!("no reply to anything for {}", HumanDuration(timeout)))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_pause_doubles_until_a_connection_is_of_use() {
        let config = Config::builder(["only"]).build().unwrap();
        let why = Unavailable::new(Cause::NotSent);
        let mut node = Node::new();
        let mut now = Instant::EPOCH;
        let mut pause = |node: &mut Node| {
            assert!(node.begin_connecting() && !node.begin_connecting());
            node.disconnected(&why, now, now);
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
        node.disconnected(&why, Instant::EPOCH, Instant::EPOCH);
        assert_eq!((node.poll_timeout(&config), node.refusal()), (None, None), "it is opened again at once");
        assert_eq!(pause(&mut node), 20);
    }
}
