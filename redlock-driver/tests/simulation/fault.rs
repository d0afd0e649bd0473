//! What goes wrong.

use redlock_simulator::Time;

use std::fmt;

/// The kinds of disturbance, all within what the protocol promises to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The connection between a process and a node breaks; what is under way is lost.
    Cut,
    /// A connection breaks in the middle of a batch: some commands are carried out, no reply arrives.
    BrokenBatch,
    /// What was under way when a connection broke is carried out later.
    LateExecution,
    /// A connection is refused.
    RefusedConnect,
    /// A try to connect does not come to an end.
    HungConnect,
    /// A message takes much longer than others.
    Straggler,
    /// A node ends, and comes back with its keys.
    Crash,
    /// A node stands still, then goes on with all that has arrived.
    Hang,
    /// A node takes its time.
    Slow,
    /// A node answers with an error: it is loading, out of memory, not permitted.
    Refusal,
    /// A node forgets its scripts.
    ScriptFlush,
    /// A process is not told that it is called up.
    LostCallUp,
    /// A process is told twice that it is called up.
    DoubleCallUp,
    /// A node does not take a subscription.
    LostSubscription,
    /// The second connection breaks, over which a process hears.
    Deafness,
    /// A whole process stands still while time goes on.
    Pause,
    /// A timer fires late.
    LateTimer,
    /// A task that was woken waits for a processor.
    LateTask,
    /// A future is polled although nothing has happened, and from then on with another waker.
    Fidget,
    /// The operating system has no random bytes.
    NoEntropy,
    /// The runtime ends, with the driver's task; the next call starts it again.
    EndOfRuntime,
}

impl FaultKind {
    pub(crate) const ALL: [Self; 21] = [
        Self::Cut,
        Self::BrokenBatch,
        Self::LateExecution,
        Self::RefusedConnect,
        Self::HungConnect,
        Self::Straggler,
        Self::Crash,
        Self::Hang,
        Self::Slow,
        Self::Refusal,
        Self::ScriptFlush,
        Self::LostCallUp,
        Self::DoubleCallUp,
        Self::LostSubscription,
        Self::Deafness,
        Self::Pause,
        Self::LateTimer,
        Self::LateTask,
        Self::Fidget,
        Self::NoEntropy,
        Self::EndOfRuntime,
    ];

    /// Those that begin and end at planned times; the others happen by chance.
    pub(crate) const PLANNED: [Self; 9] = [
        Self::Cut,
        Self::RefusedConnect,
        Self::HungConnect,
        Self::Crash,
        Self::Hang,
        Self::Slow,
        Self::Refusal,
        Self::ScriptFlush,
        Self::Pause,
    ];
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "connection cut",
            Self::BrokenBatch => "batch broken off",
            Self::LateExecution => "late execution",
            Self::RefusedConnect => "connect refused",
            Self::HungConnect => "connect hung",
            Self::Straggler => "straggling message",
            Self::Crash => "node crash",
            Self::Hang => "node hung",
            Self::Slow => "node slow",
            Self::Refusal => "node refusing",
            Self::ScriptFlush => "scripts forgotten",
            Self::LostCallUp => "call-up lost",
            Self::DoubleCallUp => "call-up told twice",
            Self::LostSubscription => "subscription lost",
            Self::Deafness => "second connection broken",
            Self::Pause => "process pause",
            Self::LateTimer => "late timer",
            Self::LateTask => "late task",
            Self::Fidget => "idle poll",
            Self::NoEntropy => "no entropy",
            Self::EndOfRuntime => "end of runtime",
        })
    }
}

/// A disturbance that a scenario has planned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) begins_at: Time,
    pub(crate) ends_at: Time,
    pub(crate) node: usize,
    pub(crate) process: usize,
}

impl Fault {
    /// Whether it disturbs this process, this node, or the way between them at a moment.
    pub(crate) fn hits(&self, process: Option<usize>, node: Option<usize>, time: Time) -> bool {
        (self.begins_at..self.ends_at).contains(&time)
            && process.is_none_or(|process| process == self.process)
            && node.is_none_or(|node| node == self.node)
    }

    /// Whether the connections between a process and a node break when it begins.
    pub(crate) fn breaks(&self, process: usize, node: usize) -> bool {
        match self.kind {
            FaultKind::Cut | FaultKind::RefusedConnect | FaultKind::HungConnect => {
                (process, node) == (self.process, self.node)
            }
            FaultKind::Crash => node == self.node,
            _ => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = (self.ends_at - self.begins_at) / redlock_simulator::MILLISECOND;
        let (kind, node, process) = (self.kind, self.node, self.process);
        match kind {
            FaultKind::Pause => write!(f, "{kind} (process {process}, for {millis} ms)"),
            FaultKind::ScriptFlush => write!(f, "{kind} (node {node})"),
            FaultKind::Crash | FaultKind::Hang | FaultKind::Slow | FaultKind::Refusal => {
                write!(f, "{kind} (node {node}, for {millis} ms)")
            }
            _ => write!(f, "{kind} (process {process}, node {node}, for {millis} ms)"),
        }
    }
}
