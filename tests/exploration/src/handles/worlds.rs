use std::rc::Rc;

use redlock_core::Locks;
use redlock_core::model::Node;

use super::action::Action;
use super::link::Link;
use super::scenario::Scenario;
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
    let (handles, nodes, links) = (Interner::new(), Interner::new(), Interner::new());
    search(Parts { scenario: *scenario, handles, nodes, links })
}

/// The parts of all worlds that were met.
struct Parts {
    scenario: Scenario,
    handles: Interner<Rc<Locks>>,
    nodes: Interner<Rc<Node>>,
    links: Interner<Rc<Link>>,
}

impl Worlds for Parts {
    type World = State;
    type Action = Action;
    type Violation = Violation;

    fn genesis(&mut self) -> Result<State, Violation> {
        State::genesis(&self.scenario)
    }

    fn canonical(&mut self, mut world: State) -> State {
        world.handles.iter_mut().for_each(|locks| locks.intern(&mut self.handles));
        world.nodes.iter_mut().for_each(|node| node.intern(&mut self.nodes));
        world.links.iter_mut().for_each(|link| link.intern(&mut self.links));
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
        let is_calm = world.is_calm();
        if is_calm {
            world.clone().finish(way)?;
        }
        Ok(is_calm)
    }

    fn machines(&self) -> usize {
        self.handles.len()
    }

    fn narrate(&mut self, way: &[Action]) -> Vec<String> {
        let told = State::genesis(&self.scenario).map(|genesis| genesis.narrate(way));
        told.unwrap_or_default()
    }
}
