use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::{BuildError, Observers};
use crate::{Config, ConfigBuilder, ConfigError, Options};

/// The time that a try to connect may take unless a builder says otherwise: one second.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The settings that a builder was given so far; `N` is the way to a node.
///
/// The setters themselves are written once in `builder_setters`.
pub struct Settings<N> {
    /// What the protocol needs to know.
    pub config: ConfigBuilder,
    /// How hard every call tries unless it says otherwise itself.
    pub options: Options,
    /// How long a try to connect to a node may take.
    pub connect_timeout: Duration,
    /// Who is told what happens.
    pub observers: Observers,
    nodes: Vec<N>,
    /// How many nodes were given, also those that could not be made.
    given: usize,
    /// The first node that could not be made, and which of those given it is.
    error: Option<(usize, BuildError)>,
}

/// The settings of a handle that is built.
#[derive(Debug)]
#[non_exhaustive]
pub struct Setup<N> {
    /// What the protocol needs to know.
    pub config: Config,
    /// The ways to the nodes of the configuration, in its order.
    pub nodes: Vec<N>,
    /// How hard every call tries unless it says otherwise itself.
    pub options: Options,
    /// How long a try to connect to a node may take.
    pub connect_timeout: Duration,
    /// Who is told what happens.
    pub observers: Observers,
}

impl<N> Settings<N> {
    /// Creates the defaults, without a node.
    #[must_use]
    pub fn new() -> Self {
        Self {
            config: Config::builder([""; 0]),
            options: Options::new(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            observers: Observers::default(),
            nodes: Vec::new(),
            given: 0,
            error: None,
        }
    }

    /// Adds a node with its name, or remembers why there is none.
    #[must_use]
    pub fn node(mut self, node: Result<(String, N), BuildError>) -> Self {
        self.given = self.given.saturating_add(1);
        match node {
            Ok((name, node)) => {
                self.config = self.config.node(name);
                self.nodes.push(node);
            }
            Err(error) => self.error = self.error.or(Some((self.given, error))),
        }
        self
    }

    /// Returns the settings, which are valid.
    ///
    /// # Errors
    ///
    /// - the error of the first node that could not be made;
    /// - [`BuildError::Config`] for an empty list of nodes, the same node twice, or a setting out of its bounds.
    pub fn build(self) -> Result<Setup<N>, BuildError> {
        let Self { config, options, connect_timeout, observers, nodes, given, error } = self;
        match error {
            Some((place, error)) if given > 1 => Err(error.numbered(place)),
            Some((_, error)) => Err(error),
            None if connect_timeout.is_zero() => Err(ConfigError::ConnectTimeout.into()),
            None => Ok(Setup { config: config.build()?, nodes, options, connect_timeout, observers }),
        }
    }
}

impl<N> Default for Settings<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N> fmt::Debug for Settings<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("config", &self.config)
            .field("options", &self.options)
            .field("connect_timeout", &self.connect_timeout)
            .field("observers", &self.observers)
            .finish_non_exhaustive()
    }
}

/// The setters of a builder whose field `settings` is [`Settings`], with their documentation.
#[macro_export]
#[doc(hidden)]
macro_rules! builder_setters {
    ($into_node:path) => {
        /// Adds one independent master: a URL or a client where the adapter knows them, or a [`Node`] over a transport of your
        /// own. See [`IntoNode`].
        pub fn node(self, node: impl $into_node) -> Self {
            let node = node.into_node().map(|node| (node.name.clone(), node));
            Self { settings: self.settings.node(node) }
        }

        /// Adds several independent masters. Three or five are usual; an even number is allowed and gains nothing.
        pub fn nodes<N: $into_node>(self, nodes: impl IntoIterator<Item = N>) -> Self {
            nodes.into_iter().fold(self, Self::node)
        }

        /// Sets the share of the TTL by which clocks may drift apart; see [`ConfigBuilder::drift_factor`].
        pub fn drift_factor(mut self, factor: f64) -> Self {
            self.settings.config = self.settings.config.drift_factor(factor);
            self
        }

        /// Sets the longest TTL of a lock; see [`ConfigBuilder::max_ttl`].
        pub fn max_ttl(mut self, max_ttl: Duration) -> Self {
            self.settings.config = self.settings.config.max_ttl(max_ttl);
            self
        }

        /// Sets the longest name of a resource in bytes; see [`ConfigBuilder::max_name_len`].
        pub fn max_name_len(mut self, bytes: usize) -> Self {
            self.settings.config = self.settings.config.max_name_len(bytes);
            self
        }

        /// Puts a prefix in front of the name of every resource; see [`ConfigBuilder::prefix`].
        #[doc(alias = "namespace")]
        pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
            self.settings.config = self.settings.config.prefix(prefix);
            self
        }

        /// Labels the user of the handle; others see the label beside its locks; see [`ConfigBuilder::owner`].
        pub fn owner(mut self, owner: Owner) -> Self {
            self.settings.config = self.settings.config.owner(owner);
            self
        }

        /// Sets how long a node keeps the counter of a resource after it was fenced for the last time; see
        /// [`ConfigBuilder::fence_retention`].
        pub fn fence_retention(mut self, retention: Duration) -> Self {
            self.settings.config = self.settings.config.fence_retention(retention);
            self
        }

        /// Sets how long a node may take to answer inside a round; see [`NodeTimeout`].
        pub fn node_timeout(mut self, timeout: NodeTimeout) -> Self {
            self.settings.config = self.settings.config.node_timeout(timeout);
            self
        }

        /// Sets how long a connection may owe a reply without giving any; see [`ConfigBuilder::silence_timeout`].
        pub fn silence_timeout(mut self, timeout: Duration) -> Self {
            self.settings.config = self.settings.config.silence_timeout(timeout);
            self
        }

        /// Sets after how long without a word a connection is tried out; see [`ConfigBuilder::ping_interval`].
        pub fn ping_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
            self.settings.config = self.settings.config.ping_interval(interval);
            self
        }

        /// Sets which nodes have no vote because they may have forgotten what they had granted; see
        /// [`ConfigBuilder::restart_guard`].
        pub fn restart_guard(mut self, guard: RestartGuard) -> Self {
            self.settings.config = self.settings.config.restart_guard(guard);
            self
        }

        /// Declares that the node of this name forgets nothing when it is killed; see [`ConfigBuilder::durable`].
        pub fn durable(mut self, name: impl Into<String>) -> Self {
            self.settings.config = self.settings.config.durable(name);
            self
        }

        /// Sets whether a node that is a replica is used; see [`ConfigBuilder::on_replica`].
        pub fn on_replica(mut self, rule: Rule) -> Self {
            self.settings.config = self.settings.config.on_replica(rule);
            self
        }

        /// Sets whether a node that throws keys away when its memory is full is used; see [`ConfigBuilder::on_eviction`].
        pub fn on_eviction(mut self, rule: Rule) -> Self {
            self.settings.config = self.settings.config.on_eviction(rule);
            self
        }

        /// Sets whether a node that is a member of a cluster is used; see [`ConfigBuilder::on_cluster`].
        pub fn on_cluster(mut self, rule: Rule) -> Self {
            self.settings.config = self.settings.config.on_cluster(rule);
            self
        }

        /// Sets how hard every call tries unless it says otherwise itself.
        pub fn options(mut self, options: Options) -> Self {
            self.settings.options = options;
            self
        }

        /// Sets how long a try to connect to a node may take, above zero; the default is [`DEFAULT_CONNECT_TIMEOUT`].
        pub fn connect_timeout(mut self, timeout: Duration) -> Self {
            self.settings.connect_timeout = timeout;
            self
        }

        /// Tells an observer what happens to the locks and nodes of the handle, in order; several may be added. Without one
        /// nothing is collected.
        pub fn observer(mut self, observer: impl $crate::shell::Observer) -> Self {
            self.settings.observers.push(observer);
            self
        }
    };
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_handle_that_could_never_connect_is_refused() {
        let settings = Settings::new().node(Ok(("a".into(), ())));
        let refused = Settings { connect_timeout: Duration::ZERO, ..settings }.build().unwrap_err();
        assert_eq!(refused, BuildError::Config(ConfigError::ConnectTimeout));
        assert_eq!(refused.to_string(), "connect_timeout is 0, it must be above zero");
    }

    #[test]
    fn a_node_that_is_not_usable_is_named_by_its_place_among_several() {
        let settings = |nodes: &[&str]| {
            nodes.iter().fold(Settings::new(), |settings, name| match *name {
                "" => settings.node(Err(BuildError::unusable_url("10.0.0.1, 10.0.0.2", "the scheme is missing"))),
                name => settings.node(Ok((name.into(), ()))),
            })
        };
        let error = |nodes| settings(nodes).build().unwrap_err().to_string();
        let rule = "is not usable: the scheme is missing";
        assert_eq!(error(&["one", "", "three", ""]), format!("the node *** (number 2 of those given) {rule}"));
        assert_eq!(error(&[""]), format!("the node *** {rule}"));
    }
}
