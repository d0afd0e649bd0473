//! One connection between a process and a node, as the network sees it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use redlock_driver::transport::{Command, Heard, Hearing, Reply, WaiterId};
use redlock_driver::{Cause, Instant, Resource, Unavailable};
use redlock_simulator::{MICROSECOND, MILLISECOND, SECOND, Time};

use crate::fault::FaultKind;
use crate::ledger::describe;
use crate::world::{World, lock};

/// By how much a straggler, and everything from a slow node, is slower than usual.
const SLOWNESS: Time = 20;
/// The longest time in which a process notices that a connection is broken.
const LONGEST_TO_NOTICE: Time = 200 * MILLISECOND;
/// The longest time by which a command outlives its connection.
const LATEST_EXECUTION: Time = SECOND;
/// The longest time in which a node notices that a connection is gone.
const NODE_NOTICES_WITHIN: Time = 2 * SECOND;
/// The longest time for which a process hears over a second connection that breaks.
const LONGEST_HEARING: Time = SECOND;

/// A connection: first in, first out, in both directions.
pub(crate) struct Wire {
    pub(crate) world: Arc<World>,
    pub(crate) process: usize,
    pub(crate) node: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_broken: bool,
    /// The process knows that it is broken.
    is_noticed: bool,
    /// Commands on their way to the node.
    to_arrive: VecDeque<(Command, Arc<Exchange>)>,
    last_arrival: Time,
    last_answer: Time,
    unanswered: Vec<Arc<Exchange>>,
    watcher: Option<Waker>,
    /// What the process has heard, and did not take.
    heard: VecDeque<Heard>,
    listener: Option<Waker>,
}

/// A batch and what comes back for it.
#[derive(Default)]
pub(crate) struct Exchange(Mutex<Pending>);

#[derive(Default)]
struct Pending {
    /// So many commands have not been carried out.
    missing: usize,
    replies: Vec<Reply>,
    outcome: Option<Result<Vec<Reply>, Unavailable>>,
    task: Option<Waker>,
}

impl Wire {
    pub(crate) fn new(world: &Arc<World>, process: usize, node: usize) -> Self {
        Self { world: world.clone(), process, node, state: Mutex::default() }
    }

    /// Sends a batch on its way.
    pub(crate) fn transmit(self: &Arc<Self>, batch: &[Command]) -> Arc<Exchange> {
        self.record(batch);
        let exchange = Arc::new(Exchange::new(batch.len()));
        lock(&self.state).unanswered.push(exchange.clone());
        if lock(&self.state).is_broken {
            self.notice_soon();
            return exchange;
        }
        let breaks = self.world.scenario.network.broken_batch;
        let breaks = self.world.goes_wrong(FaultKind::BrokenBatch, breaks);
        let breaks_before = breaks.then(|| self.world.dice().below(batch.len() + 1));
        for (position, command) in batch.iter().enumerate() {
            let at = self.arrival();
            self.break_off_at(at, breaks_before == Some(position));
            self.arrive_at(at, command, &exchange);
        }
        self.break_off_at(lock(&self.state).last_arrival, breaks_before == Some(batch.len()));
        exchange
    }

    /// Breaks the connection, if it is not broken. What is under way is lost; or it is carried out, but later, and
    /// without an answer.
    pub(crate) fn break_off(self: &Arc<Self>, may_arrive: bool) -> bool {
        let mut state = lock(&self.state);
        if std::mem::replace(&mut state.is_broken, true) {
            return false;
        }
        let under_way = std::mem::take(&mut state.to_arrive);
        drop(state);
        self.world.tell(|| format!("the connection of process {} to node {} breaks", self.process, self.node));
        if may_arrive && self.world.dice().chance(self.world.scenario.network.late_execution) {
            self.execute_late(under_way.into_iter().map(|(command, _)| command).collect());
        }
        self.notice_soon();
        self.hang_up();
        true
    }

    /// Waits until the process knows that the connection is broken.
    pub(crate) fn poll_closed(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.is_noticed {
            return Poll::Ready(());
        }
        state.watcher = Some(context.waker().clone());
        Poll::Pending
    }

    /// Begins to subscribe, behind the commands before it.
    pub(crate) fn subscribe(self: &Arc<Self>, waiter: &WaiterId) {
        self.world.tell(|| format!("process {}: subscribes at node {}", self.process, self.node));
        if self.world.goes_wrong(FaultKind::LostSubscription, self.world.scenario.network.lost_subscription) {
            return;
        }
        let (at, wire, waiter) = (self.arrival(), self.clone(), waiter.clone());
        self.world.note(at, move || wire.subscription_arrives(&waiter));
    }

    /// Tells the process that it is called up.
    pub(crate) fn call_up(self: &Arc<Self>, resource: &Resource) {
        let network = &self.world.scenario.network;
        let copies = if self.world.goes_wrong(FaultKind::LostCallUp, network.lost_call_up) {
            0
        } else if self.world.goes_wrong(FaultKind::DoubleCallUp, network.double_call_up) {
            2
        } else {
            1
        };
        (0..copies).for_each(|_| self.tell_soon(Heard::CalledUp(resource.clone())));
    }

    /// Waits for what the process hears.
    pub(crate) fn poll_heard(&self, context: &Context<'_>) -> Poll<Heard> {
        let mut state = lock(&self.state);
        if let Some(heard) = state.heard.pop_front() {
            self.world.tell(|| format!("process {}: hears {heard:?} of node {}", self.process, self.node));
            return Poll::Ready(heard);
        }
        state.listener = Some(context.waker().clone());
        Poll::Pending
    }

    /// The node notices that the connection is gone, at once or later. Until then it calls up who does not hear it.
    pub(crate) fn hang_up(self: &Arc<Self>) {
        let later = if self.world.dice().chance(50) { 0 } else { self.world.dice().time(0..=NODE_NOTICES_WITHIN) };
        let wire = self.clone();
        self.world.note(self.world.now() + later, move || wire.world.hang_up(&wire));
    }

    fn subscription_arrives(self: &Arc<Self>, waiter: &WaiterId) {
        let now = self.world.now();
        if let Some(end) = self.world.scenario.ends_at(FaultKind::Hang, None, Some(self.node), now) {
            let (wire, waiter) = (self.clone(), waiter.clone());
            return self.world.note(end, move || wire.subscription_arrives(&waiter));
        }
        if lock(&self.state).is_broken {
            return;
        }
        let heard = self.world.subscribe(self, waiter);
        if self.world.scenario.hearing(self.node) == Hearing::Apart
            && self.world.goes_wrong(FaultKind::Deafness, self.world.scenario.network.deafness)
        {
            self.break_off_at(now + self.world.dice().time(0..=LONGEST_HEARING), true);
        }
        self.tell_soon(heard);
    }

    /// Tells the process something, behind all replies over the same connection.
    fn tell_soon(self: &Arc<Self>, heard: Heard) {
        let at = self.world.now() + self.latency();
        let mut state = lock(&self.state);
        state.last_answer = at.max(state.last_answer);
        let (at, wire) = (state.last_answer, self.clone());
        drop(state);
        self.world.note(at, move || wire.is_told(heard));
    }

    fn is_told(&self, heard: Heard) {
        let mut state = lock(&self.state);
        if state.is_broken {
            return;
        }
        state.heard.push_back(heard);
        let listener = state.listener.take();
        drop(state);
        listener.into_iter().for_each(Waker::wake);
    }

    fn record(&self, batch: &[Command]) {
        let now = self.clock();
        self.world.figures().commands += u64::try_from(batch.len()).unwrap();
        for command in batch {
            let (process, node) = (self.process, self.node);
            self.world.tell(|| format!("process {process}: sends {} to node {node}", describe(command)));
            let sent = self.world.ledger().send(process, node, command, now);
            self.world.check(sent);
        }
    }

    /// When the next command arrives: behind those before it.
    fn arrival(&self) -> Time {
        let gap = self.world.dice().time(0..=MICROSECOND);
        let at = self.world.now() + self.latency();
        let mut state = lock(&self.state);
        state.last_arrival = at.max(state.last_arrival + gap);
        state.last_arrival
    }

    fn arrive_at(self: &Arc<Self>, at: Time, command: &Command, exchange: &Arc<Exchange>) {
        lock(&self.state).to_arrive.push_back((command.clone(), exchange.clone()));
        let wire = self.clone();
        self.world.note(at, move || wire.arrive());
    }

    /// The next command has arrived. A node that stands still takes it when it goes on.
    fn arrive(self: &Arc<Self>) {
        let now = self.world.now();
        if let Some(end) = self.world.scenario.ends_at(FaultKind::Hang, None, Some(self.node), now) {
            self.world.figures().count_fault(FaultKind::Hang);
            let wire = self.clone();
            return self.world.note(end, move || wire.arrive());
        }
        let mut state = lock(&self.state);
        let Some((command, exchange)) = state.to_arrive.pop_front() else { return };
        drop(state);
        if exchange.reply(self.world.execute(self.node, &command)) {
            self.answer_soon(exchange);
        }
    }

    fn execute_late(self: &Arc<Self>, mut commands: Vec<Command>) {
        let arrive = self.world.dice().below(commands.len() + 1);
        commands.truncate(arrive);
        let at = self.world.now() + self.world.dice().time(0..=LATEST_EXECUTION);
        let wire = self.clone();
        self.world.note(at, move || commands.iter().for_each(|command| wire.world.execute_late(wire.node, command)));
    }

    fn answer_soon(self: &Arc<Self>, exchange: Arc<Exchange>) {
        let at = self.world.now() + self.latency();
        let mut state = lock(&self.state);
        state.last_answer = at.max(state.last_answer);
        let (at, wire) = (state.last_answer, self.clone());
        drop(state);
        self.world.note(at, move || {
            let mut state = lock(&wire.state);
            if !state.is_broken {
                state.unanswered.retain(|unanswered| !Arc::ptr_eq(unanswered, &exchange));
                drop(state);
                exchange.answer();
            }
        });
    }

    fn break_off_at(self: &Arc<Self>, at: Time, breaks: bool) {
        if breaks {
            let wire = self.clone();
            self.world.note(at, move || {
                wire.break_off(true);
            });
        }
    }

    /// What waits for an answer fails when the process notices that there will be none.
    fn notice_soon(self: &Arc<Self>) {
        let at = self.world.now() + self.world.dice().magnitude(MICROSECOND..=LONGEST_TO_NOTICE);
        let wire = self.clone();
        self.world.note(at, move || {
            let mut state = lock(&wire.state);
            state.is_noticed = true;
            let (unanswered, watcher) = (std::mem::take(&mut state.unanswered), state.watcher.take());
            drop(state);
            for exchange in unanswered {
                exchange.fail();
            }
            watcher.into_iter().for_each(Waker::wake);
        });
    }

    fn latency(&self) -> Time {
        let network = &self.world.scenario.network;
        let usual = self.world.dice().time(network.shortest..=network.longest);
        let is_slow = self.world.scenario.ends_at(FaultKind::Slow, None, Some(self.node), self.world.now()).is_some();
        if is_slow {
            self.world.figures().count_fault(FaultKind::Slow);
        }
        let straggles = self.world.goes_wrong(FaultKind::Straggler, network.straggler);
        if is_slow || straggles { usual * SLOWNESS } else { usual }
    }

    fn clock(&self) -> Instant {
        self.world.scenario.process_clocks[self.process].at(self.world.now())
    }
}

impl Exchange {
    fn new(commands: usize) -> Self {
        Self(Mutex::new(Pending { missing: commands, ..Pending::default() }))
    }

    /// Waits for the replies.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Result<Vec<Reply>, Unavailable>> {
        let mut pending = lock(&self.0);
        if let Some(outcome) = pending.outcome.take() {
            return Poll::Ready(outcome);
        }
        pending.task = Some(context.waker().clone());
        Poll::Pending
    }

    /// Takes the reply to the next command; whether it is that to the last.
    fn reply(&self, reply: Reply) -> bool {
        let mut pending = lock(&self.0);
        pending.replies.push(reply);
        pending.missing -= 1;
        pending.missing == 0
    }

    fn answer(&self) {
        let replies = std::mem::take(&mut lock(&self.0).replies);
        self.end(Ok(replies));
    }

    fn fail(&self) {
        self.end(Err(Unavailable::with_detail(Cause::Disconnected, "connection reset")));
    }

    fn end(&self, outcome: Result<Vec<Reply>, Unavailable>) {
        let mut pending = lock(&self.0);
        pending.outcome = Some(outcome);
        let task = pending.task.take();
        drop(pending);
        task.into_iter().for_each(Waker::wake);
    }
}
