use std::rc::Rc;

use redlock_core::Locks;

use super::action::Action;
use super::scenario::Scenario;
use super::site::Site;
use super::state::State;
use super::violation::Violation;
use crate::interner::Interner;
use crate::search::{Explored, Failure, Worlds, search};

/// Visits every world that can be reached, breadth-first, and checks each.
///
/// # Errors
///
/// [`Failure`] with the first world that breaks a rule.
pub fn explore(scenario: &Scenario) -> Result<Explored, Failure<Violation>> {
    search(Parts { scenario: *scenario, locks: Interner::new(), sites: Interner::new() })
}

/// The parts of all worlds that were met.
struct Parts {
    scenario: Scenario,
    locks: Interner<Rc<Locks>>,
    sites: Interner<Rc<Site>>,
}

impl Worlds for Parts {
    type World = State;
    type Action = Action;
    type Violation = Violation;

    fn genesis(&mut self) -> Result<State, Violation> {
        State::genesis(&self.scenario)
    }

    fn canonical(&mut self, mut world: State) -> State {
        world.locks.intern(&mut self.locks);
        world.sites.iter_mut().for_each(|site| site.intern(&mut self.sites));
        world
    }

    fn actions(&self, world: &State) -> Vec<Action> {
        world.actions()
    }

    fn apply(&mut self, world: &State, action: Action) -> Result<State, Violation> {
        let mut after = world.clone();
        after.apply(action)?;
        Ok(after)
    }

    fn check(&self, world: &State, _: bool, way: &mut Vec<Action>) -> Result<bool, Violation> {
        world.check()?;
        let is_calm = world.messages().is_empty();
        if is_calm {
            world.clone().finish(way)?;
        }
        Ok(is_calm)
    }

    fn machines(&self) -> usize {
        self.locks.len()
    }

    fn narrate(&mut self, way: &[Action]) -> Vec<String> {
        way.iter().map(ToString::to_string).collect()
    }
}
