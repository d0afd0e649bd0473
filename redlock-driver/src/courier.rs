//! The way to one node: a courier keeps the connection, carries the commands and brings the replies.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::{Either, FutureExt, MaybeDone, maybe_done, select};
use redlock_core::{Cause, NodeId, Reply, Unavailable};

use crate::engine::{Batch, Engine, Over, Tickets};
use crate::{Connection, Runtime, Transport};

/// How many batches are under way to a node at the same time. Two keep the connection busy while replies are read;
/// more would only make smaller batches.
const BATCHES_UNDER_WAY: usize = 2;

/// The wait before the second try to connect; it doubles up to [`MAX_RECONNECT_DELAY`].
const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(20);
/// The longest wait between two tries to connect: so long can a node that is back stay unused.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// What looks after one node.
pub(crate) struct Courier<R> {
    pub(crate) engine: Arc<Engine<R>>,
    /// The runtime of the task, which need not be the one that the handle was built on.
    pub(crate) runtime: R,
    pub(crate) node: NodeId,
    pub(crate) connect_timeout: Duration,
}

/// How a connection ended.
enum End {
    /// It broke after it had carried something.
    Broken,
    /// It broke before it had carried anything.
    Useless(Unavailable),
}

impl<R: Runtime> Courier<R> {
    /// Connects and carries until the engine is over.
    ///
    /// While the first try to connect goes on, at the start or after a connection broke, commands wait for it. Once a
    /// try has failed, they are refused at once until one succeeds: a node that is down costs nobody any time.
    ///
    /// A transport that panics is not used any more by this task, and the other nodes do not notice.
    pub(crate) async fn run<T: Transport>(self, transport: &mut T) {
        let work = AssertUnwindSafe(self.keep_connected(transport));
        if work.catch_unwind().await.is_err() {
            let why = Unavailable::with_detail(Cause::NotSent, "its transport panicked");
            let _over: Result<Infallible, Over> = self.refuse_until(pending(), &why).await;
        }
    }

    async fn keep_connected<T: Transport>(&self, transport: &mut T) -> Result<Infallible, Over> {
        let mut failure: Option<Unavailable> = None;
        let mut delay = MIN_RECONNECT_DELAY;
        loop {
            let end = match self.connect(transport, failure.as_ref()).await? {
                Ok(connection) => self.carry(connection).await?,
                Err(unavailable) => End::Useless(unavailable),
            };
            match end {
                End::Broken => (failure, delay) = (None, MIN_RECONNECT_DELAY),
                End::Useless(unavailable) => {
                    let pause = self.runtime.now().saturating_add(delay);
                    let pause = self.runtime.sleep_until(pause);
                    self.refuse_until(pause, &unavailable).await?;
                    failure = Some(unavailable);
                    delay = delay.saturating_mul(2).min(MAX_RECONNECT_DELAY);
                }
            }
        }
    }

    /// One try to connect. Commands wait for it, unless an earlier one has failed.
    async fn connect<T: Transport>(
        &self,
        transport: &mut T,
        failure: Option<&Unavailable>,
    ) -> Result<Result<T::Connection, Unavailable>, Over> {
        let (runtime, timeout) = (&self.runtime, self.connect_timeout);
        let give_up = runtime.sleep_until(runtime.now().saturating_add(timeout));
        let connect = async {
            match select(pin!(transport.connect()), pin!(give_up)).await {
                Either::Left((result, _)) => result,
                Either::Right(_) => Err(connect_timed_out(timeout)),
            }
        };
        match failure {
            Some(failure) => self.refuse_until(connect, failure).await,
            None => self.wait_for(connect).await,
        }
    }

    /// Waits for `future`; commands that come meanwhile wait as well.
    async fn wait_for<O>(&self, future: impl Future<Output = O>) -> Result<O, Over> {
        let mut future = pin!(future);
        poll_fn(|context| {
            self.engine.check_over(self.node, context)?;
            future.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Waits for `future`; commands that come meanwhile are refused, because they cannot be sent.
    async fn refuse_until<O>(&self, future: impl Future<Output = O>, why: &Unavailable) -> Result<O, Over> {
        let mut future = pin!(future);
        poll_fn(|context| {
            loop {
                if let Poll::Ready(output) = future.as_mut().poll(context) {
                    return Poll::Ready(Ok(output));
                }
                let Poll::Ready(batch) = self.engine.poll_batch(self.node, context)? else { return Poll::Pending };
                self.engine.deliver(self.node, &batch.tickets, Err(why.clone().unsent()));
            }
        })
        .await
    }

    /// Carries batches until the connection breaks and all batches that were under way are accounted for.
    async fn carry<C: Connection>(&self, mut connection: C) -> Result<End, Over> {
        let mut closed = pin!(connection.closed());
        let mut under_way = UnderWay::new(&self.engine, self.node);
        let mut gather = Gather::default();
        let mut has_carried = false;
        let mut broken = None;
        poll_fn(|context| {
            loop {
                while let Poll::Ready(Some((tickets, replies))) = under_way.poll_next(context) {
                    has_carried |= replies.is_ok();
                    broken = broken.take().or_else(|| replies.as_ref().err().cloned());
                    self.engine.deliver(self.node, &tickets, replies);
                }
                if broken.is_none() && closed.as_mut().poll(context).is_ready() {
                    broken = Some(Unavailable::new(Cause::Disconnected));
                }
                if let Some(unavailable) = broken.take_if(|_| under_way.batches.is_empty()) {
                    return Poll::Ready(Ok(if has_carried { End::Broken } else { End::Useless(unavailable) }));
                }
                if broken.is_some() || under_way.batches.len() == BATCHES_UNDER_WAY {
                    self.engine.check_over(self.node, context)?;
                    return Poll::Pending;
                }
                let batch = ready!(self.poll_batch(&mut gather, context))?;
                under_way.push(connection.send(batch.commands), batch.tickets);
            }
        })
        .await
    }

    /// Waits for commands to send.
    fn poll_batch(&self, gather: &mut Gather, context: &Context<'_>) -> Poll<Result<Batch, Over>> {
        if gather.wants_more() && self.engine.has_commands(self.node, context) {
            gather.has_yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let batch = ready!(self.engine.poll_batch(self.node, context))?;
        *gather = Gather { is_busy: batch.commands.len() > 1, has_yielded: false };
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

/// The batches that are under way to a node, in the order in which they were sent.
///
/// Those that are left when it is dropped, together with the task, may have been carried out or not.
struct UnderWay<'a, R: Runtime, F: Future> {
    engine: &'a Engine<R>,
    node: NodeId,
    batches: VecDeque<(Pin<Box<MaybeDone<F>>>, Tickets)>,
}

impl<'a, R: Runtime, F: Future<Output = Replies>> UnderWay<'a, R, F> {
    const fn new(engine: &'a Engine<R>, node: NodeId) -> Self {
        Self { engine, node, batches: VecDeque::new() }
    }

    fn push(&mut self, replies: F, tickets: Tickets) {
        self.batches.push_back((Box::pin(maybe_done(replies)), tickets));
    }

    /// Waits for the replies to the first batch; `None` without one. The others make progress as well.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(Tickets, Replies)>> {
        for (replies, _) in &mut self.batches {
            // Whether it is done is seen below.
            let _ = replies.as_mut().poll(context);
        }
        let Some((replies, _)) = self.batches.front_mut() else { return Poll::Ready(None) };
        let Some(replies) = replies.as_mut().take_output() else { return Poll::Pending };
        let tickets = self.batches.pop_front().map(|(_, tickets)| tickets).unwrap_or_default();
        Poll::Ready(Some((tickets, replies)))
    }
}

impl<R: Runtime, F: Future> Drop for UnderWay<'_, R, F> {
    fn drop(&mut self) {
        for (_, tickets) in self.batches.drain(..) {
            let why = Unavailable::with_detail(Cause::Disconnected, "the async runtime has ended");
            self.engine.deliver(self.node, &tickets, Err(why));
        }
    }
}

fn connect_timed_out(timeout: Duration) -> Unavailable {
    Unavailable::with_detail(Cause::NotSent, &format!("no connection within {timeout:?}"))
}
