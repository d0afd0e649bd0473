use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use smallvec::SmallVec;

use crate::lock_status::Remaining;
use crate::votes::Votes;
use crate::{Cause, Config, Hold, HumanDuration, NodeId, Owner, Reply, RequestError, Resource, Unavailable};

/// The outcome of a command on one node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The node has not answered; nobody needed to wait for it.
    Pending,
    /// The node did it: granted, extended or released.
    Done,
    /// The node keeps a key for somebody else.
    HeldByOther(Hold),
    /// The node has no such key, or not all of them.
    Missing,
    /// The node has no say.
    Unavailable(Unavailable),
}

impl Outcome {
    /// Returns what a reply comes to, when the node is not asked again.
    pub(crate) fn of(reply: Reply) -> Self {
        match reply {
            Reply::Done | Reply::Granted(_) => Self::Done,
            Reply::HeldByOther(hold) => Self::HeldByOther(hold),
            Reply::Missing => Self::Missing,
            Reply::Unavailable(unavailable) => Self::Unavailable(unavailable),
            Reply::CalledUp | Reply::Time(_) | Reply::Inspected(_) | Reply::NotOurs | Reply::UnknownScript => {
                Self::Unavailable(Unavailable::new(Cause::Unexpected))
            }
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("not awaited"),
            Self::Done => f.write_str("agreed"),
            Self::HeldByOther(hold) => write!(f, "{hold}"),
            Self::Missing => f.write_str("no such key"),
            Self::Unavailable(unavailable) => write!(f, "{unavailable}"),
        }
    }
}

/// The outcome of a command on each node, with the node's name.
///
/// Displayed as a list: `10.0.0.1:6379: agreed; 10.0.0.2:6379: no answer in time`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NodeOutcomes {
    pub(crate) config: Config,
    pub(crate) votes: Votes,
}

impl NodeOutcomes {
    /// Returns the nodes with their names and outcomes, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &str, Outcome)> {
        self.config.nodes().iter().map(|node| (node, self.config.name(node), self.votes.outcome(node)))
    }

    /// Returns what a node said about a key that somebody else holds.
    pub(crate) fn hold(&self, node: NodeId) -> Option<Hold> {
        match self.votes.outcome(node) {
            Outcome::HeldByOther(hold) => Some(hold),
            _ => None,
        }
    }

    /// Returns the resource that somebody else holds on most nodes, of those that nodes have named.
    pub(crate) fn held_resource(&self) -> Option<Resource> {
        let holds = self.iter().filter_map(|(node, ..)| self.hold(node)?.resource);
        let named: SmallVec<[Resource; 4]> = holds.collect();
        let times = |wanted: &&Resource| named.iter().filter(|resource| resource == wanted).count();
        named.iter().max_by_key(times).cloned()
    }

    /// Counts the nodes with an outcome that `matches`.
    pub fn count(&self, matches: impl Fn(&Outcome) -> bool) -> usize {
        self.iter().filter(|(_, _, outcome)| matches(outcome)).count()
    }
}

impl fmt::Display for NodeOutcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (_, name, outcome)) in self.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{name}: {outcome}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for NodeOutcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(_, name, outcome)| (name, outcome))).finish()
    }
}

/// How an acquisition has failed: the attempts that were made in vain, or the wait for others of the same handle.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Attempts {
    /// The number of attempts.
    pub count: u32,
    /// The time that has passed since the acquisition began.
    pub elapsed: Duration,
    /// The number of users of the same handle that were still before this one, with the one that held the lock or asked
    /// for it.
    pub ahead: usize,
    /// The answer of each node to the last attempt that came to a verdict.
    pub nodes: Box<NodeOutcomes>,
}

impl Attempts {
    /// Returns the place in the wait queue between handles at the last look, counted from 1; `None` for one who did not
    /// stand there. Of several names, the queue is that of the one that the node has named.
    #[must_use]
    pub fn place(&self) -> Option<u32> {
        self.holds().find_map(|hold| hold.place)
    }

    /// Returns for how long the lock would go on being held at the last look; `None` where no node has said it.
    #[must_use]
    pub fn held_for(&self) -> Option<Duration> {
        self.holds().filter_map(|hold| hold.remaining).max()
    }

    /// Returns the label of who held the lock at the last look; `None` where no node has said it. Nodes say it to those who wait
    /// in a queue, have a label themselves, or ask for a fence or several names.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        self.holds().find_map(|hold| hold.owner)
    }

    /// Returns who holds the lock, for a person.
    pub(crate) const fn holder(&self) -> impl fmt::Display + use<'_> {
        LastHolder(self)
    }

    fn holds(&self) -> impl Iterator<Item = Hold> {
        self.nodes.iter().filter_map(|(_, _, outcome)| match outcome {
            Outcome::HeldByOther(hold) => Some(hold),
            _ => None,
        })
    }
}

/// The holder at the last look: `host-7/billing on 3 of 5 nodes for another 8.2 s, 4 waiting before it`. An attempt that has failed
/// may have asked only one node, or not have waited for all: then the holder is on at least so many.
struct LastHolder<'a>(&'a Attempts);

impl fmt::Display for LastHolder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(attempts) = self;
        if attempts.ahead > 0 {
            return f.write_str("another user of this handle, or waited for by one");
        }
        let Some(owner) = attempts.owner() else { return f.write_str("somebody else") };
        let nodes = &attempts.nodes;
        let holding = nodes.count(|outcome| matches!(outcome, Outcome::HeldByOther(_)));
        let unknown = nodes.count(|outcome| matches!(outcome, Outcome::Pending | Outcome::Unavailable(_)));
        let at_least = if unknown == 0 { "" } else { "at least " };
        write!(f, "{owner} on {at_least}{holding} of {} nodes", nodes.iter().count())?;
        if let Some(left) = attempts.held_for() {
            write!(f, " {}", Remaining(Some(left)))?;
        }
        match attempts.place().map_or(0, |place| place.saturating_sub(1)) {
            0 => Ok(()),
            before => write!(f, ", {before} waiting before it"),
        }
    }
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed = HumanDuration(self.elapsed);
        match self.ahead {
            0 => write!(f, "attempts: {}, in {elapsed:.1}; {}", self.count, self.nodes),
            ahead => write!(f, "still {ahead} before it in the same handle, after {elapsed:.1}"),
        }
    }
}

/// The reason for which a lock was not acquired.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// Enough nodes can be reached, but somebody else holds the lock.
    #[error("the lock is held by {holder} ({0})", holder = .0.holder())]
    Contended(Attempts),
    /// Too many nodes cannot be reached or refuse to work: nobody can acquire a lock now.
    #[error("too few nodes are available ({0})")]
    Unavailable(Attempts),
    /// A quorum agreed, but so late that too little validity was left. The lock was given back.
    #[error("a quorum agreed too late for the validity asked for: take a longer TTL ({0})")]
    Expired(Attempts),
    /// The lock that was to be [adopted](crate::Request::adopting) is over: too few nodes have its keys still.
    #[error("the lock that was to be adopted is over ({0})")]
    Gone(Attempts),
    /// [`Locks::close`](crate::Locks::close) was called. Whatever was acquired by then was given back.
    #[error("the lock was not acquired: this Redlock handle was closed")]
    Closed,
}

impl AcquireError {
    /// Returns the attempts that were made, unless the acquisition was ended by closing.
    #[must_use]
    pub const fn attempts(&self) -> Option<&Attempts> {
        match self {
            Self::Contended(attempts)
            | Self::Unavailable(attempts)
            | Self::Expired(attempts)
            | Self::Gone(attempts) => Some(attempts),
            Self::Closed => None,
        }
    }

    pub(crate) const fn attempts_mut(&mut self) -> Option<&mut Attempts> {
        match self {
            Self::Contended(attempts)
            | Self::Unavailable(attempts)
            | Self::Expired(attempts)
            | Self::Gone(attempts) => Some(attempts),
            Self::Closed => None,
        }
    }
}

/// The reason for which a lock was not extended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ExtendError {
    /// The lock is lost, for ever: its deadline has passed, or too few nodes have it still.
    #[error("the lock is lost: {0}")]
    Lost(Loss),
    /// Too few nodes confirmed in time. Nothing has changed: the lock is valid until its old deadline, and the
    /// extension may be tried again before that.
    #[error("too few nodes confirmed the extension, the old deadline stands ({0})")]
    Unconfirmed(NodeOutcomes),
    /// The TTL was refused before anything was sent. Nothing has changed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The lock is not held yet, or is being released.
    #[error("there is no held lock that could be extended now")]
    NotHeld,
}

/// The way in which a held lock came to an end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Loss {
    /// Its deadline passed.
    #[error("its deadline has passed")]
    Expired,
    /// An extension found that a quorum no longer had it: keys were deleted, or nodes lost their data.
    #[error("its keys are gone ({0})")]
    KeysGone(NodeOutcomes),
    /// An extension found that so many nodes keep it for somebody else that no quorum has it: keys were deleted, or nodes
    /// lost their data, and another has taken it since.
    #[error("somebody else has taken it ({0})")]
    TakenOver(NodeOutcomes),
    /// It was held for as long as it may be; see [`KeepAlive::up_to`](crate::KeepAlive::up_to).
    #[error("it was held for as long as it may be")]
    MaxHoldReached,
    /// Nobody keeps it alive any more: the handle was [closed](crate::Locks::close), or the async runtime has ended on which
    /// it was watched. It is valid until its deadline still, and nobody else gets it before; stop the work until then.
    #[error("nobody keeps it alive any more, because the handle was closed or its runtime has ended")]
    Closed,
    /// Its guard was released or dropped, so it is nobody's. Only those hear of it who look at the lock without having its
    /// guard, who may hear it of a lock that was lost before, too.
    #[error("it was released")]
    Released,
}

/// The result of a release.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReleaseReport {
    /// The result as a whole.
    pub verdict: ReleaseVerdict,
    /// The answer of each node until the verdict was fixed.
    pub nodes: NodeOutcomes,
}

impl fmt::Display for ReleaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.verdict, self.nodes)
    }
}

/// What [`Locks::close`](crate::Locks::close) leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CloseReport {
    /// The number of released locks that may still have a key on a node that did not answer. The node is told again when
    /// it is back, as long as the runtime or the process goes on; the TTL ends the key in any case.
    pub unsettled: usize,
    /// The number of guards that are still there, each with its lock.
    pub held: usize,
}

impl fmt::Display for CloseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.held, self.unsettled) {
            (0, 0) => f.write_str("nothing is left"),
            (held, unsettled) => {
                write!(f, "{held} still held, {unsettled} may still have a key on a node that did not answer")
            }
        }
    }
}

/// The result of a release as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReleaseVerdict {
    /// A quorum still had the lock and has deleted it.
    Released,
    /// The lock was over before: it was lost, or too few nodes still had it for a quorum.
    AlreadyExpired,
    /// The lock was over before, and a quorum keeps it for somebody else now. Theirs was not touched.
    TakenOver,
    /// Too few nodes answered. Those that did not are told again when they are back, until the TTL is over.
    Unconfirmed,
}

impl fmt::Display for ReleaseVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Released => "released",
            Self::AlreadyExpired => "already expired",
            Self::TakenOver => "taken over by somebody else",
            Self::Unconfirmed => "not confirmed by a quorum",
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn of_a_holder_no_more_is_said_than_the_nodes_have_said() {
        let config = Config::builder(["node-0", "node-1", "node-2"]).build().unwrap();
        let (owner, remaining) = (Owner::new("host-7/billing").ok(), Some(Duration::from_millis(8_299)));
        let held = Outcome::HeldByOther(Hold { owner, remaining, place: Some(5), ..Hold::UNKNOWN });
        let not_asked = Outcome::Unavailable(Unavailable::new(Cause::NotAsked));
        let said = |outcomes: [&Outcome; 3]| {
            let mut votes = Votes::pending(config.nodes());
            config.nodes().iter().zip(outcomes).for_each(|(node, outcome)| votes.record(node, outcome.clone()));
            let nodes = Box::new(NodeOutcomes { config: config.clone(), votes });
            Attempts { count: 1, elapsed: Duration::ZERO, ahead: 0, nodes }.holder().to_string()
        };
        let rows = [
            ([&held, &held, &held], "on 3 of 3 nodes"),
            ([&held, &held, &Outcome::Missing], "on 2 of 3 nodes"),
            ([&held, &held, &Outcome::Pending], "on at least 2 of 3 nodes"),
            ([&held, &not_asked, &not_asked], "on at least 1 of 3 nodes"),
        ];
        for (outcomes, on) in rows {
            assert_eq!(said(outcomes), alloc::format!("host-7/billing {on} for another 8.2 s, 4 waiting before it"));
        }
    }
}
