//! The counters of fences: a node counts on with each grant, or up to what it is told.

use super::{Node, expiry};
use crate::fence::{Fence, Fencing};
use crate::slots::name_beside;
use crate::{Instant, Reply, Resource, Ttl};

/// The seconds of a day: for no more than that a node believes a client from the future.
const A_DAY: u64 = 24 * 60 * 60;

/// The seconds of a span: a node believes a proposal without a look at its clock in the span in which the counter is.
const SPAN: u64 = 1_000;

impl Node {
    /// Counts on for the keys, or raises their counters.
    pub(super) fn fence(&mut self, keys: &[Resource], fencing: &Fencing, now: Instant) -> Reply {
        match fencing {
            Fencing::Mint { proposal, retention } => {
                let latest = self.latest_proposal(now);
                let mint = |key: &Resource| {
                    let before = self.counter(key);
                    let is_known = span(before) == span(*proposal);
                    let fence = before.next().max(if is_known { *proposal } else { (*proposal).min(latest) });
                    self.count(key, fence, *retention, now);
                    fence
                };
                Reply::Granted(keys.iter().map(mint).collect())
            }
            Fencing::Raise { fences, retention } => {
                for (key, fence) in keys.iter().zip(fences.as_slice()) {
                    if self.counter(key) < *fence {
                        self.count(key, *fence, *retention, now);
                    }
                }
                Reply::Done
            }
        }
    }

    /// Returns the largest proposal that a node believes when it looks at its clock.
    fn latest_proposal(&self, now: Instant) -> Fence {
        let seconds = now.since_epoch().saturating_add(self.epoch_is_at).as_secs();
        let latest = seconds.saturating_add(A_DAY).saturating_sub(SPAN);
        Fence::new(latest.saturating_mul(1_000_000))
    }

    fn count(&mut self, key: &Resource, fence: Fence, retention: Ttl, now: Instant) {
        let counter = (fence, expiry(now, retention.as_millis()));
        self.counters.insert(name_beside(key.as_bytes()).into(), counter);
    }

    /// Returns the last fence of a resource; zero if there is none.
    #[must_use]
    pub fn counter(&self, resource: &Resource) -> Fence {
        self.counters.get(name_beside(resource.as_bytes())).map(|(fence, _)| *fence).unwrap_or_default()
    }
}

/// Returns the number of the span of time that a fence is in.
const fn span(fence: Fence) -> u64 {
    fence.get() / (SPAN * 1_000_000)
}
