//! The way to a node that has faults and remembers what it carried.

use std::collections::HashSet;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use futures_channel::oneshot;
use redlock_core::model;
use redlock_driver::transport::{Action, Command, Connection, Reply, Transport};
use redlock_driver::{Cause, Instant, Node, Runtime, Unavailable};

use crate::clock::Clock;

/// What a connection makes of the replies to a batch.
type Tamper = dyn FnMut(Vec<Reply>) -> Result<Vec<Reply>, Unavailable> + Send;

/// A model node behind a transport. Clones are the same.
#[derive(Clone)]
pub(crate) struct Link {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    node: model::Node,
    connect: Connect,
    tamper: Option<Box<Tamper>>,
    is_silent: bool,
    panics: bool,
    /// A batch is answered when its sender is dropped.
    unanswered: Vec<oneshot::Sender<()>>,
    /// A connection is known to be closed when its sender is dropped.
    open: Vec<oneshot::Sender<()>>,
    /// The task that waits for the connection to be closed.
    driver: Option<Waker>,
    connects: Vec<Instant>,
    carried: Vec<Command>,
    batches: usize,
    under_way: usize,
    most_under_way: usize,
    is_over: bool,
}

/// What comes of a try to connect.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Connect {
    #[default]
    Opens,
    Fails,
    Hangs,
    Panics,
    /// Before there is a future.
    PanicsAtOnce,
}

/// # Faults
impl Link {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), state: Arc::default() }
    }

    pub(crate) fn node(&self, name: &str) -> Node<Clock> {
        Node::new(name, Way::<false>(self.clone()))
    }

    /// A node over connections on which everybody may send.
    pub(crate) fn node_at_once(&self, name: &str) -> Node<Clock> {
        Node::new(name, Way::<true>(self.clone()))
    }

    /// Decides on all further tries to connect.
    pub(crate) fn connect(&self, connect: Connect) {
        self.state().connect = connect;
    }

    /// Changes the replies of all further batches.
    pub(crate) fn tamper(&self, tamper: impl FnMut(Vec<Reply>) -> Result<Vec<Reply>, Unavailable> + Send + 'static) {
        self.state().tamper = Some(Box::new(tamper));
    }

    /// Breaks the connection at the next batch, which is carried out all the same.
    pub(crate) fn break_at_next_batch(&self) {
        let mut is_broken = false;
        self.tamper(
            move |replies| {
                if std::mem::replace(&mut is_broken, true) { Ok(replies) } else { Err(disconnected()) }
            },
        );
    }

    /// Carries further batches without answering them.
    pub(crate) fn fall_silent(&self) {
        self.state().is_silent = true;
    }

    /// Panics when the next batch is sent, which is lost by that.
    pub(crate) fn panic_at_next_batch(&self) {
        self.state().panics = true;
    }

    /// Answers everything, from now on and from before.
    pub(crate) fn answer(&self) {
        let mut state = self.state();
        state.is_silent = false;
        state.unanswered.clear();
        state.driver.take().into_iter().for_each(Waker::wake);
    }

    /// Answers the oldest batch, and no other.
    pub(crate) fn answer_oldest(&self) {
        self.state().unanswered.remove(0);
    }

    /// Makes it known that the connection is closed. Batches under way are not answered by that.
    pub(crate) fn report_closed(&self) {
        self.state().open.clear();
    }
}

/// # What was seen
impl Link {
    pub(crate) fn has_key(&self, name: &str) -> bool {
        self.state().node.get(name.as_bytes(), self.clock.now()).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state().node.keys(self.clock.now()).next().is_none()
    }

    /// When each try to connect began.
    pub(crate) fn connects(&self) -> Vec<Instant> {
        self.state().connects.clone()
    }

    /// How many commands have reached the node.
    pub(crate) fn commands(&self) -> usize {
        self.state().carried.len()
    }

    pub(crate) fn batches(&self) -> usize {
        self.state().batches
    }

    /// The largest number of batches that were under way at the same time.
    pub(crate) fn most_under_way(&self) -> usize {
        self.state().most_under_way
    }

    /// Whether the driver has let the transport go.
    pub(crate) fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// Asserts that no SET came behind the release of its token, and that none was left without a release.
    pub(crate) fn assert_every_set_was_undone(&self) {
        let (mut set, mut released) = (HashSet::new(), HashSet::new());
        for command in &self.state().carried {
            let Some(token) = command.action.token().copied() else { continue };
            if let Action::Release { .. } = command.action {
                set.remove(&token);
                released.insert(token);
            } else {
                assert!(!released.contains(&token), "{command:?} came behind its release");
                set.insert(token);
            }
        }
        assert!(set.is_empty(), "{} tokens were not released", set.len());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn carry(&mut self, batch: Vec<Command>, now: Instant) -> Result<Vec<Reply>, Unavailable> {
        let replies = batch.iter().map(|command| self.node.execute(command, now)).collect();
        self.carried.extend(batch);
        self.batches += 1;
        self.under_way += 1;
        self.most_under_way = self.most_under_way.max(self.under_way);
        match &mut self.tamper {
            Some(tamper) => tamper(replies),
            None => Ok(replies),
        }
    }
}

pub(crate) fn disconnected() -> Unavailable {
    Unavailable::new(Cause::Disconnected)
}

struct Way<const AT_ONCE: bool>(Link);

impl<const AT_ONCE: bool> Transport for Way<AT_ONCE> {
    type Connection = Open<AT_ONCE>;

    fn connect(&mut self) -> impl Future<Output = Result<Open<AT_ONCE>, Unavailable>> + Send {
        let now = self.0.clock.now();
        let connect = {
            let mut state = self.0.state();
            state.connects.push(now);
            state.connect
        };
        assert!(connect != Connect::PanicsAtOnce, "as a transport should not");
        async move {
            match connect {
                Connect::Opens => Ok(Open(self.0.clone())),
                Connect::Fails => Err(Unavailable::with_detail(Cause::NotSent, "nobody listens")),
                Connect::Hangs => pending().await,
                Connect::Panics | Connect::PanicsAtOnce => panic!("as a transport should not"),
            }
        }
    }
}

impl<const AT_ONCE: bool> Drop for Way<AT_ONCE> {
    fn drop(&mut self) {
        self.0.state().is_over = true;
    }
}

struct Open<const AT_ONCE: bool>(Link);

impl<const AT_ONCE: bool> Connection for Open<AT_ONCE> {
    const SENDS_AT_ONCE: bool = AT_ONCE;

    fn send(
        &mut self,
        batch: Vec<Command>,
    ) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<AT_ONCE> {
        let link = self.0.clone();
        let (sender, answered) = oneshot::channel();
        let mut state = self.0.state();
        if std::mem::take(&mut state.panics) {
            drop(state);
            panic!("as a transport should not");
        }
        let replies = state.carry(batch, self.0.clock.now());
        if state.is_silent {
            state.unanswered.push(sender);
        } else if AT_ONCE {
            state.driver.take().into_iter().for_each(Waker::wake);
        }
        async move {
            answered.await.unwrap_or_default();
            link.state().under_way -= 1;
            replies
        }
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<AT_ONCE> {
        let (sender, mut closed) = oneshot::channel();
        self.0.state().open.push(sender);
        let link = self.0.clone();
        poll_fn(move |context| {
            link.state().driver = Some(context.waker().clone());
            Pin::new(&mut closed).poll(context).map(Result::unwrap_or_default)
        })
    }
}
