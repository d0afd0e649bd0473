//! The transport of a process, and its connections.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use redlock_blocking::transport::{Command, Connection, Heard, Hearing, Reply, Transport, WaiterId};
use redlock_blocking::{Cause, Unavailable};
use redlock_simulator::nanos;

use super::Node;
use super::wire::Wire;
use crate::platform::Readiness;
use crate::scheduler::Scheduler;

/// The way from one process to a node.
pub(crate) struct Route {
    pub(crate) node: Arc<Node>,
    pub(crate) process: usize,
    pub(crate) readiness: Readiness,
}

impl Transport for Route {
    type Connection = SimulatedConnection;

    fn connect(&mut self, timeout: Duration) -> Result<SimulatedConnection, Unavailable> {
        let scheduler = &self.node.scheduler;
        let (until, way) = (scheduler.now() + nanos(timeout), self.node.way());
        let hangs_until = self.node.state().connects_hang_until;
        scheduler.sleep_until(hangs_until.max(scheduler.now() + 2 * way).min(until));
        if scheduler.now() >= until {
            return Err(Unavailable::with_detail(Cause::NotSent, "it takes too long"));
        }
        if self.node.state().down_until > scheduler.now() {
            return Err(Unavailable::with_detail(Cause::NotSent, "nobody listens"));
        }
        let wire = Arc::new(Wire {
            node: self.node.clone(),
            process: self.process,
            readiness: self.readiness.clone(),
            state: Mutex::default(),
        });
        self.node.state().wires.push(Arc::downgrade(&wire));
        Ok(SimulatedConnection { wire })
    }
}

/// A connection as a process has it.
pub(crate) struct SimulatedConnection {
    wire: Arc<Wire>,
}

impl Connection for SimulatedConnection {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        let node = &self.wire.node;
        node.scheduler.interrupt();
        Wire::check(&self.wire.state())?;
        let (at, wire) = (self.wire.next(0), self.wire.clone());
        self.wire.state().owed.push_back(command.id);
        self.wire.state().sent.push_back(command.clone());
        node.scheduler.note(at, move || wire.arrive());
        Ok(())
    }

    fn source(&mut self) -> Option<&mut dyn Source> {
        self.wire.node.has_sources.then_some(self)
    }

    fn receive(&mut self, command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        let scheduler = &self.wire.node.scheduler;
        let until = scheduler.now() + nanos(timeout);
        loop {
            if std::mem::take(&mut self.wire.node.state().panics) {
                scheduler.tell(|| "a transport panics".into());
                std::panic::resume_unwind(Box::new("as it was told to"));
            }
            let mut state = self.wire.state();
            scheduler.expect(state.owed.front() == Some(&command.id), || format!("{command:?} is not the oldest"));
            if state.replies.is_empty() {
                state.read();
            }
            if let Some(reply) = state.replies.pop_front() {
                state.owed.pop_front();
                return Ok(Some(reply));
            }
            Wire::check(&state)?;
            if until <= scheduler.now() {
                return Ok(None);
            }
            state.reader = Some(Scheduler::current());
            drop(state);
            scheduler.wait_for_wake(Some(until));
            self.wire.state().reader = None;
        }
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        let mut state = self.wire.state();
        state.read();
        Wire::check(&state)
    }

    fn hearing(&self) -> Hearing {
        self.wire.node.hearing
    }

    fn subscribe(&mut self, waiter: &WaiterId) -> Result<(), Unavailable> {
        self.wire.node.scheduler.interrupt();
        Wire::check(&self.wire.state())?;
        let (at, wire, waiter) = (self.wire.next(0), self.wire.clone(), waiter.clone());
        self.wire.node.scheduler.note(at, move || wire.subscription_arrives(waiter));
        Ok(())
    }

    fn next_heard(&mut self) -> Option<Heard> {
        self.wire.state().heard.pop_front()
    }
}

impl Source for SimulatedConnection {
    fn register(&mut self, _: &Registry, token: Token, _: Interest) -> io::Result<()> {
        self.wire.state().token = Some(token.0);
        Ok(())
    }

    fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
        unreachable!("it is registered once")
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        unreachable!("it is closed instead")
    }
}

impl Drop for SimulatedConnection {
    fn drop(&mut self) {
        self.wire.state().is_closed = true;
        self.wire.hang_up();
    }
}
