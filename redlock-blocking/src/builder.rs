use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redlock_core::{Config, ConfigBuilder, NodeTimeout, Options, Unavailable};

use crate::platform::{Platform, System};
use crate::shell::{Connect, Shell};
use crate::{BuildError, Connection, Redlock, Transport};

/// How long a try to connect may take unless [`Builder::connect_timeout`] says otherwise: one second.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Builds a [`Redlock`] handle.
#[must_use = "a builder does nothing before `build`"]
pub struct Builder {
    config: ConfigBuilder,
    nodes: Vec<Node>,
    /// The first node that could not be made.
    error: Option<BuildError>,
    options: Options,
    connect_timeout: Duration,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            config: Config::builder([""; 0]),
            nodes: Vec::new(),
            error: None,
            options: Options::new(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        }
    }

    /// Adds one independent master: a URL, a client of the `redis` crate, or a [`Node`] over a transport of your own.
    pub fn node(mut self, node: impl IntoNode) -> Self {
        match node.into_node() {
            Ok(node) => {
                self.config = self.config.node(&node.name);
                self.nodes.push(node);
            }
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Adds several independent masters. Three or five are usual; an even number is allowed and gains nothing.
    pub fn nodes<N: IntoNode>(self, nodes: impl IntoIterator<Item = N>) -> Self {
        nodes.into_iter().fold(self, Self::node)
    }

    /// The share of the TTL by which clocks may drift apart; see [`ConfigBuilder::drift_factor`].
    pub fn drift_factor(mut self, factor: f64) -> Self {
        self.config = self.config.drift_factor(factor);
        self
    }

    /// The longest TTL of a lock; see [`ConfigBuilder::max_ttl`].
    pub fn max_ttl(mut self, max_ttl: Duration) -> Self {
        self.config = self.config.max_ttl(max_ttl);
        self
    }

    /// The longest name of a resource in bytes; see [`ConfigBuilder::max_name_len`].
    pub fn max_name_len(mut self, bytes: usize) -> Self {
        self.config = self.config.max_name_len(bytes);
        self
    }

    /// How long a node may take to answer inside a round; see [`NodeTimeout`].
    pub fn node_timeout(mut self, timeout: NodeTimeout) -> Self {
        self.config = self.config.node_timeout(timeout);
        self
    }

    /// For how long a connection may owe a reply without giving any; see [`ConfigBuilder::silence_timeout`].
    pub fn silence_timeout(mut self, timeout: Duration) -> Self {
        self.config = self.config.silence_timeout(timeout);
        self
    }

    /// After how long without a word a connection is tried out; see [`ConfigBuilder::ping_interval`].
    pub fn ping_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.config = self.config.ping_interval(interval);
        self
    }

    /// How hard every call tries unless it says otherwise itself.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// How long a try to connect to a node may take; the default is [`DEFAULT_CONNECT_TIMEOUT`].
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Makes the handle, and begins to connect in the background. A node that is down is no error: it is used as soon
    /// as it is there.
    ///
    /// # Errors
    ///
    /// - [`BuildError::Node`] for the first node that is not usable, an unreadable URL for instance;
    /// - [`BuildError::Config`] for an empty list of nodes, the same node twice, or a setting out of its bounds;
    /// - [`BuildError::Waiting`] when the operating system cannot wait for several connections.
    pub fn build(self) -> Result<Redlock, BuildError> {
        self.build_on(System::default())
    }

    /// Makes the handle on a platform that is handed in, a simulated one for instance.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_on(self, platform: impl Platform) -> Result<Redlock, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let config = self.config.build()?;
        let connects = self.nodes.into_iter().map(|node| node.connect).collect();
        let shell = Shell::start(Arc::new(platform), config, connects, self.connect_timeout)?;
        Ok(Redlock::new(shell, self.options))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("options", &self.options)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

/// An independent master with the way to it, for [`Builder::node`].
pub struct Node {
    name: String,
    connect: Connect,
}

impl Node {
    /// A node that is reached by `transport`. Its name stands in errors and reports: it should tell a person which
    /// server is meant, must be different for different servers, and must not contain a password.
    pub fn new(name: impl Into<String>, mut transport: impl Transport) -> Self {
        let connect = move |timeout| -> Result<Box<dyn Connection>, _> { Ok(Box::new(transport.connect(timeout)?)) };
        Self { name: name.into(), connect: Box::new(connect) }
    }
}

/// A node is the way to itself, so that one from a URL can be wrapped in a transport of your own.
impl Transport for Node {
    type Connection = Box<dyn Connection>;

    fn connect(&mut self, timeout: Duration) -> Result<Box<dyn Connection>, Unavailable> {
        (self.connect)(timeout)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What can be made into a node.
pub trait IntoNode {
    /// Makes the node. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BuildError::Node`] when there is no usable node in it.
    fn into_node(self) -> Result<Node, BuildError>;
}

impl IntoNode for Node {
    fn into_node(self) -> Result<Self, BuildError> {
        Ok(self)
    }
}
