//! What drives one node: it keeps the connection, carries the commands and brings the replies.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::{Either, FutureExt, MaybeDone, maybe_done, select};
use redlock_core::{Cause, Command, NodeId, Reply, Unavailable};

use crate::shell::{Over, Shell};
use crate::{Connection, Runtime, Transport};

/// The largest number of batches that are under way to a node at the same time. Two keep the connection busy while
/// replies are read; more would only make smaller batches.
const BATCHES_UNDER_WAY: usize = 2;

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
    /// A transport that panics is not used any more by this task, and the other nodes do not notice.
    pub(crate) async fn run<T: Transport>(self, transport: &mut T) {
        let work = AssertUnwindSafe(self.keep_connected(transport));
        if work.catch_unwind().await.is_err() {
            self.shell.give_up(self.node, &Unavailable::with_detail(Cause::Disconnected, "its transport panicked"));
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
        match self.connect(transport).await? {
            Ok(connection) => {
                self.shell.connected(self.node);
                self.carry(connection).await
            }
            Err(why) => Ok(why),
        }
    }

    async fn connect<T: Transport>(&self, transport: &mut T) -> Result<Result<T::Connection, Unavailable>, Over> {
        let (runtime, timeout) = (&self.runtime, self.connect_timeout);
        let give_up = pin!(runtime.sleep_until(runtime.now().saturating_add(timeout)));
        let connect = pin!(transport.connect());
        let mut connect = pin!(select(connect, give_up));
        poll_fn(|context| {
            self.shell.check_over(self.node, context)?;
            connect.as_mut().poll(context).map(Ok)
        })
        .await
        .map(|first| match first {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(connect_timed_out(timeout)),
        })
    }

    /// Carries batches until the connection breaks and all batches that were under way are accounted for.
    async fn carry<C: Connection>(&self, mut connection: C) -> Result<Unavailable, Over> {
        let mut closed = pin!(connection.closed());
        let mut under_way = UnderWay::new();
        let mut gather = Gather::default();
        let mut broken = None;
        poll_fn(|context| {
            loop {
                while let Poll::Ready(Some((count, replies))) = under_way.poll_next(context) {
                    match replies {
                        Ok(replies) => self.shell.answered(self.node, count, replies),
                        Err(why) => {
                            self.shell.unanswered(self.node, count, &why);
                            broken.get_or_insert(why);
                        }
                    }
                }
                if broken.is_none() && closed.as_mut().poll(context).is_ready() {
                    broken = Some(Unavailable::new(Cause::Disconnected));
                }
                if let Some(why) = broken.take_if(|_| under_way.is_empty()) {
                    return Poll::Ready(Ok(why));
                }
                if broken.is_some() || under_way.len() == BATCHES_UNDER_WAY {
                    self.shell.check_over(self.node, context)?;
                    return Poll::Pending;
                }
                let batch = ready!(self.poll_batch(&mut gather, context))?;
                under_way.push(batch.len(), connection.send(batch));
            }
        })
        .await
    }

    /// Waits for commands to send.
    fn poll_batch(&self, gather: &mut Gather, context: &Context<'_>) -> Poll<Result<Vec<Command>, Over>> {
        if gather.wants_more() && self.shell.has_commands(self.node, context) {
            gather.has_yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let batch = ready!(self.shell.poll_batch(self.node, context))?;
        *gather = Gather { is_busy: batch.len() > 1, has_yielded: false };
        Poll::Ready(Ok(batch))
    }
}

/// Whether to let those who are about to send something to the node do so, before what there is is sent.
#[derive(Default)]
struct Gather {
    /// The last batch had several commands, so others are likely to be at work as well.
    is_busy: bool,
    has_yielded: bool,
}

impl Gather {
    const fn wants_more(&self) -> bool {
        self.is_busy && !self.has_yielded
    }
}

/// What comes of a batch.
type Replies = Result<Vec<Reply>, Unavailable>;

/// The batches that are under way to a node with the number of their commands, in the order in which they were sent.
struct UnderWay<F: Future>(VecDeque<(usize, Pin<Box<MaybeDone<F>>>)>);

impl<F: Future<Output = Replies>> UnderWay<F> {
    const fn new() -> Self {
        Self(VecDeque::new())
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&mut self, count: usize, replies: F) {
        self.0.push_back((count, Box::pin(maybe_done(replies))));
    }

    /// Waits for the replies to the first batch; `None` without one. The others make progress as well.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, Replies)>> {
        for (_, replies) in &mut self.0 {
            // Whether it is done is seen below.
            let _ = replies.as_mut().poll(context);
        }
        let Some((count, replies)) = self.0.front_mut() else { return Poll::Ready(None) };
        let (count, Some(replies)) = (*count, replies.as_mut().take_output()) else { return Poll::Pending };
        self.0.pop_front();
        Poll::Ready(Some((count, replies)))
    }
}

fn connect_timed_out(timeout: Duration) -> Unavailable {
    Unavailable::with_detail(Cause::NotSent, &format!("no connection within {timeout:?}"))
}
