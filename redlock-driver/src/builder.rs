use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use redlock_core::shell::{Settings, Setup};
#[cfg(doc)]
use redlock_core::{ConfigBuilder, shell::DEFAULT_CONNECT_TIMEOUT};
use redlock_core::{NodeTimeout, Options, Owner, RestartGuard, Rule};

use crate::shell::Shell;
use crate::task::{self, Parts, StartNode};
use crate::transport::Transport;
use crate::{BuildError, CurrentRuntime, Redlock, Runtime};

/// Builds a [`Redlock`] handle.
#[must_use = "a builder does nothing before `build`"]
pub struct Builder<R: Runtime> {
    settings: Settings<Node<R>>,
}

impl<R: Runtime> Builder<R> {
    pub(crate) fn new() -> Self {
        Self { settings: Settings::new() }
    }

    redlock_core::builder_setters!(IntoNode<R>);

    /// Makes the handle on the runtime that the caller runs on, and begins to connect in the background. A node that
    /// is down is no error: it is used as soon as it is there.
    ///
    /// # Errors
    ///
    /// - [`BuildError::NoRuntime`] outside of the runtime;
    /// - otherwise as [`build_on`](Self::build_on).
    ///
    /// # Panics
    ///
    /// As [`build_on`](Self::build_on).
    #[track_caller]
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
    ///
    /// # Panics
    ///
    /// When the runtime was built without a timer, or without what the sockets of the nodes need: in tokio, without
    /// `enable_time` or `enable_io`.
    #[track_caller]
    pub fn build_on(self, runtime: R) -> Result<Redlock<R>, BuildError> {
        let Setup { config, nodes, options, connect_timeout, observers, .. } = self.settings.build()?;
        let is_in_memory = nodes.iter().all(|node| node.set_clock.is_some());
        let runtime = if is_in_memory { runtime.for_memory_nodes() } else { runtime };
        runtime.require_timer();
        if nodes.iter().any(|node| node.is_over_sockets) {
            runtime.require_sockets();
        }
        for set_clock in nodes.iter().filter_map(|node| node.set_clock.as_ref()) {
            set_clock(runtime.clone());
        }
        let nodes = nodes.into_iter().map(|node| node.start).collect();
        let parts = Parts { nodes, connect_timeout };
        let shell = Arc::new(Shell::new(runtime, config, observers));
        task::start(&shell, &parts, &shell.runtime)?;
        Ok(Redlock::from_parts(shell, parts, options))
    }
}

impl<R: Runtime> fmt::Debug for Builder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// An independent master with the way to it, for [`Builder::node`].
pub struct Node<R: Runtime> {
    name: String,
    start: StartNode<R>,
    /// Lets a node in memory read the clock of this runtime.
    set_clock: Option<Box<dyn Fn(R) + Send>>,
    /// Its connections are sockets of the runtime.
    is_over_sockets: bool,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> Node<R> {
    /// Creates a node that is reached by `transport`. Its name stands in errors and reports: it should tell a person which
    /// server is meant, must be different for different servers, and must not contain a password.
    pub fn new(name: impl Into<String>, transport: impl Transport) -> Self {
        let start = task::start_node(transport);
        Self { name: name.into(), start, set_clock: None, is_over_sockets: false, runtime: PhantomData }
    }

    /// Says that the node is reached by sockets of the runtime, so that one
    /// [built without](Runtime::require_sockets) is noticed when the handle is built.
    #[must_use]
    pub fn over_sockets(self) -> Self {
        Self { is_over_sockets: true, ..self }
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

/// A value that can be made into a node on the runtime `R`. Adapters implement it for URLs and for clients of their own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made into a node",
    note = "a client of the `redis` or the `fred` crate is a node with the feature of that name, in the version that the adapter re-exports",
    note = "several nodes are given with `nodes`"
)]
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
