//! Waiting in the queues of a node.

use core::time::Duration;

use super::Node;
use super::connection::Link;
use crate::{Cause, Instant, Unavailable};

/// Whether this handle may wait in the queues of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Queue {
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

impl Node {
    /// Returns whether this handle may wait in the queues of the node, as soon as it has subscribed.
    pub(in crate::locks) fn is_queue_open(&self, now: Instant) -> bool {
        let is_closed = matches!(self.link, Link::Connected { queue: Queue::Closed, .. });
        let is_used = self.trust.unsuitable().is_none();
        self.may_answer(now) && !is_closed && is_used && now >= self.distrusted_until
    }

    /// Returns whether the node is connected, and does not hang as far as is known.
    pub(in crate::locks) fn may_answer(&self, now: Instant) -> bool {
        self.is_connected() && !self.hangs(now)
    }

    /// Returns whether the first connection is being opened, so that nothing is known of the node.
    pub(in crate::locks) const fn is_unknown(&self) -> bool {
        matches!(self.link, Link::Wanted(None) | Link::Connecting(None))
    }

    fn hangs(&self, now: Instant) -> bool {
        self.hangs_for(now).is_some()
    }

    /// Returns for how long nothing was heard of a node that hangs.
    pub(in crate::locks) fn hangs_for(&self, now: Instant) -> Option<Duration> {
        if !self.queue.has_under_way() {
            return None;
        }
        let patience = self.round_trip.smoothed().saturating_mul(4).saturating_add(SILENCE);
        let silent_for = now.saturating_since(self.heard_at);
        (silent_for > patience).then_some(silent_for)
    }

    /// Returns whether this handle hears when it is called up.
    pub(in crate::locks) const fn is_subscribed(&self) -> bool {
        matches!(self.link, Link::Connected { queue: Queue::Subscribed, .. })
    }

    /// Lets this handle subscribe, unless it does so already.
    pub(in crate::locks) fn want_subscription(&mut self, now: Instant) {
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
    pub(in crate::locks) const fn wants_subscription(&self) -> bool {
        matches!(self.link, Link::Connected { queue: Queue::Wanted, .. })
    }

    /// Returns whether this handle is to subscribe now; it counts as subscribing from then on.
    pub(in crate::locks) const fn begin_subscribing(&mut self, now: Instant) -> bool {
        let Link::Connected { queue: queue @ Queue::Wanted, .. } = &mut self.link else { return false };
        *queue = Queue::Subscribing { since: now };
        true
    }

    /// Notes that this handle hears from now on when it is called up; returns whether it may wait.
    pub(in crate::locks) fn subscribed(&mut self) -> bool {
        if let Link::Connected { queue, .. } = &mut self.link
            && *queue != Queue::Closed
        {
            *queue = Queue::Subscribed;
        }
        self.is_subscribed()
    }

    /// Notes that this handle hears nothing. It subscribes again after a while, unless its user may not.
    pub(in crate::locks) fn deaf(&mut self, why: &Unavailable, now: Instant) {
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
    pub(in crate::locks) fn close_queue(&mut self, why: Unavailable) {
        self.no_queue = Some(why);
        if let Link::Connected { queue, .. } = &mut self.link {
            *queue = Queue::Closed;
        }
    }

    /// Notes that the node has not said whose turn it is.
    pub(in crate::locks) fn distrust(&mut self, now: Instant) {
        self.distrusted_until = now.saturating_add(DISTRUST);
    }
}
