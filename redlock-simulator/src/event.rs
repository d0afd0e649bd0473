use std::rc::Rc;

use redlock_core::{Command, Reply};

/// What happens in the world.
#[derive(Debug)]
pub(crate) enum Event {
    /// A command arrives at a node.
    Command { link: usize, epoch: u32, sent: Sent },
    /// A node's reply arrives at a client.
    Reply { link: usize, epoch: u32, reply: Reply },
    /// A client learns that it could not send a command at all.
    NotSent { link: usize, sent: Sent },
    /// A client notices that a connection is broken.
    BreakNoticed { link: usize, epoch: u32 },
    /// A client tries to connect anew.
    Reconnect { link: usize },
    /// A client begins a job.
    JobBegins { job: usize },
    /// The caller of an acquisition gets to run.
    HandOver { job: usize },
    /// The user of a lock takes the next step: an extension, or the end.
    Step { job: usize },
    /// A lock's timer fires.
    Timer { job: usize, generation: u32 },
    /// A client hears that a resource was released.
    Announcement { client: usize, resource: usize },
    /// A fault begins.
    FaultBegins { fault: usize },
    /// A fault is over.
    FaultEnds { fault: usize },
    /// By now somebody must have made progress.
    ProgressIsDue,
}

/// A command on its way, and the job that waits for the reply.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) job: usize,
    pub(crate) command: Rc<Command>,
    /// It was under way before on a connection that broke, so it may have been carried out.
    pub(crate) is_resent: bool,
}
