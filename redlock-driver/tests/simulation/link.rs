//! The way from a process to a node, as the driver sees it.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use redlock_driver::transport::{Command, Connection, Heard, Hearing, Reply, Transport, WaiterId};
use redlock_driver::{Cause, Node, Unavailable};
use redlock_simulator::Time;

use crate::fault::FaultKind;
use crate::process::{Process, Sleep};
use crate::wire::{Exchange, Wire};
use crate::world::World;

pub(crate) struct Link {
    world: Arc<World>,
    process: usize,
    node: usize,
}

impl Link {
    pub(crate) fn new(world: &Arc<World>, process: usize, node: usize) -> Self {
        Self { world: world.clone(), process, node }
    }

    pub(crate) fn into_node(self) -> Node<Process> {
        Node::new(format!("node {}", self.node), self)
    }

    /// Until when a fault disturbs the node, if one does.
    fn node_suffers(&self, kind: FaultKind) -> Option<Time> {
        self.world.scenario.ends_at(kind, None, Some(self.node), self.world.now())
    }

    /// Whether a fault disturbs the way to the node.
    fn suffers(&self, kind: FaultKind) -> bool {
        self.world.scenario.ends_at(kind, Some(self.process), Some(self.node), self.world.now()).is_some()
    }

    /// Who listens, refuses while the node is down, and does not answer while it hangs.
    async fn shake_hands(&self) -> Result<(), Unavailable> {
        let network = &self.world.scenario.network;
        let round_trip = 2 * self.world.dice().time(network.shortest..=network.longest);
        Sleep::until(&self.world, self.world.now() + round_trip).await;
        while let Some(end) = self.node_suffers(FaultKind::Hang) {
            Sleep::until(&self.world, end).await;
        }
        let is_down = self.node_suffers(FaultKind::Crash).is_some();
        if is_down || self.suffers(FaultKind::RefusedConnect) {
            self.world.figures().count_fault(FaultKind::RefusedConnect);
            return Err(Unavailable::with_detail(Cause::NotSent, "connection refused"));
        }
        Ok(())
    }
}

impl Transport for Link {
    type Connection = Open;

    async fn connect(&mut self) -> Result<Open, Unavailable> {
        if self.suffers(FaultKind::HungConnect) {
            self.world.figures().count_fault(FaultKind::HungConnect);
            self.world.tell(|| format!("process {}: connecting to node {} hangs", self.process, self.node));
            return pending().await;
        }
        let shaken = self.shake_hands().await;
        self.world.tell(|| format!("process {}: connecting to node {}: {shaken:?}", self.process, self.node));
        shaken?;
        let wire = Arc::new(Wire::new(&self.world, self.process, self.node));
        self.world.connect(&wire);
        Ok(Open { wire, is_apart: false })
    }

    async fn connect_apart(&mut self) -> Result<Open, Unavailable> {
        let mut connection = self.connect().await?;
        connection.is_apart = true;
        Ok(connection)
    }
}

/// An open connection.
pub(crate) struct Open {
    wire: Arc<Wire>,
    /// It only hears.
    is_apart: bool,
}

impl Connection for Open {
    fn send(
        &mut self,
        batch: Vec<Command>,
    ) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> + 'static {
        let mut answer = Answer { wire: self.wire.clone(), batch, exchange: None, was_given: false };
        if !self.wire.world.scenario.network.sends_when_polled {
            answer.exchange();
        }
        answer
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> + 'static {
        Closed { wire: self.wire.clone(), is_apart: self.is_apart }
    }

    fn hearing(&self) -> Hearing {
        self.wire.world.scenario.hearing(self.wire.node)
    }

    fn subscribe(&mut self, waiter: &WaiterId) {
        self.wire.subscribe(waiter);
    }

    fn poll_heard(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        self.wire.poll_heard(context)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.wire.hang_up();
    }
}

/// Waits for the replies to a batch.
struct Answer {
    wire: Arc<Wire>,
    batch: Vec<Command>,
    exchange: Option<Arc<Exchange>>,
    was_given: bool,
}

impl Answer {
    /// Sends the batch unless that has been done.
    fn exchange(&mut self) -> Arc<Exchange> {
        self.exchange.get_or_insert_with(|| self.wire.transmit(&self.batch)).clone()
    }
}

impl Future for Answer {
    type Output = Result<Vec<Reply>, Unavailable>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(outcome) = self.exchange().poll(context) else { return Poll::Pending };
        self.was_given = true;
        let (wire, replies) = (&self.wire, outcome.as_deref().unwrap_or_default());
        for (command, reply) in self.batch.iter().zip(replies) {
            wire.world.ledger().deliver(wire.process, wire.node, command, reply);
        }
        Poll::Ready(outcome)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.was_given {
            self.wire.world.ledger().give_up(self.wire.process, self.wire.node);
        }
    }
}

/// Waits until a connection is known to be broken.
struct Closed {
    wire: Arc<Wire>,
    is_apart: bool,
}

impl Future for Closed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Where nothing is sent, nothing else would tell.
        let tells = self.is_apart || self.wire.world.scenario.network.tells_closed;
        if tells { self.wire.poll_closed(context) } else { Poll::Pending }
    }
}
