//! Connecting, off everybody's way.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use redlock_core::{Cause, NodeId, Unavailable};

use crate::Connection;
use crate::lane::Lane;
use crate::mailbox::Letter;
use crate::port::{Misses, Wanted};

/// The wait before the second try to connect; it doubles up to [`MAX_DELAY`].
const MIN_DELAY: Duration = Duration::from_millis(20);
/// The longest wait between two tries to connect: so long can a node that is back stay unused.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// Opens a connection to one node.
pub(crate) type Connect = Box<dyn FnMut(Duration) -> Result<Box<dyn Connection>, Unavailable> + Send>;

/// Opens connections to one node for all lanes. It has a thread only while a lane is without one: a node that lets
/// a try to connect wait then holds up neither the callers nor the other nodes.
#[derive(Clone)]
pub(crate) struct Dialer(Arc<Shared>);

struct Shared {
    node: NodeId,
    misses: Misses,
    timeout: Duration,
    connect: Mutex<Connect>,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    /// The lanes that are without a connection.
    lanes: VecDeque<Weak<Lane>>,
    /// A connection was of no use: the next one is to wait.
    is_useless: bool,
    has_thread: bool,
}

impl Dialer {
    pub(crate) fn new(node: NodeId, connect: Connect, timeout: Duration) -> Self {
        let connect = Mutex::new(connect);
        Self(Arc::new(Shared { node, misses: Misses::default(), timeout, connect, calls: Mutex::default() }))
    }

    pub(crate) fn node(&self) -> NodeId {
        self.0.node
    }

    /// What all connections to the node share.
    pub(crate) fn misses(&self) -> Misses {
        self.0.misses.clone()
    }

    /// Opens a connection for a lane, which gets it by letter.
    pub(crate) fn dial(&self, lane: Weak<Lane>, wanted: Wanted) {
        let mut calls = self.calls();
        calls.lanes.push_back(lane);
        calls.is_useless |= wanted == Wanted::AfterPause;
        if std::mem::replace(&mut calls.has_thread, true) {
            return;
        }
        drop(calls);
        let (dialer, thread) = (self.clone(), thread::Builder::new().name("redlock-dialer".into()));
        if let Err(error) = thread.spawn(move || dialer.run()) {
            self.calls().has_thread = false;
            self.refuse(&Unavailable::with_detail(Cause::NotSent, &format!("no thread to connect on: {error}")));
        }
    }

    fn run(&self) {
        let mut delay = MIN_DELAY;
        while self.is_wanted() {
            if std::mem::take(&mut self.calls().is_useless) {
                thread::sleep(delay);
                delay = delay.saturating_mul(2).min(MAX_DELAY);
            }
            match self.connect() {
                Ok(connection) => {
                    delay = MIN_DELAY;
                    self.hand_over(connection);
                }
                Err(why) => {
                    self.calls().is_useless = true;
                    self.refuse(&why);
                }
            }
        }
    }

    /// Whether a lane is without a connection; the thread ends if not.
    fn is_wanted(&self) -> bool {
        let mut calls = self.calls();
        calls.lanes.retain(|lane| lane.strong_count() > 0);
        calls.has_thread = !calls.lanes.is_empty();
        calls.has_thread
    }

    fn connect(&self) -> Result<Box<dyn Connection>, Unavailable> {
        let mut connect = self.0.connect.lock().unwrap_or_else(PoisonError::into_inner);
        let connected = catch_unwind(AssertUnwindSafe(|| connect(self.0.timeout)));
        connected.unwrap_or_else(|_| Err(Unavailable::with_detail(Cause::NotSent, "the transport panicked")))
    }

    fn hand_over(&self, connection: Box<dyn Connection>) {
        let lane = self.calls().lanes.pop_front();
        if let Some(lane) = lane.and_then(|lane| lane.upgrade()) {
            lane.post(Letter::Opened(self.0.node, connection));
        }
    }

    /// Tells all who wait; they go on waiting.
    fn refuse(&self, why: &Unavailable) {
        let lanes: Vec<_> = self.calls().lanes.iter().filter_map(Weak::upgrade).collect();
        for lane in lanes {
            lane.post(Letter::Refused(self.0.node, why.clone()));
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
