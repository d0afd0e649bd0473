//! How a handle hears of a node over a second connection, which carries nothing else.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use redlock_core::{Cause, Heard, Unavailable, WaiterId};

use crate::Runtime;
use crate::node_driver::NodeDriver;
use crate::shell::Over;
use crate::transport::{Connection, Transport};

impl<R: Runtime> NodeDriver<R> {
    /// Subscribes over a second connection, as often as that is wanted, and hears until it breaks.
    ///
    /// The driver of the node polls it beside the first connection, for as long as there is that one.
    pub(crate) async fn hear_apart<T: Transport>(&self, transport: &mut T) -> Over {
        loop {
            let waiter = poll_fn(|_| self.shell.take_subscription(self.node).map_or(Poll::Pending, Poll::Ready)).await;
            let why = match self.connect(async { transport.connect_apart().await }).await {
                Ok(Some(Ok(connection))) => self.hear(connection, &waiter).await,
                Ok(Some(Err(why))) => why,
                Ok(None) => self.connect_timed_out(transport.awaited()),
                Err(over) => return over,
            };
            self.shell.heard(self.node, Heard::Deaf(why));
        }
    }

    /// Subscribes over a connection and hears until that is over; returns why it is.
    async fn hear<C: Connection>(&self, mut connection: C, waiter: &WaiterId) -> Unavailable {
        let mut closed = pin!(connection.closed());
        connection.subscribe(waiter);
        poll_fn(|context| {
            let is_closed = closed.as_mut().poll(context).is_ready();
            match self.take_heard(&mut connection, context) {
                Some(why) => Poll::Ready(why),
                None if is_closed => Poll::Ready(Unavailable::new(Cause::Disconnected)),
                None if self.shell.has_subscription(self.node) => Poll::Ready(Unavailable::new(Cause::NoAnswer)),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Takes what was heard; returns why nothing more will be.
    fn take_heard<C: Connection>(&self, connection: &mut C, context: &mut Context<'_>) -> Option<Unavailable> {
        while let Poll::Ready(heard) = connection.poll_heard(context) {
            match heard {
                Heard::Deaf(why) => return Some(why),
                heard => self.shell.heard(self.node, heard),
            }
        }
        None
    }
}
