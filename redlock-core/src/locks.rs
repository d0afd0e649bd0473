mod answers;
mod clock;
mod contention;
mod counts;
mod entry;
mod equality;
mod health;
mod inspections;
mod line;
mod node;
mod observing;
mod renewal;
mod timers;
mod trust;
mod turns;
mod wait_queue;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use slab::Slab;

use self::answers::is_of_acquisition;
use self::contention::Contention;
use self::counts::Counts;
use self::entry::{Entry, Standing};
use self::health::Tally;
pub use self::inspections::InspectionKey;
use self::inspections::Inspections;
use self::node::{Due, Node, Ticket};
use self::observing::Observing;
use self::renewal::Renewal;
use self::timers::Timers;
use self::wait_queue::WaitQueues;
use crate::fence::{Fence, Fences};
use crate::observed::Verb;
use crate::{
    AcquireError, Cause, CloseReport, Command, Config, DetachedLock, Event, ExtendError, Facts, Instant, Lock, Loss,
    NodeId, NodeSet, OperationId, ReleaseReport, Reply, Request, Resource, Resources, Unavailable, WaiterId,
};

/// Many locks over one set of nodes, as a pure state machine: everything that an adapter does but for sockets, a timer
/// and the way in which a caller waits.
///
/// It keeps a [`Lock`] for each key, lets those who want the same resource ask for it one after the other, knows of each
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
    /// The history, if somebody wants it.
    observing: Option<Box<Observing>>,
    is_closed: bool,
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

/// What has become of a lock that was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// It is held and valid.
    Held {
        /// The end of its validity.
        deadline: Instant,
    },
    /// It was lost.
    Lost(Loss),
    /// It was given up by its owner, or there is no such lock.
    Released,
}

/// What does not change of a lock that was handed over: for a guard to keep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HandedOver {
    resources: Resources,
    fences: Option<Fences>,
}

impl HandedOver {
    /// Looks at a lock in the moment of its hand-over.
    #[must_use]
    pub fn of(locks: &Locks, key: LockKey) -> Self {
        let lock = locks.lock(key);
        let resources = lock.map_or_else(|| Resources::all::<Resource>([]), |lock| lock.resources().clone());
        Self { resources, fences: lock.and_then(Lock::fences).cloned() }
    }

    /// Returns what is locked, as it is named on the nodes.
    #[must_use]
    pub const fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Returns the fence of a lock of one resource, if it is fenced.
    #[must_use]
    pub fn fence(&self) -> Option<Fence> {
        match self.fences.as_ref()?.as_slice() {
            [fence] => Some(*fence),
            _ => None,
        }
    }

    /// Returns the resources with their fences; nothing if the lock is not fenced.
    pub fn fences(&self) -> impl Iterator<Item = (&Resource, Fence)> {
        let fences = self.fences.iter().flat_map(Fences::as_slice);
        self.resources.as_slice().iter().zip(fences.copied())
    }
}

/// # Verbs
impl Locks {
    /// The bytes that a lock of one name takes in here at most: its place, when the list has just doubled, its timer, its
    /// place in line, and how it is kept alive.
    pub const BYTES_PER_LOCK: usize =
        2 * (size_of::<Entry>() + size_of::<(Instant, LockKey)>()) + WaitQueues::BYTES_PER_NAME + size_of::<Renewal>();

    /// Creates a machine without locks, which wants to be connected to all nodes.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let nodes = config.nodes();
        Self {
            config,
            entries: Slab::new(),
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
            observing: None,
            is_closed: false,
        }
    }

    /// Starts to acquire; [`Lock::acquire`] says what the seed must be.
    ///
    /// Those who want the same resource are served one after the other, in the order of these calls: only the first one
    /// asks the nodes, and the next one begins when it has given the lock back, lost it, or given up. A request for
    /// [one attempt](crate::Options::attempts), or without time to wait, does not stand in line: it fails at once when
    /// somebody is before it.
    ///
    /// A request that [adopts](Request::adopting) a lock does not stand in line: it has the lock already, or never will.
    ///
    /// The first attempt asks all nodes at once. A lock that somebody else has then waits in the queue of the resource's
    /// [home](Config::home), if the connection to that hears call-ups, and is called up by the release
    /// ([`handle_heard`](Self::handle_heard)). For a second after others were seen to want a resource, a lock of this
    /// handle asks the home first. Safety depends on none of that: the keys decide who holds the lock.
    ///
    /// When [`poll_finished`](Self::poll_finished) gives the key, [`hand_over`](Self::hand_over) has the result. Whoever
    /// does not want it any more calls [`abandon`](Self::abandon).
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`] after [`close`](Self::close).
    pub fn acquire(&mut self, request: Request, seed: [u8; 32], now: Instant) -> Result<LockKey, AcquireError> {
        if self.is_closed {
            return Err(AcquireError::Closed);
        }
        self.waiter.get_or_insert_with(|| WaiterId::from_seed(&seed));
        self.note_ttl(request.ttl.get().max(request.options.min_hold));
        let is_adoption = request.adopts.is_some();
        if !is_adoption {
            self.make_room(&request.resources, now);
        }
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let entry = Entry::new(Lock::in_line(&self.config, request, seed, now), serial);
        let key = LockKey { serial, index: self.entries.insert(entry) };
        self.observe_request(key, now);
        if is_adoption {
            self.adopt(key, now);
        } else {
            self.stand_in_line(key, now);
        }
        Ok(key)
    }

    /// Hands a lock over to its caller, or says why it was not acquired; `None` as long as that is open.
    ///
    /// To be called at the moment at which the caller gets to run; see [`Lock::hand_over`]. Yields the end of the lock's
    /// validity.
    pub fn hand_over(&mut self, key: LockKey, now: Instant) -> Option<Result<Instant, AcquireError>> {
        if self.entry(key)?.is_cut_off {
            return Some(Err(AcquireError::Closed));
        }
        while let Some(answer) = self.take_answer(key, is_of_acquisition) {
            match answer {
                Event::AcquireFailed(error) => return Some(Err(error)),
                _ if self.update(key, now, |lock| lock.hand_over(now)) == Some(true) => {
                    let commit_round = self.entry(key).and_then(|entry| entry.lock.commit_round());
                    self.tally.acquired(commit_round);
                    if self.entry(key).is_some_and(|entry| entry.begin_renewal(now)) {
                        self.update(key, now, |_| ());
                    }
                    return self.deadline(key).map(Ok);
                }
                _ => {}
            }
        }
        None
    }

    /// Starts to extend a lock that was handed over, as [`Lock::extend`] does. Then [`take_extended`](Self::take_extended)
    /// has the result of the operation that is returned. Extensions may overlap; each has its own result.
    ///
    /// # Errors
    ///
    /// Those of [`Lock::extend`]; [`ExtendError::NotHeld`] also when there is no such lock. Nothing is sent.
    pub fn extend(&mut self, key: LockKey, ttl: Duration, now: Instant) -> Result<OperationId, ExtendError> {
        let begun = self.update(key, now, |lock| lock.extend(ttl, now)).unwrap_or(Err(ExtendError::NotHeld));
        if begun.is_ok() {
            self.note_ttl(ttl);
        }
        begun
    }

    /// Takes the result of an extension: the new end of the lock's validity; `None` as long as that is open.
    ///
    /// The last eight results that nobody has taken are kept for each lock; whoever waits for one takes it when
    /// [`poll_finished`](Self::poll_finished) gives the key.
    pub fn take_extended(&mut self, key: LockKey, extension: OperationId) -> Option<Result<Instant, ExtendError>> {
        let end = self.take_answer(key, |event| match event {
            Event::Extended { operation, .. } | Event::ExtendFailed { operation, .. } => *operation == extension,
            _ => false,
        })?;
        match end {
            Event::Extended { deadline, .. } => Some(Ok(deadline)),
            Event::ExtendFailed { error, .. } => Some(Err(error)),
            _ => None,
        }
    }

    /// Starts to release a lock, or to undo an acquisition, as [`Lock::release`] does. Then
    /// [`take_released`](Self::take_released) has the result.
    pub fn release(&mut self, key: LockKey, now: Instant) {
        self.update(key, now, |lock| lock.release(now));
    }

    /// Takes the result of a release; `None` as long as that is open.
    pub fn take_released(&mut self, key: LockKey) -> Option<ReleaseReport> {
        match self.take_answer(key, |event| matches!(event, Event::Released(_)))? {
            Event::Released(report) => Some(report),
            _ => None,
        }
    }

    /// Releases what there may be and settles it: nobody will ask for this lock again.
    pub fn abandon(&mut self, key: LockKey, now: Instant) {
        if let Some(entry) = self.entry(key) {
            entry.is_owned = false;
            self.update(key, now, |lock| lock.release(now));
        }
    }

    /// Leaves a lock that is held to its keys, as [`Lock::forget`] does: nobody will ask for it again. Yields what is needed
    /// to [adopt](Request::adopting) it, in this process or another; `None` when it is not held, or is not valid any more.
    /// Then it is released.
    pub fn detach(&mut self, key: LockKey, now: Instant) -> Option<DetachedLock> {
        let detached = self.lock(key).and_then(|lock| lock.detached(now));
        if let Some(entry) = self.entry(key) {
            entry.is_owned = false;
            self.update(key, now, |lock| lock.forget(now));
        }
        detached
    }

    /// Ends all acquisitions with [`AcquireError::Closed`] and takes no new ones.
    ///
    /// Locks that are held stay, and can be extended and released as before. Those that are kept alive are so no more: each
    /// becomes one that is lost as [`Loss::Closed`], and is valid until its deadline still.
    pub fn close(&mut self, now: Instant) {
        self.is_closed = true;
        let is_acquiring = |(_, entry): &(usize, &Entry)| entry.lock.is_acquiring();
        let keys: Vec<LockKey> =
            self.entries.iter().filter(is_acquiring).map(|(index, entry)| entry.key_at(index)).collect();
        for key in keys {
            if let Some(entry) = self.entry(key) {
                entry.is_cut_off = true;
                self.tally.failed(&AcquireError::Closed);
                self.finished.push_back(key);
                self.observe_closed(key, now);
                self.update(key, now, |lock| lock.release(now));
            }
        }
        self.end_renewals(now);
    }
}

/// # What comes in
impl Locks {
    /// Takes a connection to a node, over which [`poll_batch`](Self::poll_batch) gives commands from now on, and what the
    /// server has said about itself; [`Facts::default`] if that is nothing.
    ///
    /// `hears` says whether this handle can hear that it is called up, over the connection or over another one beside it:
    /// then [`poll_subscribe`](Self::poll_subscribe) says when it is to subscribe, over each connection again. Else it is
    /// never asked to, and locks try now and then instead of waiting in the node's queues.
    pub fn handle_connected(&mut self, node: NodeId, facts: Facts, hears: bool, now: Instant) {
        self.learn(node, facts, now);
        let Self { nodes, config, .. } = self;
        if let Some(state) = nodes.get_mut(node.index()) {
            state.connected(hears, config, now);
            self.ready.insert(node);
            self.observe_connected(node, now);
            self.lose_turns(node, now);
            self.queue_up_all(now);
            self.deliver(now);
        }
    }

    /// Notes that a try to connect has failed, or that the connection broke: no reply to what is under way will come.
    ///
    /// After a connection that has answered something, commands wait for the next try, which begins at once. After a
    /// failure they are refused for the reason given until a try succeeds, and the tries are 20 ms to 1 s apart.
    pub fn handle_disconnected(&mut self, node: NodeId, why: &Unavailable, now: Instant) {
        if let Some(state) = self.nodes.get_mut(node.index()) {
            state.disconnected(why, now);
            self.ready.insert(node);
            self.observe_disconnected(node, why, now);
            self.answer_under_way(node, why, usize::MAX);
            self.refuse_waiting_if_down(node);
            self.deliver(now);
            self.lose_turns(node, now);
            self.deliver(now);
        }
    }

    /// Takes the reply of a node to the oldest command that it has not answered.
    pub fn handle_reply(&mut self, node: NodeId, reply: Reply, now: Instant) {
        let Some(state) = self.nodes.get_mut(node.index()) else { return };
        state.heard(now);
        match state.take_ticket() {
            Some(Ticket::Lock { key, id, is_acquisition, verb }) => {
                let reply = if is_acquisition { self.without_vote_of_restarted(node, reply, now) } else { reply };
                self.observe_answer(node, key, verb, &reply, now);
                self.update(key, now, |lock| lock.handle_reply(id, node, reply, now));
            }
            Some(Ticket::Inspection(key)) => {
                self.inspected(key, node, reply, now);
                self.deliver(now);
            }
            Some(Ticket::Clock { asked_at }) => {
                if let Reply::Time(time) = reply {
                    state.trust.clock.looked(time, asked_at, now);
                }
            }
            Some(Ticket::Aside) | None => {}
        }
    }

    /// Notes that the oldest `count` commands that a node has not answered will not be answered: they may have been
    /// carried out or not.
    pub fn handle_unanswered(&mut self, node: NodeId, count: usize, why: &Unavailable, now: Instant) {
        self.answer_under_way(node, why, count);
        self.deliver(now);
    }

    /// Notes that a node will never be connected again: all commands to it are refused, for the reason given.
    pub fn give_up(&mut self, node: NodeId, why: &Unavailable, now: Instant) {
        if let Some(state) = self.nodes.get_mut(node.index()) {
            state.give_up(why, now);
            self.observe_disconnected(node, why, now);
            self.answer_under_way(node, why, usize::MAX);
            self.refuse_waiting_if_down(node);
            self.deliver(now);
        }
    }

    /// Notes that all connections are gone, together with whoever drove them: new ones are wanted as at the beginning.
    pub fn start_over(&mut self, why: &Unavailable, now: Instant) {
        for node in self.config.nodes().iter() {
            if let Some(state) = self.nodes.get_mut(node.index()) {
                state.start_over();
            }
            self.observe_disconnected(node, why, now);
            self.answer_under_way(node, why, usize::MAX);
        }
        self.ready = self.config.nodes();
        self.deliver(now);
    }

    /// Refuses all commands that wait to be sent, because nobody is there who could send them.
    pub fn refuse_waiting(&mut self, why: &Unavailable, now: Instant) {
        for node in self.config.nodes().iter() {
            self.refuse_waiting_of(node, why);
        }
        self.deliver(now);
    }

    /// Does what has become due. To be called at [`poll_timeout`](Self::poll_timeout), and harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        for node in self.config.nodes().iter() {
            self.handle_timeout_of(node, now);
        }
        self.deliver(now);
        self.expire_inspections(now);
        // A lock that wants to be woken at once again must not keep the caller in here: it is due in the next call.
        for _ in 0..self.timers.len() {
            let Some((at, key)) = self.timers.pop_due(now) else { break };
            if self.entry(key).is_some_and(|entry| entry.timer.rings_at(at)) {
                self.update(key, now, |lock| lock.handle_timeout(now));
            }
        }
        // An operation that ended in time leaves its timer behind; nobody is to be woken by it.
        let Self { timers, entries, .. } = self;
        timers.forget_first_while(|key| entries.get(key.index).is_none_or(|entry| entry.serial != key.serial));
    }
}

/// # What goes out
impl Locks {
    /// Returns a node for which [`poll_connect`](Self::poll_connect) or [`poll_batch`](Self::poll_batch) may have
    /// something new; each such node once. They are best served in this order: a node that calls somebody up comes last, so
    /// that the release has a start on the other nodes before whoever is called up.
    pub fn poll_ready(&mut self) -> Option<NodeId> {
        let node = self.ready.without(self.calling).iter().next().or_else(|| self.ready.iter().next())?;
        self.ready.remove(node);
        self.calling.remove(node);
        Some(node)
    }

    /// Returns whether a connection to the node is to be opened now, in place of the one that there may still be: that one
    /// has been silent for too long and is to be closed first. Answer with [`handle_connected`](Self::handle_connected) or
    /// [`handle_disconnected`](Self::handle_disconnected).
    pub fn poll_connect(&mut self, node: NodeId) -> bool {
        self.nodes.get_mut(node.index()).is_some_and(Node::begin_connecting)
    }

    /// Appends the next commands for a node that is connected, to be sent at once and in order; the node then owes a reply
    /// to each. Those that waited for too long are answered in the node's place instead.
    ///
    /// An empty `batch` gets up to 256 commands. Nothing is appended when there are none.
    pub fn poll_batch(&mut self, node: NodeId, batch: &mut Vec<Command>, now: Instant) {
        let Self { nodes, stand_ins, .. } = self;
        let Some(state) = nodes.get_mut(node.index()) else { return };
        state.take_batch(batch, now, |ticket| stand_ins.push_back((node, ticket, not_sent())));
        self.deliver(now);
    }

    /// Returns the name under which this handle is to subscribe at a node, if it is to do so now: somebody wants to wait there.
    /// What comes of it goes to [`handle_heard`](Self::handle_heard). It is asked for again after
    /// [`Heard::Deaf`](crate::Heard::Deaf), when nothing is heard for long, and over every new connection.
    pub fn poll_subscribe(&mut self, node: NodeId, now: Instant) -> Option<WaiterId> {
        let is_wanted = self.nodes.get_mut(node.index()).is_some_and(|state| state.begin_subscribing(now));
        self.waiter.clone().filter(|_| is_wanted)
    }

    /// Returns a lock whose operation has ended, or that is not held any more; whoever waits for it should look.
    pub fn poll_finished(&mut self) -> Option<LockKey> {
        self.finished.pop_front()
    }

    /// Returns the moment at which [`handle_timeout`](Self::handle_timeout) has something to do; `None` if it never has.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let nodes = self.nodes.iter().filter_map(|node| node.poll_timeout(&self.config));
        nodes.chain(self.timers.next()).chain(self.inspections.poll_timeout()).min()
    }
}

/// # Getters
impl Locks {
    /// Returns the settings that all locks share.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Returns a lock as it is.
    #[must_use]
    pub fn lock(&self, key: LockKey) -> Option<&Lock> {
        self.entries.get(key.index).filter(|entry| entry.serial == key.serial).map(|entry| &entry.lock)
    }

    /// Returns the end of the validity of a lock that was handed over; see [`Lock::deadline`].
    #[must_use]
    pub fn deadline(&self, key: LockKey) -> Option<Instant> {
        self.lock(key)?.deadline()
    }

    /// Returns what has become of a lock that was handed over. A timer may be late; `now` is not.
    pub fn status(&mut self, key: LockKey, now: Instant) -> Status {
        self.update(key, now, |lock| lock.handle_timeout(now));
        let Some(entry) = self.entry(key) else { return Status::Released };
        match (entry.lock.loss(), entry.lock.deadline()) {
            (Some(loss), _) => Status::Lost(loss.clone()),
            (None, Some(_)) if entry.is_cut_off => Status::Lost(Loss::Closed),
            (None, Some(deadline)) => Status::Held { deadline },
            (None, None) => Status::Released,
        }
    }

    /// Returns whether commands wait that [`poll_batch`](Self::poll_batch) would give.
    #[must_use]
    pub fn has_batch(&self, node: NodeId) -> bool {
        self.nodes.get(node.index()).is_some_and(Node::has_batch)
    }

    /// Returns whether [`poll_subscribe`](Self::poll_subscribe) would give a name.
    #[must_use]
    pub fn has_subscription(&self, node: NodeId) -> bool {
        self.nodes.get(node.index()).is_some_and(Node::wants_subscription)
    }

    /// Returns the commands that wait to be sent to a node, in order, each with its lock.
    pub fn queued(&self, node: NodeId) -> impl Iterator<Item = (LockKey, &Command)> {
        self.nodes.get(node.index()).into_iter().flat_map(Node::queued)
    }

    /// Returns why commands to a node are refused at the moment; `None` while they are sent or wait to be.
    #[must_use]
    pub fn refusal(&self, node: NodeId) -> Option<&Unavailable> {
        self.nodes.get(node.index())?.refusal()
    }

    /// Returns whether [`close`](Self::close) was called.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Returns whether no release waits for a node that is still in time; see [`Lock::is_quiet`].
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.counts.releasing == 0
    }

    /// Returns whether there is no lock, owned or to be settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Counts what [`close`](Self::close) leaves: the locks that are still held, and those that nobody holds and that a
    /// node may still have a key of.
    #[must_use]
    pub fn close_report(&self) -> CloseReport {
        let held = self.entries.iter().filter(|(_, entry)| entry.lock.deadline().is_some()).count();
        CloseReport { unsettled: self.unsettled(), held }
    }

    /// Counts the locks that nobody holds and that a node may still have a key of.
    #[must_use]
    pub const fn unsettled(&self) -> usize {
        self.counts.unsettled
    }

    /// Returns the keys of all locks, in the order of their places.
    pub fn keys(&self) -> impl Iterator<Item = LockKey> {
        self.entries.iter().map(|(index, entry)| entry.key_at(index))
    }
}

impl Locks {
    /// Lets a lock ask for its keys that stands in nobody's way.
    fn adopt(&mut self, key: LockKey, now: Instant) {
        if let Some(entry) = self.entry(key) {
            entry.standing = Standing::Left;
            self.update(key, now, |lock| lock.begin(now));
        }
    }

    /// Keeps no lock alive any more.
    fn end_renewals(&mut self, now: Instant) {
        let is_kept = |(_, entry): &(usize, &Entry)| entry.renewal.is_some() && entry.is_held();
        let keys: Vec<LockKey> =
            self.entries.iter().filter(is_kept).map(|(index, entry)| entry.key_at(index)).collect();
        for key in keys {
            if let Some(entry) = self.entry(key) {
                entry.is_cut_off = true;
                entry.renewal = None;
                self.finished.push_back(key);
                self.update(key, now, |_| ());
            }
        }
    }

    fn entry(&mut self, key: LockKey) -> Option<&mut Entry> {
        self.entries.get_mut(key.index).filter(|entry| entry.serial == key.serial)
    }

    fn take_answer(&mut self, key: LockKey, is_wanted: impl FnMut(&Event) -> bool) -> Option<Event> {
        self.entry(key)?.answers.take(is_wanted)
    }

    /// Takes a step with a lock, then does all that follows from it. `None` when there is no such lock.
    fn update<T>(&mut self, key: LockKey, now: Instant, step: impl FnOnce(&mut Lock) -> T) -> Option<T> {
        let result = self.step(key, now, step);
        self.deliver(now);
        result
    }

    /// Hands the answers that were given in the place of nodes to their locks, and lets those go on that are the first in
    /// line now; that may lead to more of both.
    fn deliver(&mut self, now: Instant) {
        loop {
            while let Some((node, ticket, reply)) = self.stand_ins.pop_front() {
                match ticket {
                    Ticket::Lock { key, id, verb, .. } => {
                        self.observe_answer(node, key, verb, &reply, now);
                        self.step(key, now, |lock| lock.handle_reply(id, node, reply, now));
                    }
                    Ticket::Inspection(key) => self.inspected(key, node, reply, now),
                    Ticket::Clock { .. } | Ticket::Aside => {}
                }
            }
            let Some(key) = self.next_in_line.pop_front() else { break };
            self.come_on(key, now);
        }
    }

    fn step<T>(&mut self, key: LockKey, now: Instant, step: impl FnOnce(&mut Lock) -> T) -> Option<T> {
        let Self { entries, counts, .. } = self;
        let entry = entries.get_mut(key.index).filter(|entry| entry.serial == key.serial)?;
        let result = step(&mut entry.lock);
        entry.drive_renewal(now);
        let was_held = entry.counts_as.is_held;
        counts.recount(&mut entry.counts_as, entry.lock.kinds());
        self.send_commands(key, now);
        self.take_events(key, was_held, now);
        self.observe_step(key, now);
        self.move_in_queues(key, now);
        self.set_timer(key);
        self.forget_if_over(key, now);
        Some(result)
    }

    /// Queues the commands of a lock for their nodes.
    fn send_commands(&mut self, key: LockKey, now: Instant) {
        let Self { entries, nodes, config, ready, calling, stand_ins, .. } = self;
        let Some(entry) = entries.get_mut(key.index) else { return };
        let is_acquisition = entry.lock.is_acquiring();
        while let Some(command) = entry.lock.poll_command() {
            let command = turns::with_open_home(command, config, nodes, now);
            for node in command.nodes.iter() {
                let Some(state) = nodes.get_mut(node.index()) else { continue };
                let verb = Verb::of(&command.action);
                let ticket = Ticket::Lock { key, id: command.id, is_acquisition, verb };
                let command = command.with_nodes(NodeSet::from_iter([node]));
                if command.calls_up() {
                    calling.insert(node);
                }
                match state.push(ticket, command, now) {
                    Ok(()) => ready.insert(node),
                    Err(why) => stand_ins.push_back((node, ticket, Reply::Unavailable(why))),
                }
            }
        }
    }

    /// Keeps what has become of a lock's operations, for whoever waits for it.
    fn take_events(&mut self, key: LockKey, was_held: bool, now: Instant) {
        let Self { entries, queues, finished, tally, observing, .. } = self;
        let Some(entry) = entries.get_mut(key.index) else { return };
        let mut has_ended = was_held && !entry.counts_as.is_held;
        while let Some(event) = entry.lock.poll_event() {
            let event = with_place(event, || queues.ahead_of(entry.lock.resources(), key));
            match &event {
                Event::AcquireFailed(error) => tally.failed(error),
                Event::Lost(_) => tally.lost(),
                _ => {}
            }
            let is_own = entry.renewal.as_mut().is_some_and(|renewal| renewal.take(&event, &entry.lock, now));
            if let Some(observing) = observing {
                observing.ended(key, &event, entry.renewal.as_deref().filter(|_| is_own), now);
            }
            // A loss can be seen in the lock.
            if !is_own && !matches!(event, Event::Lost(_)) {
                entry.answers.push(event);
                has_ended = true;
            }
        }
        if has_ended {
            finished.push_back(key);
        }
    }

    /// Makes sure that a lock is looked at when it has something to do.
    fn set_timer(&mut self, key: LockKey) {
        let Self { entries, queues, timers, .. } = self;
        let Some(entry) = entries.get_mut(key.index) else { return };
        let is_waited_for = entry.standing == Standing::WaitedFor && queues.has_others(entry.lock.resources());
        let makes_way_at = if is_waited_for { entry.lock.makes_way_at() } else { None };
        let renews_at = entry.renewal_timeout();
        let wakes_at = Instant::earliest([entry.lock.poll_timeout(), makes_way_at, renews_at]);
        timers.schedule(key, &mut entry.timer, wakes_at);
    }

    fn forget_if_over(&mut self, key: LockKey, now: Instant) {
        if self.entries.get(key.index).is_some_and(Entry::is_over) {
            self.entries.remove(key.index);
            self.observe_settled(key, now);
        }
    }

    fn handle_timeout_of(&mut self, node: NodeId, now: Instant) {
        let Self { nodes, config, .. } = self;
        match nodes.get_mut(node.index()).map_or(Due::Nothing, |state| state.handle_timeout(config, now)) {
            Due::Nothing => {}
            Due::Ready => self.ready.insert(node),
            Due::Silent(why) => {
                self.ready.insert(node);
                self.observe_disconnected(node, &why, now);
                self.answer_under_way(node, &why, usize::MAX);
                self.refuse_waiting_if_down(node);
            }
        }
    }

    /// Answers the oldest `count` commands that are under way to a node.
    fn answer_under_way(&mut self, node: NodeId, why: &Unavailable, count: usize) {
        let Self { nodes, stand_ins, .. } = self;
        let Some(state) = nodes.get_mut(node.index()) else { return };
        let tickets = core::iter::from_fn(|| state.take_ticket()).take(count);
        stand_ins.extend(tickets.map(|ticket| (node, ticket, Reply::Unavailable(why.clone()))));
    }

    fn refuse_waiting_if_down(&mut self, node: NodeId) {
        let refusal = self.nodes.get(node.index()).and_then(Node::refusal);
        if let Some(why) = refusal.cloned() {
            self.refuse_waiting_of(node, &why.unsent());
        }
    }

    fn refuse_waiting_of(&mut self, node: NodeId, why: &Unavailable) {
        let Self { nodes, stand_ins, .. } = self;
        let Some(state) = nodes.get_mut(node.index()) else { return };
        let tickets = core::iter::from_fn(|| state.take_waiting());
        stand_ins.extend(tickets.map(|ticket| (node, ticket, Reply::Unavailable(why.clone()))));
    }
}

/// Says how many are still before a lock whose acquisition has failed.
fn with_place(mut event: Event, ahead: impl FnOnce() -> usize) -> Event {
    if let Event::AcquireFailed(error) = &mut event
        && let Some(attempts) = error.attempts_mut()
    {
        attempts.ahead = ahead();
    }
    event
}

const fn not_sent() -> Reply {
    Reply::Unavailable(Unavailable::new(Cause::NotSent))
}
