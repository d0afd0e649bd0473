use std::rc::Rc;

use redlock_core::{Command, Heard, Reply, WaiterId};

/// What happens in the world.
#[derive(Debug)]
pub(crate) enum Event {
    /// A command arrives at a node.
    Command { link: usize, epoch: u32, sent: Sent },
    /// A node's reply arrives at a client.
    Reply { link: usize, epoch: u32, reply: Reply },
    /// A client notices that a connection is broken.
    BreakNoticed { link: usize, epoch: u32 },
    /// A client's try to open a connection succeeds or fails.
    ConnectEnds { link: usize, epoch: u32 },
    /// A client begins its work.
    ClientBegins { client: usize },
    /// A client begins a job.
    JobBegins { job: usize },
    /// The caller of an acquisition gets to run.
    HandOver { job: usize },
    /// The user of a lock takes the next step: an extension, or the end.
    Step { job: usize },
    /// A client's timer fires.
    Timer { client: usize, generation: u32 },
    /// The subscription of a client arrives at a node.
    Subscription { link: usize, epoch: u32, waiter: WaiterId },
    /// A client hears what has become of its subscription.
    Heard { link: usize, epoch: u32, heard: Heard },
    /// What carries the subscription of a client breaks.
    SubscriptionBreaks { link: usize, epoch: u32 },
    /// A client hears that it is called up.
    CallUp { link: usize, epoch: u32, resource: usize },
    /// A node notices that a connection is gone.
    NodeNotices { link: usize, epoch: u32 },
    /// The holder of a fenced lock sends its next request to the store.
    Errand { errand: usize },
    /// The request of a holder arrives at the store.
    Visit { errand: usize },
    /// A fault begins.
    FaultBegins { fault: usize },
    /// A fault is over.
    FaultEnds { fault: usize },
    /// By now somebody must have made progress.
    ProgressIsDue,
    /// By now everybody who waits must have had the lock.
    ServiceIsDue,
}

/// A command on its way, and the job that waits for the reply; none waits for that to a command that belongs to no lock.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) job: Option<usize>,
    pub(crate) command: Rc<Command>,
}
