use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use redlock_core::slots::SlotMap;
use redlock_core::{Command, Facts, Reply, Unavailable};

use super::MovedTo;
use super::batches::{Batches, judge};
use super::outdated::Outdated;
use crate::transport::Connection;

/// So soon at most a cluster is asked again who serves a slot that nobody did. What that costs the other slots, a new
/// connection, is little then.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

type Replies = Pin<Box<dyn Future<Output = Result<Vec<Reply>, Unavailable>> + Send>>;

/// A connection to all masters of a cluster that served slots when it was opened, made of one to each.
///
/// - A command goes to the master of the slot of its names, once. One whose names lie in several slots, or in another than
///   its counter, is refused with [`Cause::CrossSlot`](redlock_core::Cause::CrossSlot) before anything is sent. One without a
///   name goes to all.
/// - It is closed when one of them is or does not answer a batch, when one says that it does not serve a slot any more
///   (`MOVED`), and when somebody wants a slot that nobody serves, but not more than once a second: the next connection may
///   find one who does.
/// - Its [facts](Facts::of_cluster) are those of all, so that a master that was started again or replaced shows in the run id.
/// - It hears nothing, so nobody waits in the queues of this node. What is sent at once by a connection to one server is sent
///   by the driver here.
pub struct ClusterConnection<C> {
    masters: Vec<C>,
    slots: Arc<SlotMap>,
    facts: Facts,
    opened_at: Instant,
    moved_to: MovedTo,
    /// A slot may be served elsewhere by now, or a master is gone.
    outdated: Outdated,
}

impl<C: Connection> ClusterConnection<C> {
    /// Joins connections to the masters, in the order of the map. Where a slot has moved to is noted in `moved_to`.
    pub fn new(masters: Vec<C>, slots: SlotMap, moved_to: MovedTo) -> Self {
        let facts = Facts::of_cluster(&masters.iter().map(Connection::facts).collect::<Vec<_>>());
        let (opened_at, outdated) = (Instant::now(), Outdated::default());
        Self { masters, slots: Arc::new(slots), facts, opened_at, moved_to, outdated }
    }
}

impl<C: Connection> Connection for ClusterConnection<C> {
    /// Commands are written here, in the order of the calls for each master.
    fn send(&mut self, batch: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<C> {
        let mut batches = Batches::of(batch, &self.slots);
        let mut under_way: Vec<(usize, Replies)> = Vec::new();
        for (number, commands) in batches.take() {
            if let Some(master) = self.masters.get_mut(number) {
                under_way.push((number, Box::pin(master.send(commands))));
            }
        }
        if batches.lacks_master() && self.opened_at.elapsed() >= ASK_AGAIN_AFTER {
            self.outdated.tell();
        }
        let (moved_to, outdated) = (self.moved_to.clone(), self.outdated.clone());
        async move {
            // Each is polled every time: whoever reads for all of them wakes only the task.
            poll_fn(|context| {
                under_way.retain_mut(|(number, replies)| match replies.as_mut().poll(context) {
                    Poll::Ready(result) => {
                        if result.is_err() {
                            outdated.tell();
                        }
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
    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<C> {
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

impl<C> fmt::Debug for ClusterConnection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterConnection").field("slots", &self.slots).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use futures_util::FutureExt as _;
    use redlock_core::slots::Place;
    use redlock_core::{Action, Cause, Config, Lock, Options, Request, ScriptForm};

    use super::*;

    /// A connection that only tells by a batch that it is broken.
    struct Broken;

    impl Connection for Broken {
        fn send(&mut self, _: Vec<Command>) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> {
            ready(Err(Unavailable::new(Cause::Disconnected)))
        }
    }

    fn set() -> Command {
        let config = Config::builder(["only"]).build().unwrap();
        let request = Request::new(&config, "job", Duration::from_secs(10), Options::new()).unwrap();
        Lock::acquire(&config, request, [7; 32], redlock_core::Instant::EPOCH).poll_command().unwrap()
    }

    #[test]
    fn a_batch_that_a_master_does_not_answer_is_the_end() {
        let mut slots = SlotMap::default();
        slots.add(0, 16_383, Place { host: "one".into(), port: 1 });
        let mut connection = ClusterConnection::new(vec![Broken], slots, MovedTo::default());
        let mut closed = Box::pin(connection.closed());
        assert_eq!((&mut closed).now_or_never(), None);
        let look = set().with_action(Action::ReadClock, ScriptForm::Digest);
        let replies = connection.send(vec![look]).now_or_never().unwrap().unwrap();
        assert_eq!(replies, [Reply::Unavailable(Unavailable::new(Cause::Disconnected))]);
        assert_eq!(closed.now_or_never(), Some(()));
    }

    #[test]
    fn a_slot_that_nobody_serves_is_asked_for_again_after_a_while() {
        let mut connection = ClusterConnection::new(Vec::<Broken>::new(), SlotMap::default(), MovedTo::default());
        let mut closed = Box::pin(connection.closed());
        connection.send(vec![set()]).now_or_never().unwrap().unwrap();
        assert_eq!((&mut closed).now_or_never(), None);
        connection.opened_at = connection.opened_at.checked_sub(ASK_AGAIN_AFTER).unwrap();
        connection.send(vec![set()]).now_or_never().unwrap().unwrap();
        assert_eq!(closed.now_or_never(), Some(()));
    }
}
