use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use redlock_core::slots::SlotMap;
use redlock_core::{Command, Facts, Reply, Unavailable};

use super::super::NativeConnection;
use super::super::outdated::Outdated;
use super::MovedTo;
use super::batches::{Batches, judge};
use crate::net::Socket;
use crate::transport::Connection;

type Replies = Pin<Box<dyn Future<Output = Result<Vec<Reply>, Unavailable>> + Send>>;

/// A connection of a [`ClusterTransport`](super::ClusterTransport), to the masters that served slots when it was opened.
///
/// It hears nothing. What is sent at once by a connection to one server is sent by the driver here.
pub struct ClusterConnection<S> {
    masters: Vec<NativeConnection<S>>,
    slots: Arc<SlotMap>,
    facts: Facts,
    moved_to: MovedTo,
    /// A slot is served elsewhere by now.
    outdated: Outdated,
}

impl<S: Socket> ClusterConnection<S> {
    /// The masters are in the order of the map.
    pub(super) fn new(masters: Vec<NativeConnection<S>>, slots: SlotMap, moved_to: MovedTo) -> Self {
        let facts = Facts::of_cluster(&masters.iter().map(Connection::facts).collect::<Vec<_>>());
        Self { masters, slots: Arc::new(slots), facts, moved_to, outdated: Outdated::default() }
    }
}

impl<S: Socket> Connection for ClusterConnection<S> {
    /// Commands are written here, in the order of the calls for each master.
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<S> {
        let mut batches = Batches::of(batch, &self.slots);
        let mut under_way: Vec<(usize, Replies)> = Vec::new();
        for (number, commands) in batches.take() {
            if let Some(master) = self.masters.get_mut(number) {
                under_way.push((number, Box::pin(master.send(commands))));
            }
        }
        let (moved_to, outdated) = (self.moved_to.clone(), self.outdated.clone());
        async move {
            // Each is polled every time: whoever reads for all of them wakes only the task.
            poll_fn(|context| {
                under_way.retain_mut(|(number, replies)| match replies.as_mut().poll(context) {
                    Poll::Ready(result) => {
                        batches.answered(*number, result);
                        false
                    }
                    Poll::Pending => true,
                });
                if under_way.is_empty() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            let tell = |place| {
                if let Some(place) = place {
                    moved_to.set(place);
                }
                outdated.tell();
            };
            Ok(batches.into_replies().map(|reply| judge(reply, tell)).collect())
        }
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    /// It is over when one master is gone: the others do not make a node.
    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<S> {
        let mut ends: Vec<Pin<Box<dyn Future<Output = ()> + Send>>> = vec![Box::pin(self.outdated.wait())];
        for master in &mut self.masters {
            ends.push(Box::pin(master.closed()));
        }
        poll_fn(move |context| {
            let mut has_ended = false;
            for end in &mut ends {
                has_ended |= end.as_mut().poll(context).is_ready();
            }
            if has_ended { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

impl<S> fmt::Debug for ClusterConnection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterConnection").field("slots", &self.slots).finish_non_exhaustive()
    }
}
