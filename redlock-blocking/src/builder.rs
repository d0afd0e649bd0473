use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redlock_core::shell::Settings;
#[cfg(doc)]
use redlock_core::{ConfigBuilder, shell::DEFAULT_CONNECT_TIMEOUT};
use redlock_core::{NodeTimeout, Options, Owner, RestartGuard, Rule, Unavailable};

use crate::handle::LastHandle;
use crate::platform::{Platform, System};
use crate::shell::Shell;
use crate::transport::{Connection, Transport};
use crate::{BuildError, Redlock};

/// Builds a [`Redlock`] handle.
#[derive(Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct Builder {
    settings: Settings<Node>,
}

impl Redlock {
    /// Begins a handle; give it the nodes next.
    #[doc(alias("new", "connect"))]
    pub fn builder() -> Builder {
        Builder { settings: Settings::new() }
    }
}

impl Builder {
    redlock_core::builder_setters!(IntoNode);

    /// Makes the handle, and begins to connect in the background. A node that is down is no error: it is used as soon
    /// as it is there.
    ///
    /// # Errors
    ///
    /// - [`BuildError::Node`] for the first node that is not usable, an unreadable URL for instance;
    /// - [`BuildError::Config`] for an empty list of nodes, the same node twice, or a setting out of its bounds;
    /// - [`BuildError::System`] when the operating system gives no thread, or nothing by which to wait for connections.
    pub fn build(self) -> Result<Redlock, BuildError> {
        self.build_on(System::default())
    }

    /// Makes the handle on a platform that is handed in, a simulated one for instance.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_on(self, platform: impl Platform) -> Result<Redlock, BuildError> {
        let setup = self.settings.build()?;
        let options = setup.options;
        let shell = Shell::start(Arc::new(platform), setup)?;
        Ok(Redlock::from_parts(Arc::new(LastHandle::new(shell)), options))
    }
}

/// Opens a connection within a time.
type Connect = Box<dyn FnMut(Duration) -> Result<Box<dyn Connection>, Unavailable> + Send>;

/// An independent master with the way to it, for [`Builder::node`].
pub struct Node {
    name: String,
    connect: Connect,
    #[cfg(feature = "memory")]
    pub(crate) memory: Option<crate::memory::MemoryNode>,
}

impl Node {
    /// Creates a node that is reached by `transport`. Its name stands in errors and reports: it should tell a person which
    /// server is meant, must be different for different servers, and must not contain a password.
    pub fn new(name: impl Into<String>, mut transport: impl Transport) -> Self {
        let connect = move |timeout| -> Result<Box<dyn Connection>, _> { Ok(Box::new(transport.connect(timeout)?)) };
        Self {
            name: name.into(),
            connect: Box::new(connect),
            #[cfg(feature = "memory")]
            memory: None,
        }
    }

    /// Says that it lives in memory: then its connections need no thread, and its keys expire on the clock of the handle.
    #[cfg(feature = "memory")]
    pub(crate) fn in_memory(self, node: crate::memory::MemoryNode) -> Self {
        Self { memory: Some(node), ..self }
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made into a node",
    note = "a client of the `redis` crate is a node with the feature `redis`, in the version that this crate re-exports",
    note = "several nodes are given with `nodes`"
)]
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
