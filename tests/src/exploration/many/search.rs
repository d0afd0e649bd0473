use std::fmt;

use redlock_core::{Instant, Locks};

use super::action::Action;
use super::scenario::Scenario;
use super::site::Site;
use super::state::{Budget, State};
use super::user::User;
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
    /// Distinct states of the machine.
    pub machines: usize,
    /// Worlds without messages under way, from which the way to the end was looked at.
    pub calm: usize,
}

/// A rule that was broken, and a shortest way there.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The rule.
    pub violation: Violation,
    path: Vec<Action>,
}

/// Visits every world that can be reached, breadth-first, and checks each.
///
/// # Errors
///
/// [`Failure`] with the first world that breaks a rule.
pub fn explore(scenario: &Scenario) -> Result<Explored, Failure> {
    let genesis = State::genesis(scenario).map_err(|violation| Failure { violation, path: Vec::new() })?;
    Search::new(scenario).run(&genesis)
}

/// A [`State`] whose parts are numbers in the tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    now: Instant,
    left: Budget,
    locks: u32,
    sites: Vec<u32>,
    users: Vec<u32>,
}

struct Search {
    scenario: Scenario,
    locks: Interner<Locks>,
    sites: Interner<Site>,
    users: Interner<User>,
    visited: Visited<World, Action>,
    explored: Explored,
}

impl Search {
    fn new(scenario: &Scenario) -> Self {
        Self {
            scenario: *scenario,
            locks: Interner::new(),
            sites: Interner::new(),
            users: Interner::new(),
            visited: Visited::new(),
            explored: Explored::default(),
        }
    }

    fn run(mut self, genesis: &State) -> Result<Explored, Failure> {
        self.visit(genesis, None);
        let mut next = 0_u32;
        while let Some(world) = self.visited.get(next) {
            let state = self.unpack(world);
            self.expand(next, &state)?;
            next = next.saturating_add(1);
        }
        Ok(Explored { worlds: self.visited.len(), machines: self.locks.len(), ..self.explored })
    }

    fn expand(&mut self, id: u32, state: &State) -> Result<(), Failure> {
        state.check().map_err(|violation| self.failure(violation, id, None))?;
        if state.messages().is_empty() {
            self.explored.calm = self.explored.calm.saturating_add(1);
            state.clone().finish().map_err(|violation| self.failure(violation, id, None))?;
        }
        for action in state.actions() {
            let mut after = state.clone();
            after.apply(action).map_err(|violation| self.failure(violation, id, Some(action)))?;
            self.explored.steps = self.explored.steps.saturating_add(1);
            self.visit(&after, Some((id, action)));
        }
        Ok(())
    }

    fn visit(&mut self, state: &State, origin: Option<(u32, Action)>) {
        let world = self.pack(state);
        self.visited.visit(world, origin);
    }

    fn pack(&mut self, state: &State) -> World {
        World {
            now: state.now,
            left: state.left,
            locks: self.locks.intern(&state.locks),
            sites: state.sites.iter().map(|site| self.sites.intern(site)).collect(),
            users: state.users.iter().map(|user| self.users.intern(user)).collect(),
        }
    }

    fn unpack(&self, world: &World) -> State {
        State {
            scenario: self.scenario,
            now: world.now,
            left: world.left,
            locks: self.locks.get(world.locks).clone(),
            sites: world.sites.iter().map(|site| self.sites.get(*site).clone()).collect(),
            users: world.users.iter().map(|user| *self.users.get(*user)).collect(),
        }
    }

    fn failure(&self, violation: Violation, world: u32, last: Option<Action>) -> Failure {
        let mut path = self.visited.path(world);
        path.extend(last);
        Failure { violation, path }
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
