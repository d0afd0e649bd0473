//! What drives one node: it keeps the connection, carries the commands and brings the replies.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, FutureExt, select};
use redlock_core::{Cause, Hearing, HumanDuration, NodeId, Unavailable};

use crate::Runtime;
use crate::carrier::{self, Carrier};
use crate::shell::{Demand, Over, Shell};
use crate::transport::{Connection, Transport};

/// What drives one node.
pub(crate) struct NodeDriver<R> {
    pub(crate) shell: Arc<Shell<R>>,
    /// The runtime of the task, which need not be the one that the handle was built on.
    pub(crate) runtime: R,
    pub(crate) node: NodeId,
    pub(crate) connect_timeout: Duration,
}

impl<R: Runtime> NodeDriver<R> {
    /// Connects and carries until everything is over.
    ///
    /// A connection that panics ends that: its transport is not used any more by this task, and the other nodes do not notice.
    pub(crate) async fn run<T: Transport>(self, transport: &mut T) {
        let work = AssertUnwindSafe(self.keep_connected(transport));
        if work.catch_unwind().await.is_err() {
            self.shell.give_up(self.node, &panicked(Cause::Disconnected));
        }
    }

    async fn keep_connected<T: Transport>(&self, transport: &mut T) -> Over {
        loop {
            match self.connect_and_carry(transport).await {
                Ok(why) => self.shell.disconnected(self.node, &why),
                Err(over) => return over,
            }
        }
    }

    /// Opens a connection when one is wanted, and carries until it breaks; returns why it did, or why there was none.
    async fn connect_and_carry<T: Transport>(&self, transport: &mut T) -> Result<Unavailable, Over> {
        poll_fn(|context| self.shell.poll_connect(self.node, context)).await?;
        loop {
            match self.connect(async { transport.connect().await }).await? {
                Some(Ok(connection)) => match self.carry(connection, transport).await? {
                    End::Broken(why) => return Ok(why),
                    End::Silent => {}
                },
                Some(Err(why)) => return Ok(why),
                None => return Ok(self.connect_timed_out(transport.awaited())),
            }
        }
    }

    /// Connects, unless that takes too long: `None` then.
    ///
    /// A panic is an error as any other: it may come of a runtime that has no thread to look a name up, and pass. Nothing of the
    /// transport is to run before this is polled.
    pub(crate) async fn connect<C>(
        &self,
        connect: impl Future<Output = Result<C, Unavailable>>,
    ) -> Result<Option<Result<C, Unavailable>>, Over> {
        let runtime = &self.runtime;
        let give_up = pin!(runtime.sleep_until(runtime.now().saturating_add(self.connect_timeout)));
        let connect = pin!(AssertUnwindSafe(connect).catch_unwind());
        let mut connect = pin!(select(connect, give_up));
        poll_fn(|context| {
            self.shell.check_over(self.node, context)?;
            connect.as_mut().poll(context).map(Ok)
        })
        .await
        .map(|first| match first {
            Either::Left((result, _)) => Some(result.unwrap_or_else(|_| Err(panicked(Cause::NotSent)))),
            Either::Right(_) => None,
        })
    }

    /// Returns why there is no connection: the server has not done in time what was awaited.
    pub(crate) fn connect_timed_out(&self, awaited: Option<&str>) -> Unavailable {
        let timeout = HumanDuration(self.connect_timeout);
        let detail = match awaited {
            Some(awaited) => format!("no answer to {awaited} within {timeout}"),
            None => format!("no connection within {timeout}"),
        };
        Unavailable::with_detail(Cause::NotSent, &detail)
    }

    /// Carries batches until the connection breaks and all batches that were under way are accounted for, or until it was
    /// silent for too long.
    async fn carry<T: Transport>(&self, mut connection: T::Connection, transport: &mut T) -> Result<End, Over> {
        let mut closed = pin!(connection.closed());
        let (hearing, facts) = (connection.hearing(), connection.facts());
        let mut apart = pin!(self.hear_apart(transport));
        let carrier = Arc::new(Carrier::new(connection));
        let sends_at_once = <T::Connection as Connection>::SENDS_AT_ONCE;
        let _registered = sends_at_once.then(|| self.shell.register_carrier(self.node, carrier.clone()));
        // Who has something to send from now on sends it.
        self.shell.connected(self.node, facts, hearing != Hearing::Never);
        let mut has_yielded = false;
        let mut broken = None;
        poll_fn(|context| {
            let mut state = carrier.state();
            loop {
                state.check_panic();
                self.take_replies(&mut state, &mut broken, context);
                if broken.is_none() && closed.as_mut().poll(context).is_ready() {
                    state.break_off();
                    broken = Some(Unavailable::new(Cause::Disconnected));
                }
                while let Poll::Ready(heard) = state.poll_heard(context) {
                    self.shell.heard(self.node, heard);
                }
                if let Some(why) = broken.take_if(|_| !state.has_under_way()) {
                    return Poll::Ready(Ok(End::Broken(why)));
                }
                let (has_commands, gathers) = match self.shell.demand(self.node, hearing, context)? {
                    Demand::Reconnect => return Poll::Ready(Ok(End::Silent)),
                    Demand::Subscribe(waiter) => {
                        state.subscribe(&waiter);
                        continue;
                    }
                    Demand::Gather => (true, carrier.is_busy()),
                    Demand::Send => (true, false),
                    Demand::Nothing => (false, false),
                };
                if hearing == Hearing::Apart {
                    drop(apart.as_mut().poll(context));
                }
                if !has_commands || !state.has_room() {
                    return Poll::Pending;
                }
                if gathers && !has_yielded {
                    has_yielded = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let batch = self.shell.take_batch(self.node);
                if batch.is_empty() {
                    return Poll::Pending;
                }
                has_yielded = false;
                carrier.send(batch, &mut state, self.shell.now());
            }
        })
        .await
    }

    /// Brings the replies that are there to their locks.
    fn take_replies<C: Connection>(
        &self,
        carried: &mut carrier::State<C>,
        broken: &mut Option<Unavailable>,
        context: &mut Context<'_>,
    ) {
        while let Poll::Ready(Some((count, replies))) = carried.poll_next(context) {
            match replies {
                Ok(replies) => self.shell.answered(self.node, count, replies),
                Err(why) => {
                    self.shell.unanswered(self.node, count, &why);
                    carried.break_off();
                    broken.get_or_insert(why);
                }
            }
        }
    }
}

fn panicked(cause: Cause) -> Unavailable {
    Unavailable::with_detail(cause, "its transport panicked")
}

/// How a connection came to its end.
enum End {
    /// It broke.
    Broken(Unavailable),
    /// It was silent for too long; another one is wanted in its place.
    Silent,
}
