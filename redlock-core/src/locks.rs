mod answers;
mod clock;
mod contention;
mod counts;
mod entry;
mod equality;
mod getters;
mod handed_over;
mod handling;
mod health;
mod inspections;
mod line;
mod node;
mod observing;
mod outbox;
mod polling;
mod renewal;
mod round_trip;
mod step;
mod timers;
mod trust;
mod turns;
mod verbs;
mod wait_queue;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use slab::Slab;

use self::answers::Ends;
use self::contention::Contention;
use self::counts::Counts;
use self::entry::Entry;
pub use self::handed_over::HandedOver;
use self::health::{Refusals, Tally};
pub use self::inspections::InspectionKey;
use self::inspections::Inspections;
use self::node::Node;
use self::observing::Observing;
use self::outbox::Ticket;
use self::renewal::Renewal;
use self::timers::Timers;
use self::wait_queue::WaitQueues;
use crate::lock::LockMachine;
use crate::output::Output;
use crate::spare::Spare;
use crate::{Config, NodeId, NodeSet, Reply, WaiterId};

/// Many locks over one set of nodes, as a pure state machine: everything that an adapter does but for sockets, a timer
/// and the way in which a caller waits.
///
/// It keeps a [`Lock`](crate::Lock) for each key, lets those who want the same resource ask for it one after the other, knows of each
/// node whether it is connected and which replies it owes, queues what is to be sent, decides when to connect again,
/// answers in the place of a node that cannot be reached, and settles what nobody waits for any more.
///
/// ```text
///   verbs: acquire, extend, release, ...          poll_finished: whose operation has ended
///                    │                                     ▲
///             ┌──────▼─────────────────────────────────────┴─────┐
///             │ Locks     Resource ─▶ who is next                │
///             │           LockKey ─▶ Lock, Lock, Lock, ...       │ ──▶ poll_timeout
///             │                        │ commands  ▲ replies     │ ◀── handle_timeout
///             │           per node:  queue      tickets  link    │
///             └──────┬─────────────────┬───────────▲───────┬─────┘
///        poll_ready: │    poll_batch:  │           │       │ poll_connect: whether to open a connection
///     which node has ▼    what to send,▼           │       ▼
///     something new    poll_subscribe: connection ── handle_reply, handle_heard, handle_connected, ...
///                  whether to subscribe
/// ```
///
/// **After every verb and every `handle_*`: ask [`poll_ready`](Self::poll_ready) for nodes until there is none, and each
/// of them for [`poll_connect`](Self::poll_connect), [`poll_batch`](Self::poll_batch) and
/// [`poll_subscribe`](Self::poll_subscribe); ask [`poll_finished`](Self::poll_finished) for keys until there is none, and
/// wake those who wait for them; then arm a timer
/// for [`poll_timeout`](Self::poll_timeout).**
///
/// `now` is always the last parameter, on one clock for all calls.
///
/// ```
/// use core::time::Duration;
/// use redlock_core::{Config, Facts, Instant, Locks, Options, Request, model};
///
/// /// Carries what there is to carry, to nodes that answer at once.
/// fn drive(locks: &mut Locks, nodes: &mut [model::Node], now: Instant) {
///     let mut batch = Vec::new();
///     while let Some(node) = locks.poll_ready() {
///         if locks.poll_connect(node) {
///             locks.handle_connected(node, Facts::default(), false, now); // nobody waits in queues here
///         }
///         locks.poll_batch(node, &mut batch, now);
///         for command in batch.drain(..) {
///             let reply = nodes[node.index()].execute(&command, now);
///             locks.handle_reply(node, reply, now);
///         }
///     }
/// }
///
/// let config = Config::builder(["one", "two", "three"]).build()?;
/// let mut nodes = vec![model::Node::new(); 3];
/// let mut locks = Locks::new(config.clone());
/// let now = Instant::EPOCH;
///
/// let request = Request::new(&config, "invoice:7", Duration::from_secs(10), Options::new())?;
/// let key = locks.acquire(request, [7; 32], now)?;
/// drive(&mut locks, &mut nodes, now);
/// assert_eq!(locks.poll_finished(), Some(key));
/// let deadline = locks.hand_over(key, now).expect("it has ended")?;
/// assert_eq!(locks.deadline(key), Some(deadline));
///
/// locks.release(key, now);
/// drive(&mut locks, &mut nodes, now);
/// println!("{}", locks.take_released(key).expect("it has ended"));
/// locks.abandon(key, now);
/// assert!(locks.is_empty(), "every node has confirmed the release");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Locks {
    config: Config,
    entries: Slab<Entry>,
    /// That of the step that a lock takes; it is empty between two steps.
    output: Output,
    next_serial: u64,
    timers: Timers,
    queues: WaitQueues,
    /// The name under which this handle waits in the queues of nodes; it is made with the first lock.
    waiter: Option<WaiterId>,
    contention: Contention,
    /// The locks that have come to the head of a queue; they go on before the call that has brought them there returns.
    next_in_line: VecDeque<LockKey>,
    /// One for each node, in the order of the configuration.
    nodes: Vec<Node>,
    /// The nodes that have something new for [`Self::poll_ready`].
    ready: NodeSet,
    /// Those of them that may call somebody up, who then comes to the others, too: they come last.
    calling: NodeSet,
    finished: VecDeque<LockKey>,
    inspections: Inspections,
    /// Answers in the place of nodes. They reach their locks before the call that has made them returns.
    stand_ins: VecDeque<(NodeId, Ticket, Reply)>,
    counts: Counts,
    /// The longest time for which a key of this handle lives.
    longest_ttl: Duration,
    tally: Tally,
    refusals: Refusals,
    /// The history, if somebody wants it.
    observing: Option<Box<Observing>>,
    is_closed: bool,
    spare_answers: Spare<Ends>,
}

/// Names one lock of a [`Locks`]; no two locks ever have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LockKey {
    serial: u64,
    index: usize,
}

impl LockKey {
    /// Returns the place of the lock: a small number that no other lock has at the same time, and later ones may have.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index
    }

    /// Returns the number of the lock, which no other lock of the handle ever has.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.serial
    }
}

impl Locks {
    /// The bytes that a lock of one name takes in here at most: its place, when the list has just doubled, its timer, its
    /// place in line, and how it is kept alive.
    pub const BYTES_PER_LOCK: usize =
        2 * size_of::<Entry>() + Timers::BYTES_PER_LOCK + WaitQueues::BYTES_PER_NAME + Self::BYTES_KEPT_ALIVE;

    const BYTES_KEPT_ALIVE: usize = size_of::<Renewal>() + LockMachine::BYTES_PER_EXTENSION;

    /// Creates a machine without locks, which wants to be connected to all nodes.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let nodes = config.nodes();
        Self {
            config,
            entries: Slab::new(),
            output: Output::new(),
            next_serial: 0,
            timers: Timers::default(),
            queues: WaitQueues::default(),
            waiter: None,
            contention: Contention::default(),
            next_in_line: VecDeque::new(),
            nodes: nodes.iter().map(|_| Node::new()).collect(),
            ready: nodes,
            calling: NodeSet::EMPTY,
            finished: VecDeque::new(),
            inspections: Inspections::default(),
            stand_ins: VecDeque::new(),
            counts: Counts::default(),
            longest_ttl: Duration::ZERO,
            tally: Tally::default(),
            refusals: Refusals::new(nodes),
            observing: None,
            is_closed: false,
            spare_answers: Spare::new(),
        }
    }
}
