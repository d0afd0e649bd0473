//! The way to a node, for authors of transports: what one implements, and the words that it hears and says.

use std::time::Duration;

use redlock_core::Unavailable;
pub use redlock_core::{Action, Answer, Command, Facts, Heard, Hearing, Probe, Reply, WaiterId};

/// The way to one independent master.
///
/// A transport only opens connections, and a [`Connection`] only carries commands. When to connect, when to connect
/// again, how long to wait for an answer and what to do without one is decided by this crate and the protocol: a
/// transport applies no retry and no policy of its own.
///
/// Connections are opened on a thread of their own, never on that of a caller.
pub trait Transport: Send + 'static {
    /// An open connection.
    type Connection: Connection;

    /// Opens a connection and returns it when the node is ready for commands: authenticated, database selected, and
    /// known to be able to release what it grants; a transport to a Redis server sends the [probes](Probe) for that as a part
    /// of its handshake.
    ///
    /// It is called again for a second connection, beside one that [hears apart](Hearing::Apart), when somebody waits for the
    /// first time: nothing is sent over that, it only [subscribes](Connection::subscribe).
    ///
    /// It should give up after `timeout`; a call that does not come back keeps the node unreachable and costs nobody
    /// else anything.
    ///
    /// # Errors
    ///
    /// Why the node cannot be used now: [`Cause::NotSent`](redlock_core::Cause::NotSent), which users read as "not reachable",
    /// with what happened as its detail; [`Cause::NotTrusted`](redlock_core::Cause::NotTrusted) when it is about certificates,
    /// for which nobody should wait; or [what the server answered](Unavailable::from_server_error). The text ends up in users'
    /// errors; it must not contain a secret.
    fn connect(&mut self, timeout: Duration) -> Result<Self::Connection, Unavailable>;
}

/// An open connection to a node. It is used by one thread at a time, though not always by the same.
///
/// Replies come in the order of the commands. Which one is due next is kept account of outside: a connection needs no
/// memory of what it sent, but it must neither lose a reply nor make one up.
pub trait Connection: Send + 'static {
    /// Sends a command behind all earlier ones, and does not wait for its reply.
    ///
    /// It may not wait for a node that takes nothing any more either: a guard is dropped in here. Nothing is sent
    /// twice, also not after a reconnect of the connection's own.
    ///
    /// # Errors
    ///
    /// The connection broke; this command and all that were not answered may have been carried out or not. The
    /// connection is not used any more.
    ///
    /// The cause must not be one that [proves the commands untouched](Unavailable::proves_untouched) when one of them may
    /// have been sent, such as [`Cause::NotSent`](redlock_core::Cause::NotSent): what is known not to be there is not released.
    fn send(&mut self, command: &Command) -> Result<(), Unavailable>;

    /// Sends several commands in order, as [`send`](Self::send) does with each.
    ///
    /// Provided: one after the other. A connection that writes them together saves system calls.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send): all of them may have been carried out or not.
    fn send_all(&mut self, commands: &[Command]) -> Result<(), Unavailable> {
        commands.iter().try_for_each(|command| self.send(command))
    }

    /// Returns what tells when there is something to receive, for the thread that waits for all nodes at once. It also tells
    /// when there is room again for what could not be written: [`receive`](Self::receive) is called then, which should go on.
    ///
    /// It is registered once, right after the connection was opened. It must tell of a connection that breaks, too.
    ///
    /// Provided: nothing does; then the connection gets a thread of its own, and a command may wait for a few
    /// milliseconds while that thread waits for the reply to an earlier one.
    fn source(&mut self) -> Option<&mut dyn mio::event::Source> {
        None
    }

    /// The next reply, which is that to `command`, the oldest one without; `None` if it is not there within `timeout`.
    ///
    /// It is asked for again later then, so nothing that was read of it may be lost. With a `timeout` of zero only what
    /// has come in already counts, and nothing is waited for.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    fn receive(&mut self, command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable>;

    /// Returns what the server has said about itself when the connection was opened; it is asked for once, before anything
    /// is sent. The [restart guard](redlock_core::RestartGuard) and the health report depend on it.
    ///
    /// So a connection to a server that says something must not connect again by itself: the server may have been started
    /// again meanwhile, and nobody would know. It fails instead.
    ///
    /// Provided: nothing, so that nothing can be checked.
    fn facts(&self) -> Facts {
        Facts::default()
    }

    /// Returns how the handle can hear that it is called up, in order to wait in the queue of this node.
    ///
    /// Provided: never. Then [`subscribe`](Self::subscribe) is not called, and locks that somebody else has are tried for now
    /// and then. That is so as well for a connection without a [`source`](Self::source).
    fn hearing(&self) -> Hearing {
        Hearing::Never
    }

    /// Begins to subscribe, as [`send`](Self::send) sends, without waiting for anything; what comes of it is told by
    /// [`next_heard`](Self::next_heard). It is called again when that was not told for long.
    ///
    /// Provided: nothing is done.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    fn subscribe(&mut self, _waiter: &WaiterId) -> Result<(), Unavailable> {
        Ok(())
    }

    /// Returns the next thing that the handle hears, of what [`receive`](Self::receive) and [`check`](Self::check) have come
    /// across: that it has [subscribed](Heard::Subscribed), or why it has not, then for what it is called up. It is called
    /// after them.
    ///
    /// Provided: nothing is ever heard.
    fn next_heard(&mut self) -> Option<Heard> {
        None
    }

    /// Looks, without waiting, whether the connection is still good. Called after it was idle for a while, or when its
    /// source tells of something, while no reply is due, so that a broken one is replaced before it is used.
    ///
    /// Provided: it is; the next command finds out.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    fn check(&mut self) -> Result<(), Unavailable> {
        Ok(())
    }

    /// Returns whether more has come in than [`receive`](Self::receive) and [`check`](Self::check) have looked at: a server may
    /// talk without end, and other nodes must have their turns. They are called again soon then, whatever the
    /// [`source`](Self::source) tells.
    ///
    /// Provided: no, they look at all that has come in.
    fn has_more(&self) -> bool {
        false
    }
}

impl Connection for Box<dyn Connection> {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        (**self).send(command)
    }

    fn send_all(&mut self, commands: &[Command]) -> Result<(), Unavailable> {
        (**self).send_all(commands)
    }

    fn source(&mut self) -> Option<&mut dyn mio::event::Source> {
        (**self).source()
    }

    fn receive(&mut self, command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        (**self).receive(command, timeout)
    }

    fn facts(&self) -> Facts {
        (**self).facts()
    }

    fn hearing(&self) -> Hearing {
        (**self).hearing()
    }

    fn subscribe(&mut self, waiter: &WaiterId) -> Result<(), Unavailable> {
        (**self).subscribe(waiter)
    }

    fn next_heard(&mut self) -> Option<Heard> {
        (**self).next_heard()
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        (**self).check()
    }

    fn has_more(&self) -> bool {
        (**self).has_more()
    }
}
