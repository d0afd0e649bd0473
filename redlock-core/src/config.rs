use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::quorum::Quorum;
use crate::trust::TrustRules;
use crate::{Instant, MAX_NODES, NodeId, NodeSet, Owner, Resource, Resources, RestartGuard, Rule, Ttl};

/// The share of the TTL that clocks may drift apart unless [`ConfigBuilder::drift_factor`] says otherwise: one per
/// cent.
pub const DEFAULT_DRIFT_FACTOR: f64 = 0.01;

/// The longest TTL unless [`ConfigBuilder::max_ttl`] says otherwise: 24 hours.
pub const DEFAULT_MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest name of a resource in bytes unless [`ConfigBuilder::max_name_len`] says otherwise.
pub const DEFAULT_MAX_NAME_LEN: usize = 512;

/// For how long a connection may owe a reply without giving any, unless [`ConfigBuilder::silence_timeout`] says
/// otherwise: five seconds.
///
/// It is well above any node timeout, so that a server that hangs for a moment keeps its connections, and well below the
/// time after which the operating system notices.
pub const DEFAULT_SILENCE_TIMEOUT: Duration = Duration::from_secs(5);

/// After how long without a word a connection is tried out, unless [`ConfigBuilder::ping_interval`] says otherwise: 30
/// seconds, half of what firewalls and load balancers usually allow.
pub const DEFAULT_PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long a node keeps the counter of a resource unless [`ConfigBuilder::fence_retention`] says otherwise: seven days.
pub const DEFAULT_FENCE_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The shortest time for which counters can be kept: a day, far beyond the errors of clocks.
pub const MIN_FENCE_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest TTL that [`ConfigBuilder::max_ttl`] can allow: ten years.
pub const MAX_TTL_BOUND: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// The settings that all locks over one set of nodes share. A config that exists is valid; it is cheap to clone.
///
/// ```
/// use redlock_core::Config;
///
/// let config = Config::builder(["10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"]).build()?;
/// assert_eq!(config.nodes().len(), 3);
/// assert_eq!(config.quorum(), 2);
/// # Ok::<(), redlock_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config(Arc<Settings>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Settings {
    names: Box<[Box<str>]>,
    /// The hashes of the names.
    hashes: Box<[u64]>,
    drift_ppm: u32,
    max_ttl: Duration,
    max_name_len: usize,
    prefix: Box<str>,
    owner: Option<Owner>,
    fence_retention: Ttl,
    node_timeout: NodeTimeout,
    silence_timeout: Duration,
    ping_interval: Option<Duration>,
    trust: TrustRules,
}

impl Config {
    /// Begins a config over the nodes that have these names.
    ///
    /// A name stands in errors and reports, so it should tell a person which server is meant; it must not contain a
    /// password. Nodes must be independent masters: a replica of one of the others has no vote of its own.
    pub fn builder<N: Into<String>>(names: impl IntoIterator<Item = N>) -> ConfigBuilder {
        ConfigBuilder {
            names: names.into_iter().map(Into::into).collect(),
            drift_factor: DEFAULT_DRIFT_FACTOR,
            max_ttl: DEFAULT_MAX_TTL,
            max_name_len: DEFAULT_MAX_NAME_LEN,
            prefix: String::new(),
            owner: None,
            fence_retention: DEFAULT_FENCE_RETENTION,
            node_timeout: NodeTimeout::DEFAULT,
            silence_timeout: DEFAULT_SILENCE_TIMEOUT,
            ping_interval: Some(DEFAULT_PING_INTERVAL),
            trust: TrustRules::default(),
            durable: Vec::new(),
        }
    }

    /// Returns all nodes.
    #[must_use]
    pub fn nodes(&self) -> NodeSet {
        NodeSet::first(self.0.names.len())
    }

    /// Returns the name of a node; an empty text for one that this config does not have.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        self.0.names.get(node.index()).map_or("", |name| name)
    }

    /// Returns the number of nodes that must agree: N/2 + 1.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.votes().size()
    }

    /// Returns the longest TTL of a lock.
    #[must_use]
    pub fn max_ttl(&self) -> Duration {
        self.0.max_ttl
    }

    /// Returns the longest name of a resource, in bytes.
    #[must_use]
    pub fn max_name_len(&self) -> usize {
        self.0.max_name_len
    }

    /// Returns what stands in front of the name of every resource on the nodes.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// Returns the label that locks have unless a request says otherwise.
    #[must_use]
    pub fn owner(&self) -> Option<&Owner> {
        self.0.owner.as_ref()
    }

    /// Returns how long a node keeps the counter of a resource after it was fenced for the last time.
    #[must_use]
    pub fn fence_retention(&self) -> Ttl {
        self.0.fence_retention
    }

    /// Returns how long a node may take to answer inside a round.
    #[must_use]
    pub fn node_timeout(&self) -> NodeTimeout {
        self.0.node_timeout
    }

    /// Returns for how long a connection may owe a reply without giving any.
    #[must_use]
    pub fn silence_timeout(&self) -> Duration {
        self.0.silence_timeout
    }

    /// Returns after how long without a word a connection is tried out; `None` if none is.
    #[must_use]
    pub fn ping_interval(&self) -> Option<Duration> {
        self.0.ping_interval
    }

    /// Returns the home of a resource: the node that keeps its wait queue.
    ///
    /// All clients whose nodes have the same names compute the same home, whatever the order of the nodes; every node is
    /// the home of as many resources as any other. A node that comes or goes moves only its own share. Source: *A
    /// Name-Based Mapping Scheme for Rendezvous*, Thaler and Ravishankar, 1996.
    #[must_use]
    pub fn home(&self, resource: &Resource) -> Option<NodeId> {
        self.home_among(self.nodes(), resource)
    }

    /// Returns the first of these nodes in the order of which the home is the first.
    pub(crate) fn home_among(&self, nodes: NodeSet, resource: &Resource) -> Option<NodeId> {
        let resource = hash(resource.as_bytes());
        nodes.iter().max_by_key(|node| self.0.hashes.get(node.index()).map(|node| mix(node ^ resource)))
    }

    /// Returns the homes of the resources.
    pub(crate) fn homes(&self, resources: &Resources) -> NodeSet {
        resources.as_slice().iter().filter_map(|resource| self.home(resource)).collect()
    }

    pub(crate) fn trust(&self) -> TrustRules {
        self.0.trust
    }

    pub(crate) fn drift_ppm(&self) -> u32 {
        self.0.drift_ppm
    }

    pub(crate) fn votes(&self) -> Quorum {
        Quorum::of(self.0.names.len())
    }
}

/// Builds a [`Config`]; every setter replaces a default.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct ConfigBuilder {
    names: Vec<String>,
    drift_factor: f64,
    max_ttl: Duration,
    max_name_len: usize,
    prefix: String,
    owner: Option<Owner>,
    fence_retention: Duration,
    node_timeout: NodeTimeout,
    silence_timeout: Duration,
    ping_interval: Option<Duration>,
    trust: TrustRules,
    durable: Vec<String>,
}

impl ConfigBuilder {
    /// Adds one more node with this name, behind those that are there.
    pub fn node(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    /// Sets the share of the TTL by which clocks may drift apart, from 0 up to but not including 1; the default is
    /// [`DEFAULT_DRIFT_FACTOR`]. A lock is valid for `ttl - ttl * factor - 2 ms`.
    pub fn drift_factor(mut self, factor: f64) -> Self {
        self.drift_factor = factor;
        self
    }

    /// Sets the longest TTL that a lock may have, 1 ms to [`MAX_TTL_BOUND`]; the default is [`DEFAULT_MAX_TTL`].
    pub fn max_ttl(mut self, max_ttl: Duration) -> Self {
        self.max_ttl = max_ttl;
        self
    }

    /// Sets the longest name of a resource in bytes, at least 1; the default is [`DEFAULT_MAX_NAME_LEN`].
    pub fn max_name_len(mut self, bytes: usize) -> Self {
        self.max_name_len = bytes;
        self
    }

    /// Sets what stands in front of the name of every resource on the nodes, such as `billing:`; the default is nothing. All
    /// who lock the same resource must use the same. The longest name counts with it.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the label of whoever uses this handle, which is kept beside each of its locks on the nodes while it is held; see
    /// [`Owner`]. None unless set: then nothing is kept, and a lock costs the nodes less.
    pub fn owner(mut self, owner: impl Into<Option<Owner>>) -> Self {
        self.owner = owner.into();
        self
    }

    /// Sets how long a node keeps the counter of a resource after it was fenced for the last time, at least
    /// [`MIN_FENCE_RETENTION`]; the default is [`DEFAULT_FENCE_RETENTION`]. After it, fences go on from the wall clock of
    /// whoever asks: it must be longer than any clock is wrong, and than any holder may be late.
    pub fn fence_retention(mut self, retention: Duration) -> Self {
        self.fence_retention = retention;
        self
    }

    /// Sets how long a node may take to answer inside a round; the default is [`NodeTimeout::DEFAULT`].
    pub fn node_timeout(mut self, timeout: NodeTimeout) -> Self {
        self.node_timeout = timeout;
        self
    }

    /// Sets for how long a connection may owe a reply without giving any, above zero; the default is
    /// [`DEFAULT_SILENCE_TIMEOUT`]. After that it is given up, because a server that was stopped, or a device on the way
    /// that swallows everything, would otherwise keep its node out of use for ever; another one is opened.
    pub fn silence_timeout(mut self, timeout: Duration) -> Self {
        self.silence_timeout = timeout;
        self
    }

    /// Sets after how long without a word a connection is tried out with a question for the server's clock (`INFO server`),
    /// above zero; `None` to try out none. The default is [`DEFAULT_PING_INTERVAL`]. The clock is asked for as often where
    /// the connection is used. So a connection that broke while nobody used it is replaced before a lock
    /// needs it.
    pub fn ping_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.ping_interval = interval.into();
        self
    }

    /// Sets which nodes have no vote for a while because they may have forgotten what they had granted; the default is
    /// [`RestartGuard::SEEN`].
    pub fn restart_guard(mut self, guard: RestartGuard) -> Self {
        self.trust.guard = guard;
        self
    }

    /// Declares that the node of this name forgets nothing when it is killed and started again, so that the
    /// [restart guard](Self::restart_guard) lets it vote at once. One that says so itself (`appendonly yes` with
    /// `appendfsync always`, if the user may ask) need not be named.
    pub fn durable(mut self, name: impl Into<String>) -> Self {
        self.durable.push(name.into());
        self
    }

    /// Sets what becomes of a node that is a replica; the default is [`Rule::Warn`]. Its master may forget what the replica
    /// knows, and the other way round; one that takes no writes refuses all locks anyway.
    pub fn on_replica(mut self, rule: Rule) -> Self {
        self.trust.on_replica = rule;
        self
    }

    /// Sets what becomes of a node that throws keys away when its memory is full (`maxmemory-policy`); the default is
    /// [`Rule::Warn`]. A lock whose key is thrown away can be taken by somebody else.
    pub fn on_eviction(mut self, rule: Rule) -> Self {
        self.trust.on_eviction = rule;
        self
    }

    /// Sets what becomes of a node that is a member of a Redis Cluster; the default is [`Rule::Warn`]. A failover of the
    /// cluster forgets keys.
    pub fn on_cluster(mut self, rule: Rule) -> Self {
        self.trust.on_cluster = rule;
        self
    }

    /// Checks every rule and makes the config.
    ///
    /// # Errors
    ///
    /// - [`ConfigError::NoNodes`], [`ConfigError::TooManyNodes`], [`ConfigError::UnnamedNode`] or
    ///   [`ConfigError::DuplicateNode`] when the list of nodes is not a list of 1 to [`MAX_NODES`] distinct names;
    /// - [`ConfigError::DriftFactor`], [`ConfigError::MaxTtl`], [`ConfigError::MaxNameLen`], [`ConfigError::Prefix`],
    ///   [`ConfigError::FenceRetention`],
    ///   [`ConfigError::NodeTimeout`], [`ConfigError::SilenceTimeout`], [`ConfigError::PingInterval`] or
    ///   [`ConfigError::LongestTtl`] when that setting is out of its bounds;
    /// - [`ConfigError::UnknownNode`] when a node is declared durable that there is not.
    pub fn build(self) -> Result<Config, ConfigError> {
        check_names(&self.names)?;
        if !(0.0..1.0).contains(&self.drift_factor) {
            return Err(ConfigError::DriftFactor { factor: self.drift_factor });
        }
        if self.max_ttl < MIN_TTL || self.max_ttl > MAX_TTL_BOUND {
            return Err(ConfigError::MaxTtl { max_ttl: self.max_ttl });
        }
        if self.max_name_len == 0 {
            return Err(ConfigError::MaxNameLen);
        }
        if !(MIN_FENCE_RETENTION..=MAX_TTL_BOUND).contains(&self.fence_retention) {
            return Err(ConfigError::FenceRetention { retention: self.fence_retention });
        }
        if self.prefix.len() >= self.max_name_len {
            return Err(ConfigError::Prefix { len: self.prefix.len(), max_name_len: self.max_name_len });
        }
        self.node_timeout.check()?;
        if self.silence_timeout.is_zero() {
            return Err(ConfigError::SilenceTimeout);
        }
        if self.ping_interval.is_some_and(|interval| interval.is_zero()) {
            return Err(ConfigError::PingInterval);
        }
        let longest_ttl = self.trust.guard.longest(Duration::ZERO);
        if longest_ttl > MAX_TTL_BOUND {
            return Err(ConfigError::LongestTtl { longest_ttl });
        }
        let durable = nodes_of(&self.durable, &self.names)?;
        Ok(Config(Arc::new(Settings {
            trust: TrustRules { durable, ..self.trust },
            hashes: self.names.iter().map(|name| hash(name.as_bytes())).collect(),
            names: self.names.into_iter().map(String::into_boxed_str).collect(),
            drift_ppm: parts_per_million(self.drift_factor),
            max_ttl: self.max_ttl,
            max_name_len: self.max_name_len,
            prefix: self.prefix.into_boxed_str(),
            owner: self.owner,
            fence_retention: Ttl::until(Instant::EPOCH.saturating_add(self.fence_retention), Instant::EPOCH)
                .ok_or(ConfigError::FenceRetention { retention: self.fence_retention })?,
            node_timeout: self.node_timeout,
            silence_timeout: self.silence_timeout,
            ping_interval: self.ping_interval,
        })))
    }
}

/// The shortest TTL: Redis counts expiry in whole milliseconds, and `PEXPIRE` with none deletes the key.
pub const MIN_TTL: Duration = Duration::from_millis(1);

fn check_names(names: &[String]) -> Result<(), ConfigError> {
    if names.is_empty() {
        return Err(ConfigError::NoNodes);
    }
    if names.len() > MAX_NODES {
        return Err(ConfigError::TooManyNodes { nodes: names.len() });
    }
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(ConfigError::UnnamedNode { index });
        }
        if names.iter().take(index).any(|earlier| earlier == name) {
            return Err(ConfigError::DuplicateNode { name: name.clone() });
        }
    }
    Ok(())
}

/// Returns the nodes that have these names.
fn nodes_of(wanted: &[String], names: &[String]) -> Result<NodeSet, ConfigError> {
    let node = |name: &String| names.iter().position(|other| other == name).and_then(NodeId::new);
    wanted.iter().map(|name| node(name).ok_or_else(|| ConfigError::UnknownNode { name: name.clone() })).collect()
}

/// Returns a factor below one in parts per million, rounded up.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the factor lies in 0..1")]
fn parts_per_million(factor: f64) -> u32 {
    let parts = factor * 1e6;
    let whole = parts as u32;
    if parts > f64::from(whole) { whole.saturating_add(1) } else { whole }
}

/// Returns the 64-bit FNV-1a hash.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Lets every bit of a number change every other one: the finalizer of `SplitMix64`.
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// The time that a node has to answer inside a round: a share of the TTL, between two bounds.
///
/// A node that is silent for longer counts as a refusal in that round. Its command may still be carried out, so it is
/// told to release like all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeTimeout {
    per_mille: u32,
    min: Duration,
    max: Duration,
}

impl NodeTimeout {
    /// 5 % of the TTL, at least 20 ms and at most 500 ms.
    ///
    /// Source: *Distributed Locks with Redis*, "The Redlock Algorithm", step 2: the timeout is small compared with the
    /// TTL (for ten seconds, 5 to 50 milliseconds), so that a client does not stay blocked by a node that is down.
    pub const DEFAULT: Self = Self { per_mille: 50, min: Duration::from_millis(20), max: Duration::from_millis(500) };

    /// Allows `per_mille` thousandths of the TTL (1 to 1,000), at least `min` and at most `max`.
    ///
    /// The bounds are checked by [`ConfigBuilder::build`]: `min` is not zero and not above `max`.
    #[must_use]
    pub const fn new(per_mille: u32, min: Duration, max: Duration) -> Self {
        Self { per_mille, min, max }
    }

    /// Allows the same time for every TTL.
    #[must_use]
    pub const fn fixed(timeout: Duration) -> Self {
        Self { per_mille: 1, min: timeout, max: timeout }
    }

    /// Returns the timeout of a round for a lock with this TTL.
    #[must_use]
    pub fn of(self, ttl: Duration) -> Duration {
        let share = ttl.saturating_mul(self.per_mille).checked_div(1_000).unwrap_or_default();
        share.max(self.min).min(self.max)
    }

    /// Returns the timeout where there is no TTL to go by: the longest.
    pub(crate) const fn longest(self) -> Duration {
        self.max
    }

    fn check(self) -> Result<(), ConfigError> {
        let in_bounds = (1..=1_000).contains(&self.per_mille)
            && !self.min.is_zero()
            && self.min <= self.max
            && self.max <= MAX_TTL_BOUND;
        if in_bounds { Ok(()) } else { Err(ConfigError::NodeTimeout { timeout: self }) }
    }
}

impl Default for NodeTimeout {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The rule that a [`Config`] would break.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The list of nodes is empty.
    #[error("no node was given: name at least one Redis master, better three or five")]
    NoNodes,
    /// More nodes than a [`NodeSet`] can hold.
    #[error("{nodes} nodes were given, at most {MAX_NODES} are supported")]
    TooManyNodes {
        /// The number of nodes that were given.
        nodes: usize,
    },
    /// A node's name is empty.
    #[error("the node at position {index} has an empty name")]
    UnnamedNode {
        /// Its position in the list, counted from zero.
        index: usize,
    },
    /// The same node stands twice in the list: it would vote twice.
    #[error("the node {name} was given twice: each must be a server of its own")]
    DuplicateNode {
        /// Its name.
        name: String,
    },
    /// The drift factor is not in 0..1.
    #[error("the drift factor is {factor}, it must be at least 0 and less than 1")]
    DriftFactor {
        /// The value that was given.
        factor: f64,
    },
    /// The longest TTL is out of bounds.
    #[error("max_ttl is {max_ttl:?}, it must be at least {MIN_TTL:?} and at most {MAX_TTL_BOUND:?}")]
    MaxTtl {
        /// The value that was given.
        max_ttl: Duration,
    },
    /// The longest name would be empty.
    #[error("max_name_len is 0, it must be at least 1")]
    MaxNameLen,
    /// Counters are to be kept for too short or too long a time.
    #[error(
        "fence_retention is {retention:?}, it must be at least {MIN_FENCE_RETENTION:?} and at most {MAX_TTL_BOUND:?}"
    )]
    FenceRetention {
        /// The value that was given.
        retention: Duration,
    },
    /// The prefix leaves no room for a name.
    #[error("the prefix has {len} bytes, which leaves none of the {max_name_len} that a name may have (max_name_len)")]
    Prefix {
        /// The length of the prefix in bytes.
        len: usize,
        /// The longest name.
        max_name_len: usize,
    },
    /// The bounds of the node timeout contradict each other.
    #[error(
        "the node timeout {timeout:?} is not valid: 1 to 1000 per mille, a lower bound above zero, an upper bound not below it"
    )]
    NodeTimeout {
        /// The value that was given.
        timeout: NodeTimeout,
    },
    /// A connection would have no time to answer anything.
    #[error("silence_timeout is 0, it must be above zero")]
    SilenceTimeout,
    /// The longest TTL that anybody uses is out of bounds.
    #[error("the restart guard has a longest TTL of {longest_ttl:?}, it must be at most {MAX_TTL_BOUND:?}")]
    LongestTtl {
        /// The value that was given.
        longest_ttl: Duration,
    },
    /// A node is declared durable that there is not.
    #[error("the node {name} is declared durable, but there is no node of that name")]
    UnknownNode {
        /// The name that was given.
        name: String,
    },
    /// Connections would be tried out all the time.
    #[error("ping_interval is 0, it must be above zero, or none")]
    PingInterval,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> ConfigBuilder {
        Config::builder(["a", "b", "c"])
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let config = three().build().unwrap();
        assert_eq!(config.max_ttl(), Duration::from_secs(86_400));
        assert_eq!(config.max_name_len(), 512);
        assert_eq!(config.drift_ppm(), 10_000);
        assert_eq!(config.silence_timeout(), Duration::from_secs(5));
        assert_eq!(config.ping_interval(), Some(Duration::from_secs(30)));
        assert_eq!(config.node_timeout(), NodeTimeout::new(50, Duration::from_millis(20), Duration::from_millis(500)));
    }

    #[test]
    fn every_resource_has_a_home_that_the_order_of_the_nodes_does_not_change() {
        let names = ["10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379", "10.0.0.4:6379", "10.0.0.5:6379"];
        let (config, reversed) = (Config::builder(names), Config::builder(names.into_iter().rev()));
        let (config, reversed) = (config.build().unwrap(), reversed.build().unwrap());
        let mut share = [0; 5];
        for number in 0..10_000 {
            let resource = Resource::from(format!("invoice:{number}"));
            let home = config.home(&resource).unwrap();
            assert_eq!(config.name(home), reversed.name(reversed.home(&resource).unwrap()));
            share[home.index()] += 1;
        }
        assert!(share.iter().all(|share| (1_800..2_200).contains(share)), "{share:?}");
    }

    #[test]
    fn a_node_that_goes_moves_only_what_was_at_home_there() {
        let (all, fewer) = (three().build().unwrap(), Config::builder(["a", "b"]).build().unwrap());
        for number in 0..1_000 {
            let resource = Resource::from(format!("invoice:{number}"));
            let home = all.name(all.home(&resource).unwrap());
            assert!(home == "c" || home == fewer.name(fewer.home(&resource).unwrap()));
        }
    }

    #[test]
    fn the_node_timeout_is_a_bounded_share_of_the_ttl() {
        for (ttl, expected) in [(10, 20), (200, 20), (400, 20), (1_000, 50), (10_000, 500), (86_400_000, 500)] {
            let timeout = NodeTimeout::DEFAULT.of(Duration::from_millis(ttl));
            assert_eq!(timeout, Duration::from_millis(expected), "TTL of {ttl} ms");
        }
        assert_eq!(NodeTimeout::fixed(MIN_TTL).of(DEFAULT_MAX_TTL), MIN_TTL);
    }

    #[test]
    fn each_rule_has_an_error_that_names_the_value() {
        let none: [&str; 0] = [];
        assert_eq!(Config::builder(none).build(), Err(ConfigError::NoNodes));
        assert_eq!(Config::builder(["a", ""]).build(), Err(ConfigError::UnnamedNode { index: 1 }));
        assert_eq!(Config::builder(["a", "b", "a"]).build(), Err(ConfigError::DuplicateNode { name: "a".into() }));
        let many = (0..=MAX_NODES).map(|index| format!("{index}"));
        assert_eq!(Config::builder(many).build(), Err(ConfigError::TooManyNodes { nodes: 33 }));
        for factor in [-0.1, 1.0, f64::INFINITY] {
            assert_eq!(three().drift_factor(factor).build(), Err(ConfigError::DriftFactor { factor }));
        }
        assert!(matches!(three().drift_factor(f64::NAN).build(), Err(ConfigError::DriftFactor { .. })));
        for max_ttl in [Duration::ZERO, Duration::from_micros(999), Duration::MAX] {
            assert_eq!(three().max_ttl(max_ttl).build(), Err(ConfigError::MaxTtl { max_ttl }));
        }
        assert_eq!(three().max_name_len(0).build(), Err(ConfigError::MaxNameLen));
        let no_room = ConfigError::Prefix { len: 4, max_name_len: 4 };
        assert_eq!(three().max_name_len(4).prefix("job:").build(), Err(no_room));
        assert_eq!(three().silence_timeout(Duration::ZERO).build(), Err(ConfigError::SilenceTimeout));
        assert_eq!(three().ping_interval(Duration::ZERO).build(), Err(ConfigError::PingInterval));
        let (zero, second) = (Duration::ZERO, Duration::from_secs(1));
        for timeout in
            [NodeTimeout::fixed(zero), NodeTimeout::new(0, second, second), NodeTimeout::new(50, second, MIN_TTL)]
        {
            assert_eq!(three().node_timeout(timeout).build(), Err(ConfigError::NodeTimeout { timeout }));
        }
    }

    #[test]
    fn a_factor_is_rounded_up_to_a_millionth() {
        assert_eq!(parts_per_million(0.0), 0);
        assert_eq!(parts_per_million(0.000_000_1), 1);
        assert_eq!(parts_per_million(0.5), 500_000);
    }
}
