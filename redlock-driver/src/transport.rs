//! The way to a node, for authors of transports: what one implements, and the words that it hears and says.

use std::future::Future;
use std::task::{Context, Poll};

use redlock_core::Unavailable;
pub use redlock_core::{Action, Answer, Command, Facts, Heard, Hearing, Probe, Reply, WaiterId};

/// The way to one independent master.
///
/// A transport only opens connections, and a [`Connection`] only carries commands. When to connect, when to connect
/// again, how long to wait for an answer and what to do without one is decided by the driver and the protocol: a
/// transport applies no retry and no policy of its own.
pub trait Transport: Send + 'static {
    /// An open connection.
    type Connection: Connection;

    /// Opens a connection and returns it when the node is ready for commands: authenticated, database selected, and
    /// known to be able to release what it grants; a transport to a Redis server sends the
    /// [probes](Probe) for that as a part of its handshake.
    ///
    /// The driver drops the future when it takes longer than the connect timeout.
    ///
    /// # Errors
    ///
    /// Why the node cannot be used now: [`Cause::NotSent`](redlock_core::Cause::NotSent), which users read as "not reachable",
    /// with what happened as its detail; [`Cause::NotTrusted`](redlock_core::Cause::NotTrusted) when it is about certificates,
    /// for which nobody should wait; or [what the server answered](Unavailable::from_server_error). The text ends up in users'
    /// errors; it must not contain a secret.
    fn connect(&mut self) -> impl Future<Output = Result<Self::Connection, Unavailable>> + Send;

    /// Opens a second connection, beside one that [hears apart](Hearing::Apart): nothing is sent over it, it only
    /// [subscribes](Connection::subscribe), once. It is opened when somebody waits for the first time, and closed with the
    /// other one.
    ///
    /// Provided: it is opened as any other.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    fn connect_apart(&mut self) -> impl Future<Output = Result<Self::Connection, Unavailable>> + Send {
        self.connect()
    }

    /// Returns what the server had not answered when the last future of [`connect`](Self::connect) was dropped, such as
    /// `the TLS handshake`, for the error about it.
    ///
    /// Provided: nothing is known.
    fn awaited(&self) -> Option<&str> {
        None
    }
}

/// An open connection to a node.
pub trait Connection: Send + 'static {
    /// Whether [`send`](Self::send) itself puts the commands on their way, as far as that can be done without waiting.
    ///
    /// Then whoever has something to say sends it, without the way over the driver's task, and a guard that is dropped at
    /// the end of a program has its release on the way before that. The connection must wake the task that has polled
    /// [`closed`](Self::closed) when one of its futures can make progress, also one that was never polled. Each is polled
    /// when all before it are ready, not earlier.
    const SENDS_AT_ONCE: bool = false;

    /// Carries `batch`, which is never empty, and yields one reply per command, in order.
    ///
    /// - The commands go behind all those of earlier calls. The driver polls the futures for the first time in the
    ///   order in which it made them, so this may be left to the first poll.
    /// - No command is sent twice, also not after a reconnect of the connection's own.
    /// - The future is not dropped before it is ready, except together with the connection: when that was silent for too
    ///   long, or with the whole driver.
    /// - A second batch may be sent before the first is answered.
    /// - When the connection breaks, or has broken before, the future soon comes to an end.
    ///
    /// # Errors
    ///
    /// The connection broke; every command of the batch may have been carried out or not. The driver does not use the
    /// connection for further batches.
    ///
    /// The cause must not be one that [proves the commands untouched](Unavailable::proves_untouched) when one
    /// of them may have been sent: what is known not to be there is not released.
    fn send(
        &mut self,
        batch: Vec<Command>,
    ) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<Self> + 'static;

    /// Returns what the server has said about itself when the connection was opened; it is asked for once, before anything
    /// is sent. The [restart guard](redlock_core::RestartGuard) and the health report depend on it.
    ///
    /// So a connection to a server that says something must not connect again by itself: the server may have been started
    /// again meanwhile, and nobody would know. It [is closed](Self::closed) instead.
    ///
    /// Provided: nothing, so that nothing can be checked.
    fn facts(&self) -> Facts {
        Facts::default()
    }

    /// Returns how the handle can hear that it is called up, in order to wait in the queue of this node.
    ///
    /// Provided: never. Then [`subscribe`](Self::subscribe) is not called, and locks that somebody else has are tried for now
    /// and then.
    fn hearing(&self) -> Hearing {
        Hearing::Never
    }

    /// Begins to subscribe; what comes of it is told by [`poll_heard`](Self::poll_heard).
    ///
    /// It is called again when that was not told for long. Provided: nothing is done.
    fn subscribe(&mut self, _waiter: &WaiterId) {}

    /// Returns what the handle hears, as often as it is ready: that it has [subscribed](Heard::Subscribed), or why it has
    /// not, then for what it is called up. A connection that breaks need not tell here that nothing is heard any more.
    ///
    /// It is polled after the futures of [`send`](Self::send) and [`closed`](Self::closed), which may have read it, by the
    /// same task; that must be woken when there is something new.
    ///
    /// Provided: nothing is ever heard.
    fn poll_heard(&mut self, _context: &mut Context<'_>) -> Poll<Heard> {
        Poll::Pending
    }

    /// Returns when the connection is known to be broken, so that the driver can open another before it is needed.
    ///
    /// It is called once for each connection, and polled after the futures of [`send`](Self::send). Batches that are under way are
    /// waited for all the same: their futures must come to an end, too. Provided: never; the next batch finds out.
    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<Self> + 'static {
        std::future::pending()
    }
}
