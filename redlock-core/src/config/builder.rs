use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Config, ConfigError, DEFAULT_DRIFT_FACTOR, DEFAULT_FENCE_RETENTION, DEFAULT_MAX_NAME_LEN, DEFAULT_MAX_TTL,
    DEFAULT_PING_INTERVAL, DEFAULT_SILENCE_TIMEOUT, MAX_TTL_BOUND, MIN_FENCE_RETENTION, MIN_TTL, NodeTimeout, Settings,
    hash,
};
use crate::span::Span;
use crate::trust::TrustRules;
use crate::{Instant, MAX_NODES, NodeId, NodeSet, Owner, RestartGuard, Rule, Ttl};

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
    pub(super) fn new(names: Vec<String>) -> Self {
        Self {
            names,
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
    ///
    /// ```
    /// use redlock_core::Config;
    ///
    /// let config = Config::builder(["one", "two", "three"]).owner("host-7/billing".parse()?).build()?;
    /// assert_eq!(config.owner().map(|owner| owner.as_str()), Some("host-7/billing"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
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
    /// `appendfsync always` and `no-appendfsync-on-rewrite no`, if the user may ask), before and after it was started again, need
    /// not be named.
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
            silence_timeout: Span::of(self.silence_timeout),
            ping_interval: self.ping_interval.map(Span::of),
        })))
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_rounded_up_to_a_millionth() {
        assert_eq!(parts_per_million(0.0), 0);
        assert_eq!(parts_per_million(0.000_000_1), 1);
        assert_eq!(parts_per_million(0.5), 500_000);
    }
}
