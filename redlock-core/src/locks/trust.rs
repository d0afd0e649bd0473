//! Whether a node may vote: what is known of its server, and since when.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::time::Duration;

use super::clock::Clock;
use super::{Locks, Node};
use crate::health::Warning;
use crate::trust::{Flaw, TrustRules};
use crate::{Cause, Config, Facts, Instant, NodeId, Reply, Rule, Unavailable, lease};

/// An uptime is told in whole seconds, and the clock that it is taken from may be one second behind.
const UPTIME_ERROR: Duration = Duration::from_secs(1);

/// What is known of the server of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Trust {
    pub(super) facts: Facts,
    /// The run of the server that was the last to be told.
    run_id: Option<String>,
    /// The server has said that it is a replica, or has refused something as one, and has not been seen as a master since.
    was_replica: bool,
    /// What the node had granted before that it may have forgotten.
    pub(super) forgot_at: Option<Instant>,
    /// The node before it that is the same server.
    pub(super) same_as: Option<NodeId>,
    /// Why it is not to be used.
    unsuitable: Option<Unavailable>,
    pub(super) clock: Clock,
}

impl Trust {
    /// Learns what a server says when a connection to it was opened; its predecessor was running at `answered_at`, as far as is
    /// known.
    pub(super) fn connected(
        &mut self,
        facts: Facts,
        rules: TrustRules,
        is_declared: bool,
        answered_at: Instant,
        now: Instant,
    ) {
        self.clock.forget_if(facts.run_id() != self.run_id.as_deref());
        if rules.guard.is_on() && !is_declared {
            self.forgot_at = self.forgets_from(&facts, rules.guard.is_strict(), answered_at, now).or(self.forgot_at);
        } else {
            self.forgot_at = None;
        }
        if let Some(run_id) = facts.run_id() {
            self.run_id = Some(run_id.into());
        }
        self.was_replica = facts.is_replica() == Some(true);
        self.facts = facts;
    }

    /// Notes that the server has refused something because it is a replica.
    pub(super) const fn refused_as_replica(&mut self) {
        self.was_replica = true;
    }

    /// Notes that the server has granted something. One that was a replica is a master by now, or can be written to although it is
    /// one: it has the keys of another. Returns whether it may have forgotten something by that.
    fn granted(&mut self, rules: TrustRules, is_declared: bool, now: Instant) -> bool {
        let was_replica = core::mem::take(&mut self.was_replica);
        let has_forgotten = was_replica && rules.guard.is_on() && !is_declared;
        if has_forgotten {
            self.forgot_at = Some(now);
        }
        has_forgotten
    }

    /// Returns from when on it may have forgotten what it had granted before; `None` if it has not.
    fn forgets_from(&self, facts: &Facts, is_strict: bool, answered_at: Instant, now: Instant) -> Option<Instant> {
        let started_at = facts.uptime().map(|uptime| now.saturating_sub(uptime.saturating_sub(UPTIME_ERROR)));
        match (&self.run_id, facts.run_id()) {
            // Also if it was started again, and keeps everything on its disk.
            _ if self.is_master_again(facts) => Some(now),
            // Since when it is a master, it does not say; its predecessor may have granted locks until then.
            (before, Some(_)) if self.was_promoted(facts) && (before.is_some() || is_strict) => Some(now),
            (Some(before), Some(run_id)) if before == run_id => None,
            // Its predecessor may have gone on after its last answer here, until this one took over.
            (Some(_), Some(_)) if facts.fails_over() => Some(now),
            // It ran while its predecessor still answered, so it is another server: what that one granted, it does not know, and
            // it has a disk of its own.
            (Some(_), Some(_)) if started_at.is_some_and(|started_at| started_at < answered_at) => Some(now),
            // What was granted before is on its disk only if it kept everything then, too.
            _ if keeps_all(&self.facts) && keeps_all(facts) => None,
            (Some(_), Some(_)) => started_at.or(Some(now)),
            (None, Some(_)) if is_strict => Some(started_at.unwrap_or(now)),
            (_, None) if is_strict => Some(now),
            _ => None,
        }
    }

    /// Returns whether the server was a replica and is a master now: it has the keys that another had.
    fn is_master_again(&self, facts: &Facts) -> bool {
        let was_replica = self.was_replica || self.facts.is_replica() == Some(true);
        was_replica && facts.is_replica() != Some(true)
    }

    /// Returns whether the server was a replica, and is a master since it was last connected to, or since another was.
    fn was_promoted(&self, facts: &Facts) -> bool {
        facts.promoted_from().is_some() && facts.promoted_from() != self.facts.promoted_from()
    }

    /// Returns until when the node has no vote, when no lock lived for longer than `longest_ttl`; `None` if it has forgotten
    /// nothing.
    pub(super) fn quarantined_until(&self, longest_ttl: Duration, config: &Config) -> Option<Instant> {
        let forgot_at = self.forgot_at?;
        let longest_ttl = config.trust().guard.longest(longest_ttl);
        let lasts = longest_ttl.saturating_add(lease::drift(longest_ttl, config.drift_ppm()));
        Some(forgot_at.saturating_add(lasts))
    }

    /// Returns why the node is not to be used, if it is not.
    pub(super) const fn unsuitable(&self) -> Option<&Unavailable> {
        self.unsuitable.as_ref()
    }

    fn judge(&self, config: &Config) -> Option<Unavailable> {
        let same = self.same_as.map(|node| Warning::SameServer { node: config.name(node).into() });
        let refused = |(flaw, rule): (Flaw, Rule)| (rule == Rule::Refuse).then(|| warning_of(flaw, &self.facts));
        let why = same.or_else(|| config.trust().flaws(&self.facts).find_map(refused))?;
        Some(Unavailable::with_detail(Cause::Unsuitable, &why.to_string()))
    }
}

fn keeps_all(facts: &Facts) -> bool {
    facts.is_durable() == Some(true)
}

/// Returns what is told of what is wrong with a server.
pub(super) fn warning_of(flaw: Flaw, facts: &Facts) -> Warning {
    match flaw {
        Flaw::Replica => Warning::Replica,
        Flaw::Evicts => Warning::Evicts { policy: facts.eviction_policy().unwrap_or_default().into() },
        Flaw::Cluster => Warning::Cluster,
        Flaw::FailsOver => Warning::FailsOver,
    }
}

impl Locks {
    /// Learns what the server of a node says of itself.
    pub(super) fn learn(&mut self, node: NodeId, facts: Facts, now: Instant) {
        let rules = self.config.trust();
        let is_declared = rules.durable.contains(node);
        if let Some(state) = self.nodes.get_mut(node.index()) {
            let answered_at = state.answered_at();
            state.trust.connected(facts, rules, is_declared, answered_at, now);
        }
        self.find_same_servers();
        let Self { nodes, config, .. } = self;
        for Node { trust, .. } in nodes {
            trust.unsuitable = trust.judge(config);
        }
    }

    /// Finds the nodes that are one server: the first of them has a vote, the others have not.
    fn find_same_servers(&mut self) {
        for index in 0..self.nodes.len() {
            let (before, rest) = self.nodes.split_at_mut(index);
            let Some(Node { trust, .. }) = rest.first_mut() else { continue };
            let is_same = |other: &Node| trust.run_id.is_some() && other.trust.run_id == trust.run_id;
            trust.same_as = before.iter().position(is_same).and_then(NodeId::new);
        }
    }

    /// Takes the vote from a node that may have forgotten what it had granted to somebody else.
    pub(super) fn without_vote_of_restarted(&mut self, node: NodeId, reply: Reply, now: Instant) -> Reply {
        let is_grant = matches!(reply, Reply::Done | Reply::Granted(_));
        let rules = self.config.trust();
        let granting = self.nodes.get_mut(node.index()).filter(|_| is_grant);
        if granting.is_some_and(|state| state.trust.granted(rules, rules.durable.contains(node), now)) {
            self.observe_quarantine(node, now);
        }
        match self.quarantined_until(node).filter(|until| is_grant && now < *until) {
            Some(until) => {
                let left = until.saturating_since(now).as_secs_f64();
                let detail = format!("it has a vote again in {left:.1} s");
                Reply::Unavailable(Unavailable::with_detail(Cause::Restarted, &detail))
            }
            None => reply,
        }
    }

    pub(super) fn quarantined_until(&self, node: NodeId) -> Option<Instant> {
        self.nodes.get(node.index())?.trust.quarantined_until(self.longest_ttl, &self.config)
    }

    /// Notes for how long keys live.
    pub(super) fn note_ttl(&mut self, ttl: Duration) {
        self.longest_ttl = self.longest_ttl.max(ttl);
    }
}
