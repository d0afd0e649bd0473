use std::fmt;
use std::rc::Rc;

use redlock_core::model::Node;
use redlock_core::{Instant, Locks};

use super::action::Action;
use super::kept::Kept;
use super::link::Link;
use super::scenario::Scenario;
use super::state::{Budget, State, User};
use super::violation::Violation;
use crate::exploration::interner::Interner;
use crate::exploration::visited::Visited;

/// What a finished search has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Distinct worlds.
    pub worlds: usize,
    /// Steps from one world to another.
    pub steps: usize,
    /// Distinct states of a machine.
    pub machines: usize,
    /// Worlds without messages under way, from which the way to the end was looked at.
    pub calm: usize,
}

/// A rule that was broken, and a shortest way there.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The rule.
    pub violation: Violation,
    path: Vec<String>,
}

/// Visits every world that can be reached, breadth-first, and checks each.
///
/// # Errors
///
/// [`Failure`] with the first world that breaks a rule.
pub fn explore(scenario: &Scenario) -> Result<Explored, Failure> {
    let genesis = State::genesis(scenario).map_err(|violation| Failure { violation, path: Vec::new() })?;
    Search::new(&genesis).run()
}

/// A [`State`] whose parts are numbers in the tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    now: Instant,
    left: Budget,
    is_disturbed: bool,
    handles: Vec<u32>,
    nodes: Vec<u32>,
    links: Vec<u32>,
    users: Vec<User>,
}

struct Search {
    genesis: State,
    handles: Interner<Rc<Locks>>,
    nodes: Interner<Rc<Node>>,
    links: Interner<Rc<Link>>,
    visited: Visited<World, Action>,
    explored: Explored,
}

impl Search {
    fn new(genesis: &State) -> Self {
        Self {
            genesis: genesis.clone(),
            handles: Interner::new(),
            nodes: Interner::new(),
            links: Interner::new(),
            visited: Visited::new(),
            explored: Explored::default(),
        }
    }

    fn run(mut self) -> Result<Explored, Failure> {
        let first = self.pack(&self.genesis.clone());
        self.visited.visit(first, None);
        let mut next = 0_u32;
        while let Some(world) = self.visited.get(next) {
            let state = self.unpack(world);
            self.expand(next, &state)?;
            next = next.saturating_add(1);
        }
        Ok(Explored { worlds: self.visited.len(), machines: self.handles.len(), ..self.explored })
    }

    fn expand(&mut self, id: u32, state: &State) -> Result<(), Failure> {
        state.check().map_err(|violation| self.failure(violation, id, &[]))?;
        if state.is_calm() {
            self.explored.calm = self.explored.calm.saturating_add(1);
            let mut path = Vec::new();
            state.clone().finish(&mut path).map_err(|violation| self.failure(violation, id, &path))?;
        }
        for action in state.actions() {
            let mut after = state.clone();
            after.apply(action).map_err(|violation| self.failure(violation, id, &[action]))?;
            self.explored.steps = self.explored.steps.saturating_add(1);
            let world = self.pack(&after);
            self.visited.visit(world, Some((id, action)));
        }
        Ok(())
    }

    fn pack(&mut self, state: &State) -> World {
        World {
            now: state.now,
            left: state.left,
            is_disturbed: state.is_disturbed,
            handles: state.handles.iter().map(|locks| locks.pack(&mut self.handles)).collect(),
            nodes: state.nodes.iter().map(|node| node.pack(&mut self.nodes)).collect(),
            links: state.links.iter().map(|link| link.pack(&mut self.links)).collect(),
            users: state.users.clone(),
        }
    }

    fn unpack(&self, world: &World) -> State {
        State {
            scenario: self.genesis.scenario,
            now: world.now,
            left: world.left,
            is_disturbed: world.is_disturbed,
            handles: world.handles.iter().map(|id| Kept::unpack(*id, &self.handles)).collect(),
            nodes: world.nodes.iter().map(|id| Kept::unpack(*id, &self.nodes)).collect(),
            links: world.links.iter().map(|id| Kept::unpack(*id, &self.links)).collect(),
            users: world.users.clone(),
        }
    }

    fn failure(&self, violation: Violation, world: u32, last: &[Action]) -> Failure {
        let path = [&self.visited.path(world), last].concat();
        Failure { violation, path: self.genesis.clone().narrate(&path) }
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worlds, steps, machines, calm } = self;
        write!(f, "finished: {worlds} worlds, {steps} steps, {machines} machines, {calm} without messages under way")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; the shortest way there:", self.violation)?;
        for (number, action) in (1..).zip(&self.path) {
            writeln!(f, "{number:3}. {action}")?;
        }
        Ok(())
    }
}
