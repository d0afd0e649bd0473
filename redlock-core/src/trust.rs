use core::time::Duration;

use crate::{Facts, NodeSet};

/// What becomes of a node that is run in a way that can cost locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a node is used or not")]
pub enum Rule {
    /// It is used, and the [health report](crate::Locks::health) has a warning.
    #[default]
    Warn,
    /// It has no vote: every lock is refused there with [`Cause::Unsuitable`](crate::Cause::Unsuitable), and what is to be
    /// done about it.
    Refuse,
}

/// Which nodes have no vote because they may have forgotten what they had granted.
///
/// A node that was started again without its data votes as if nobody held anything. Somebody who was granted a lock by it
/// before may still hold that lock: with its vote a second holder would be possible. So it has no vote until everything that
/// it can have granted before it was started has expired: for the longest TTL that this handle has used, or
/// [`longest_ttl`](Self::longest_ttl) if that is longer, and the drift, counted from the start.
///
/// It is known from the [run id](Facts::run_id) and the [uptime](Facts::uptime) that a server says when a connection is
/// opened. Another server at the same address, which was running while its predecessor was still seen to be connected, counts
/// as started when it is first connected to. So does the next server of a node that [fails over](Facts::fails_over),
/// whenever it was started: its predecessor may have granted locks until then. Both have disks of their own. (A blocking handle
/// that is idle looks at its connections with each [ping](crate::ConfigBuilder::ping_interval) only.) A server
/// that was seen as a replica and is a master again has the keys of another, and counts as started when that is seen, be
/// it by a grant only; so does one that says that it was a replica since (`master_replid2`). A server that is
/// [durable](crate::ConfigBuilder::durable), and was so before, forgets nothing when it is started again. One that a user
/// may not ask (`INFO`) is never seen to restart, and the health report says so; that it was a replica is seen by what it
/// refuses.
///
/// Source: *Distributed Locks with Redis*, "Performance, crash recovery and fsync": an instance that is back after a crash
/// stays unavailable for longer than the longest TTL in use ("delayed restarts").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RestartGuard {
    scope: Scope,
    longest_ttl: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scope {
    None,
    Seen,
    All,
}

impl RestartGuard {
    /// No node: all of them are durable, or whoever uses the locks can live with two holders after a crash of a node.
    pub const OFF: Self = Self { scope: Scope::None, longest_ttl: Duration::ZERO };

    /// Those that this handle has seen to be started again; this is the default. A handle that is new, as in a process that
    /// has just begun, does not know of restarts before its time.
    pub const SEEN: Self = Self { scope: Scope::Seen, longest_ttl: Duration::ZERO };

    /// All that were started lately, whether this handle has seen it or not, and those that do not say when they were, or since
    /// when they are masters after they were replicas. A handle over nodes that have just been started takes no lock for that
    /// time. It does not know whether they kept everything before: name those that did as
    /// [durable](crate::ConfigBuilder::durable).
    pub const STRICT: Self = Self { scope: Scope::All, longest_ttl: Duration::ZERO };

    /// Sets the longest TTL that anybody uses on these nodes, which this handle cannot know.
    #[must_use]
    pub const fn longest_ttl(self, ttl: Duration) -> Self {
        Self { longest_ttl: ttl, ..self }
    }

    /// Returns the longest TTL of a lock, when the longest that this handle has used is this one.
    pub(crate) fn longest(self, used: Duration) -> Duration {
        self.longest_ttl.max(used)
    }

    pub(crate) fn is_on(self) -> bool {
        self.scope != Scope::None
    }

    pub(crate) fn is_strict(self) -> bool {
        self.scope == Scope::All
    }
}

impl Default for RestartGuard {
    fn default() -> Self {
        Self::SEEN
    }
}

/// What a handle asks of its nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct TrustRules {
    pub(crate) guard: RestartGuard,
    pub(crate) on_replica: Rule,
    pub(crate) on_eviction: Rule,
    pub(crate) on_cluster: Rule,
    /// The nodes that are declared to forget nothing.
    pub(crate) durable: NodeSet,
}

/// How a server is run, if that can cost locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Flaw {
    Replica,
    Evicts,
    Cluster,
    FailsOver,
}

impl TrustRules {
    /// Returns what is wrong with a server, each with what becomes of it.
    pub(crate) fn flaws(self, facts: &Facts) -> impl Iterator<Item = (Flaw, Rule)> {
        let flaws = [
            (facts.is_replica(), Flaw::Replica, self.on_replica),
            (facts.may_evict(), Flaw::Evicts, self.on_eviction),
            // A node that was named as one that fails over may be a cluster.
            (facts.is_cluster().map(|is_cluster| is_cluster && !facts.fails_over()), Flaw::Cluster, self.on_cluster),
            (Some(facts.fails_over()), Flaw::FailsOver, Rule::Warn),
        ];
        flaws.into_iter().filter(|(is_so, ..)| *is_so == Some(true)).map(|(_, flaw, rule)| (flaw, rule))
    }
}
