//! The way to a node that has faults and remembers what it carried.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use redlock_blocking::transport::{Action, Command, Connection, Reply, Transport};
use redlock_blocking::{Cause, Node, NodeTimeout, Redlock, Unavailable, now};
use redlock_core::model;

/// The TTL where its length does not matter.
pub(crate) const TTL: Duration = Duration::from_secs(60);
/// Long enough for whatever another thread has to do.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A model node behind a transport. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Link(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    node: model::Node,
    carried: Vec<Command>,
    connects: usize,
    /// The connection that is good; others are broken.
    current: usize,
    is_down: bool,
    is_silent: bool,
    panics: bool,
}

impl Link {
    pub(crate) fn is_down(&self, is_down: bool) {
        self.change(|state| state.is_down = is_down);
    }

    /// Carries commands out, and answers only when it may again.
    pub(crate) fn is_silent(&self, is_silent: bool) {
        self.change(|state| state.is_silent = is_silent);
    }

    /// Breaks the connection, with the replies that it owes.
    pub(crate) fn cut(&self) {
        self.change(|state| state.current += 1);
    }

    /// Panics at the next reply that is asked for, which is lost by that.
    pub(crate) fn panic(&self) {
        self.change(|state| state.panics = true);
    }

    pub(crate) fn is_to_panic(&self) -> bool {
        self.state().panics
    }

    pub(crate) fn has_key(&self, name: &str) -> bool {
        self.state().node.get(name.as_bytes(), now()).is_some()
    }

    pub(crate) fn has_keys(&self) -> bool {
        self.state().node.keys(now()).next().is_some()
    }

    /// How many hold on to it: the test, the transport and each connection.
    pub(crate) fn users(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    pub(crate) fn connects(&self) -> usize {
        self.state().connects
    }

    pub(crate) fn pings(&self) -> usize {
        self.count(|action| matches!(action, Action::ReadClock))
    }

    pub(crate) fn acquisitions(&self) -> usize {
        self.count(|action| matches!(action, Action::Acquire { .. } | Action::AcquireInTurn { .. }))
    }

    /// Counts the commands that were carried of a kind.
    fn count(&self, is_counted: impl Fn(&Action) -> bool) -> usize {
        self.state().carried.iter().filter(|command| is_counted(&command.action)).count()
    }

    pub(crate) fn carried(&self) -> Vec<Command> {
        self.state().carried.clone()
    }

    pub(crate) fn assert_nothing_was_sent_twice(&self) {
        let carried = self.carried();
        let distinct: HashSet<_> = carried.iter().collect();
        assert_eq!(distinct.len(), carried.len());
    }

    /// Waits until something is so.
    pub(crate) fn wait_until(&self, what: impl Fn(&Self) -> bool) {
        let begin = std::time::Instant::now();
        while !what(self) {
            assert!(begin.elapsed() < SOON, "it does not come true");
            let (state, changed) = &*self.0;
            drop(changed.wait_timeout(state.lock().unwrap(), Duration::from_millis(5)).unwrap());
        }
    }

    /// Waits until no SET is left without a release, and asserts that none came behind the release of its token.
    pub(crate) fn assert_every_set_was_undone(&self) {
        self.wait_until(|link| link.unreleased() == 0);
    }

    /// Counts the tokens that were set and not released.
    fn unreleased(&self) -> usize {
        let (mut set, mut released) = (HashSet::new(), HashSet::new());
        for command in &self.state().carried {
            let Some(&token) = command.action.token() else { continue };
            if let Action::Release { .. } = command.action {
                set.remove(&token);
                released.insert(token);
            } else {
                assert!(!released.contains(&token), "{command:?} came behind its release");
                set.insert(token);
            }
        }
        set.len()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }
}

impl Transport for Link {
    type Connection = Open;

    fn connect(&mut self, _timeout: Duration) -> Result<Open, Unavailable> {
        let mut state = self.state();
        state.connects += 1;
        if state.is_down {
            return Err(Unavailable::with_detail(Cause::NotSent, "nobody listens"));
        }
        Ok(Open { link: self.clone(), number: state.current, owed: VecDeque::new() })
    }
}

/// A connection that checks that it is asked for the replies to its commands, in their order.
pub(crate) struct Open {
    link: Link,
    number: usize,
    owed: VecDeque<(Command, Reply)>,
}

impl Open {
    fn check_cut(&self, state: &State) -> Result<(), Unavailable> {
        let is_cut = state.current != self.number;
        if is_cut { Err(Unavailable::with_detail(Cause::Disconnected, "cut")) } else { Ok(()) }
    }
}

impl Connection for Open {
    fn send(&mut self, command: &Command) -> Result<(), Unavailable> {
        let mut state = self.link.state();
        self.check_cut(&state)?;
        let reply = state.node.execute(command, now());
        state.carried.push(command.clone());
        self.owed.push_back((command.clone(), reply));
        self.link.0.1.notify_all();
        Ok(())
    }

    fn receive(&mut self, command: &Command, timeout: Duration) -> Result<Option<Reply>, Unavailable> {
        let (state, changed) = &*self.link.0;
        let state = state.lock().unwrap();
        let silent = |state: &mut State| state.is_silent && state.current == self.number;
        let mut state = changed.wait_timeout_while(state, timeout, silent).unwrap().0;
        self.check_cut(&state)?;
        if std::mem::take(&mut state.panics) {
            drop(state);
            self.owed.pop_front();
            panic!("as it was told to");
        }
        if state.is_silent {
            return Ok(None);
        }
        let (asked, reply) = self.owed.pop_front().expect("nobody asks for a reply that is not owed");
        assert_eq!(asked, *command, "replies are asked for in the order of the commands");
        Ok(Some(reply))
    }

    fn check(&mut self) -> Result<(), Unavailable> {
        self.check_cut(&self.link.state())
    }
}

pub(crate) struct World {
    pub(crate) links: [Link; 3],
    pub(crate) redlock: Redlock,
}

impl World {
    /// Three nodes, one connection each, and so much time to answer that no busy machine decides.
    pub(crate) fn new() -> Self {
        Self::with(NodeTimeout::fixed(SOON), |_| ())
    }

    pub(crate) fn with(node_timeout: NodeTimeout, prepare: impl FnOnce(&[Link; 3])) -> Self {
        let links: [Link; 3] = Default::default();
        prepare(&links);
        let nodes = ["one", "two", "three"].into_iter().zip(&links).map(|(name, link)| Node::new(name, link.clone()));
        let redlock = Redlock::builder().nodes(nodes).node_timeout(node_timeout).build().unwrap();
        Self { links, redlock }
    }

    /// Waits until nothing is left, and asserts that nothing came in a wrong order.
    pub(crate) fn assert_undone(&self) {
        for link in &self.links {
            link.wait_until(|link| !link.has_key("job"));
            link.assert_every_set_was_undone();
        }
    }
}
