mod builder;
mod error;
mod node_timeout;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

pub use self::builder::ConfigBuilder;
pub use self::error::ConfigError;
pub use self::node_timeout::NodeTimeout;
use crate::quorum::Quorum;
use crate::span::Span;
use crate::trust::TrustRules;
use crate::{Instant, NodeId, NodeSet, Owner, Resource, Resources, Ttl};

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

/// The shortest TTL: Redis counts expiry in whole milliseconds, and `PEXPIRE` with none deletes the key.
pub const MIN_TTL: Duration = Duration::from_millis(1);

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
    silence_timeout: Span,
    ping_interval: Option<Span>,
    trust: TrustRules,
}

impl Config {
    /// Begins a config over the nodes that have these names.
    ///
    /// A name stands in errors and reports, so it should tell a person which server is meant; it must not contain a
    /// password. Nodes must be independent masters: a replica of one of the others has no vote of its own.
    pub fn builder<N: Into<String>>(names: impl IntoIterator<Item = N>) -> ConfigBuilder {
        ConfigBuilder::new(names.into_iter().map(Into::into).collect())
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
        self.0.silence_timeout.get()
    }

    /// Returns after how long without a word a connection is tried out; `None` if none is.
    #[must_use]
    pub fn ping_interval(&self) -> Option<Duration> {
        self.0.ping_interval.map(Span::get)
    }

    /// Returns when a connection counts as silent over which nothing was heard since then.
    pub(crate) fn silent_at(&self, heard_at: Instant) -> Instant {
        heard_at.after(self.0.silence_timeout)
    }

    /// Returns when a connection is tried out that was of use at `last`.
    pub(crate) fn ping_at(&self, last: Instant) -> Option<Instant> {
        self.0.ping_interval.map(|interval| last.after(interval))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_NODES;

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

    /// Processes of other machines and other versions must find the same home. The homes were computed by another program.
    #[test]
    fn a_home_is_the_same_on_every_machine() {
        let names = ["10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379", "10.0.0.4:6379", "10.0.0.5:6379"];
        let config = Config::builder(names).build().unwrap();
        for (resource, home) in [
            (&b"invoice:2"[..], 1),
            (b"invoice:3", 0),
            (b"invoice:5", 4),
            (b"invoice:6", 2),
            (b"report", 3),
            ("caf\u{e9}".as_bytes(), 4),
            (b"\xff\x00", 4),
        ] {
            assert_eq!(config.home(&Resource::new(resource)).unwrap().index(), home, "{resource:?}");
        }
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
}
