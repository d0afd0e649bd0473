use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::field::{Empty, debug, display};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span};

use super::Observer;
use super::words::{acquire_error, extend_error, loss, outcome, verb, verdict};
use crate::config::hash;
use crate::fence::Fences;
use crate::observed::{LockEvent, NodeEvent, Observed};
use crate::{Instant, LockKey, Resources};

/// The target of all spans and events, for filters such as `RUST_LOG=redlock=info`.
const TARGET: &str = "redlock";

/// Observes locks and nodes for the crate `tracing`: one span for each lock, from the request until it is settled, and events
/// inside of it and for nodes. Everything has the target `redlock`. No token and no password is in it.
///
/// The span is `lock`, at the level `INFO`, with the fields `resource`, `ttl`, and, as soon as they are known, `result`,
/// `attempts`, `waited`, `fence` and `held_for`. It has no parent: events come one after the other for all tasks and threads
/// of a handle, on whichever of them is free, so the current span there may be somebody else's.
///
/// | Level | Event | Fields |
/// | --- | --- | --- |
/// | `WARN` | a lock is lost | `reason`, `held_for` |
/// | `WARN` | a lock that is kept alive was extended late, or was not extended | `left`, or `reason` |
/// | `WARN` | a lock was not acquired for want of nodes, or too late | `reason`, `waited` |
/// | `WARN` | a node is down; it has no vote | `node`, `reason`, `quarantine` |
/// | `INFO` | a node is connected | `node`, `server`, `version` |
/// | `INFO` | a lock was not acquired for another reason | `reason`, `waited` |
/// | `DEBUG` | a lock was acquired, extended, given up, left to its keys, or released | `left`, `waited`, `verdict`, `took` |
/// | `TRACE` | a node has answered | `node`, `verb`, `outcome` |
///
/// Each event of a lock has the field `resource` as well: a filter such as `RUST_LOG=redlock=warn` leaves the spans out.
///
/// Every handle needs one of its own: hand it to `Builder::observer`. As long as the program has no subscriber, nothing is
/// collected for it.
///
/// ```
/// use redlock_core::shell::Tracing;
///
/// let by_name = Tracing::new();
/// let without_names = Tracing::new().hash_names();
/// ```
#[derive(Debug, Default)]
pub struct Tracing {
    hashes_names: bool,
    locks: Mutex<BTreeMap<LockKey, Told>>,
}

/// What every event of a lock is told with. Without a span where a filter leaves that out; without a name if the subscriber came
/// after the request.
#[derive(Clone, Debug)]
struct Told {
    span: Span,
    resource: Option<Arc<str>>,
}

impl Default for Told {
    fn default() -> Self {
        Self { span: Span::none(), resource: None }
    }
}

impl Told {
    fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }
}

impl Tracing {
    /// Creates an observer that shows the names of locks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows a hash in the place of every name: 16 hexadecimal digits, the same ones for the same name in every process.
    ///
    /// Whoever can guess a name can compute its hash. Reasons are given in one word then, because errors and reports may
    /// contain names.
    #[must_use]
    pub const fn hash_names(mut self) -> Self {
        self.hashes_names = true;
        self
    }

    fn lock(&self, key: LockKey, event: &LockEvent) {
        match event {
            LockEvent::Requested { resources, ttl, .. } => {
                let resource = self.name_of(resources);
                let resource = resource.as_str();
                let span = tracing::info_span!(
                    target: TARGET, parent: None, "lock", resource, ttl = ?ttl, result = Empty, attempts = Empty,
                    waited = Empty, fence = Empty, held_for = Empty
                );
                if !span.is_disabled() || tracing::enabled!(target: TARGET, Level::WARN) {
                    self.locks().insert(key, Told { span, resource: Some(resource.into()) });
                }
            }
            LockEvent::Settled => drop(self.remove(key)),
            event => {
                let told = self.told(key);
                Self::record(&told.span, event);
                self.report(&told, event);
            }
        }
    }

    /// Notes in the span what is known of the lock now.
    fn record(span: &Span, event: &LockEvent) {
        match event {
            LockEvent::Acquired { attempts, waited, fences, .. } => {
                span.record("result", "acquired").record("attempts", *attempts).record("waited", debug(waited));
                if let Some(fences) = fences {
                    span.record("fence", display(fences_in_words(fences)));
                }
            }
            LockEvent::NotAcquired { error, waited } => {
                span.record("result", acquire_error(error)).record("waited", debug(waited));
                if let Some(attempts) = error.attempts() {
                    span.record("attempts", attempts.count);
                }
            }
            LockEvent::GivenUp { waited } => {
                span.record("result", "given_up").record("waited", debug(waited));
            }
            LockEvent::Lost { held_for, .. }
            | LockEvent::ReleaseBegun { held_for }
            | LockEvent::Detached { held_for } => {
                span.record("held_for", debug(held_for));
            }
            _ => {}
        }
    }

    fn report(&self, told: &Told, event: &LockEvent) {
        let (span, resource) = (&told.span, told.resource());
        match event {
            LockEvent::Acquired { attempts, waited, .. } => {
                tracing::debug!(target: TARGET, parent: span, resource, attempts, ?waited, "the lock is acquired");
            }
            LockEvent::NotAcquired { error, waited } => {
                let reason = self.reason(error, acquire_error(error));
                if matches!(error, crate::AcquireError::Unavailable(_) | crate::AcquireError::Expired(_)) {
                    tracing::warn!(target: TARGET, parent: span, resource, reason, ?waited, "the lock is not acquired");
                } else {
                    tracing::info!(target: TARGET, parent: span, resource, reason, ?waited, "the lock is not acquired");
                }
            }
            LockEvent::GivenUp { waited } => {
                tracing::debug!(target: TARGET, parent: span, resource, ?waited, "the lock is not wanted any more");
            }
            LockEvent::Extended { left, is_late: true, .. } => {
                tracing::warn!(target: TARGET, parent: span, resource, ?left, "the lock was extended late");
            }
            LockEvent::Extended { left, .. } => {
                tracing::debug!(target: TARGET, parent: span, resource, ?left, "the lock is extended");
            }
            LockEvent::NotExtended { error, by_keep_alive } => {
                let reason = self.reason(error, extend_error(error));
                if *by_keep_alive {
                    tracing::warn!(target: TARGET, parent: span, resource, reason, "the lock was not extended");
                } else {
                    tracing::debug!(target: TARGET, parent: span, resource, reason, "the lock was not extended");
                }
            }
            LockEvent::Lost { loss: how, held_for } => {
                let reason = self.reason(how, loss(how));
                tracing::warn!(target: TARGET, parent: span, resource, reason, ?held_for, "the lock is lost");
            }
            LockEvent::Detached { .. } => {
                tracing::debug!(target: TARGET, parent: span, resource, "the lock is left to its keys");
            }
            LockEvent::Released { report, took } => {
                let verdict = verdict(report.verdict);
                tracing::debug!(target: TARGET, parent: span, resource, verdict, ?took, "the lock is released");
            }
            LockEvent::Requested { .. } | LockEvent::ReleaseBegun { .. } | LockEvent::Settled => {}
        }
    }

    fn node(&self, node: &str, event: &NodeEvent, at: Instant) {
        match event {
            NodeEvent::Connected { facts } => {
                let (server, version) = (facts.server(), facts.version());
                tracing::info!(target: TARGET, parent: None, node, server, version, "a node is connected");
            }
            NodeEvent::Disconnected { why } => {
                tracing::warn!(target: TARGET, parent: None, node, reason = %why, "a node is down");
            }
            NodeEvent::WithoutVote { until, why } => {
                let quarantine = until.map(|until| debug(until.saturating_since(at)));
                tracing::warn!(target: TARGET, parent: None, node, quarantine, reason = %why, "a node has no vote");
            }
            NodeEvent::Answered { lock, verb: asked, outcome: answer } => {
                if tracing::enabled!(target: TARGET, Level::TRACE) {
                    let told = self.told(*lock);
                    let (verb, outcome, resource) = (verb(*asked), outcome(answer), told.resource());
                    let span = &told.span;
                    tracing::trace!(target: TARGET, parent: span, resource, node, verb, outcome, "a node has answered");
                }
            }
        }
    }

    fn name_of(&self, resources: &Resources) -> String {
        if self.hashes_names {
            format!("{:016x}", hash(resources.to_string().as_bytes()))
        } else {
            resources.to_string()
        }
    }

    /// Returns the whole reason, unless that may contain names which are not to be seen.
    fn reason(&self, whole: &dyn ToString, word: &'static str) -> String {
        if self.hashes_names { word.into() } else { whole.to_string() }
    }

    fn told(&self, key: LockKey) -> Told {
        self.locks().get(&key).cloned().unwrap_or_default()
    }

    fn remove(&self, key: LockKey) -> Option<Told> {
        self.locks().remove(&key)
    }

    fn locks(&self) -> MutexGuard<'_, BTreeMap<LockKey, Told>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Tracing {
    /// Without a subscriber, nobody sees a span.
    fn is_interested(&self) -> bool {
        LevelFilter::current() != LevelFilter::OFF
    }

    fn observe(&self, observed: &Observed) {
        match observed {
            Observed::Lock { lock, event, .. } => self.lock(*lock, event),
            Observed::Node { at, name, event, .. } => self.node(name, event, *at),
            Observed::Missed { count } => {
                // The end of some locks may be missing: their spans would stay for ever.
                let locks = core::mem::take(&mut *self.locks());
                tracing::warn!(target: TARGET, parent: None, count, "events of locks and nodes are missing here");
                drop(locks);
            }
        }
    }
}

fn fences_in_words(fences: &Fences) -> String {
    let fences = fences.as_slice().iter().map(|fence| fence.get().to_string());
    fences.reduce(|all, fence| format!("{all}, {fence}")).unwrap_or_default()
}
