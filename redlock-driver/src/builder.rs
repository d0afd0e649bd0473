use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use redlock_core::{Config, ConfigBuilder, NodeTimeout, Options};

use crate::shell::Shell;
use crate::task::{self, Parts, StartNode};
use crate::{BuildError, CurrentRuntime, Redlock, Runtime, Transport};

/// How long a try to connect may take unless [`Builder::connect_timeout`] says otherwise: one second.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Builds a [`Redlock`] handle.
#[must_use = "a builder does nothing before `build`"]
pub struct Builder<R: Runtime> {
    config: ConfigBuilder,
    nodes: Vec<Node<R>>,
    /// The first node that could not be made.
    error: Option<BuildError>,
    options: Options,
    connect_timeout: Duration,
}

impl<R: Runtime> Builder<R> {
    pub(crate) fn new() -> Self {
        Self {
            config: Config::builder([""; 0]),
            nodes: Vec::new(),
            error: None,
            options: Options::new(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        }
    }

    /// Adds one independent master: a URL or a client where the adapter knows them, an in-memory node, or a [`Node`]
    /// over a transport of your own.
    pub fn node(mut self, node: impl IntoNode<R>) -> Self {
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
    pub fn nodes<N: IntoNode<R>>(self, nodes: impl IntoIterator<Item = N>) -> Self {
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

    /// Makes the handle on the runtime that the caller runs on, and begins to connect in the background. A node that
    /// is down is no error: it is used as soon as it is there.
    ///
    /// # Errors
    ///
    /// - [`BuildError::NoRuntime`] outside of the runtime;
    /// - otherwise as [`build_on`](Self::build_on).
    pub fn build(self) -> Result<Redlock<R>, BuildError>
    where
        R: CurrentRuntime,
    {
        let runtime = R::current()?;
        self.build_on(runtime)
    }

    /// Makes the handle on a runtime that is handed in.
    ///
    /// # Errors
    ///
    /// - [`BuildError::Node`] for the first node that is not usable, an unreadable URL for instance;
    /// - [`BuildError::Config`] for an empty list of nodes, the same node twice, or a setting out of its bounds;
    /// - [`BuildError::NoRuntime`] when the runtime has ended.
    pub fn build_on(self, runtime: R) -> Result<Redlock<R>, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let config = self.config.build()?;
        let is_in_memory = self.nodes.iter().all(|node| node.set_clock.is_some());
        let runtime = if is_in_memory { runtime.for_memory_nodes() } else { runtime };
        for set_clock in self.nodes.iter().filter_map(|node| node.set_clock.as_ref()) {
            set_clock(runtime.clone());
        }
        let nodes = self.nodes.into_iter().map(|node| node.start).collect();
        let parts = Parts { nodes, connect_timeout: self.connect_timeout };
        let shell = Arc::new(Shell::new(runtime, config));
        task::start(&shell, &parts, &shell.runtime)?;
        Ok(Redlock::new(shell, parts, self.options))
    }
}

impl<R: Runtime> fmt::Debug for Builder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("options", &self.options)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

/// An independent master with the way to it, for [`Builder::node`].
pub struct Node<R: Runtime> {
    name: String,
    start: StartNode<R>,
    /// Lets a node in memory read the clock of this runtime.
    set_clock: Option<Box<dyn Fn(R) + Send>>,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> Node<R> {
    /// A node that is reached by `transport`. Its name stands in errors and reports: it should tell a person which
    /// server is meant, must be different for different servers, and must not contain a password.
    pub fn new(name: impl Into<String>, transport: impl Transport) -> Self {
        Self { name: name.into(), start: task::start_node(transport), set_clock: None, runtime: PhantomData }
    }
}

#[cfg(feature = "memory")]
impl<R: Runtime> Node<R> {
    /// A node in memory: `set_clock` makes its keys expire on the clock of the runtime that it is given.
    pub(crate) fn in_memory(self, set_clock: impl Fn(R) + Send + 'static) -> Self {
        Self { set_clock: Some(Box::new(set_clock)), ..self }
    }
}

impl<R: Runtime> fmt::Debug for Node<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What can be made into a node on the runtime `R`. Adapters implement it for URLs and for clients of their own.
pub trait IntoNode<R: Runtime> {
    /// Makes the node. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BuildError::Node`] when there is no usable node in it.
    fn into_node(self) -> Result<Node<R>, BuildError>;
}

impl<R: Runtime> IntoNode<R> for Node<R> {
    fn into_node(self) -> Result<Self, BuildError> {
        Ok(self)
    }
}
