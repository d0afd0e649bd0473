use std::fmt;

use super::action::Action;
use super::interner::QuickMap;
use super::invariant::Violation;
use super::laws::Laws;
use super::scenario::{QUORUM, Scenario};
use super::symmetry::Permutation;
use super::world::World;

/// What a finished search has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Distinct worlds, up to the order of the nodes.
    pub worlds: usize,
    /// Steps from one world to another.
    pub steps: usize,
    /// Distinct states of the clients' machines.
    pub machines: usize,
    /// Worlds in which nothing can happen any more.
    pub ends: usize,
    /// Worlds in which a lock is held with the keys of a quorum and no more: that is enough.
    pub bare_quorums: usize,
    /// The length of the longest of all shortest paths.
    pub depth: usize,
}

impl Explored {
    /// Counts a world with so many actions in it, and the holder's number of keys.
    fn count(&mut self, actions: usize, keys: Option<usize>) {
        self.steps = self.steps.saturating_add(actions);
        self.ends = self.ends.saturating_add((actions == 0).into());
        self.bare_quorums = self.bare_quorums.saturating_add((keys == Some(QUORUM)).into());
    }
}

/// A rule that was broken, and a shortest way there.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The rule.
    pub violation: Violation,
    path: Vec<String>,
}

/// Visits every world that can be reached, breadth-first, and checks each. There is no bound: an answer means that the
/// search has come to its end.
///
/// # Errors
///
/// [`Failure`] with the first world that breaks a rule.
pub fn explore(scenario: &Scenario) -> Result<Explored, Failure> {
    let mut search = Search::new(scenario);
    search.run().map_err(|broken| search.failure(&broken))
}

/// The number of the first world.
const GENESIS: u32 = 0;

struct Search {
    laws: Laws,
    /// The worlds that were met, whole: no two are taken for one.
    visited: QuickMap<World, u32>,
    origins: Vec<Origin>,
    explored: Explored,
}

/// How a world was met first.
struct Origin {
    parent: u32,
    /// Nothing leads to the first world.
    action: Option<Action>,
    /// From the nodes of the world as it was met to those of its representative.
    permutation: Permutation,
}

/// The world in which a rule was broken, and the action that broke it, if that was not the way to this world.
struct Broken {
    violation: Violation,
    world: u32,
    action: Option<Action>,
}

impl Search {
    fn new(scenario: &Scenario) -> Self {
        let (laws, visited) = (Laws::new(scenario), QuickMap::default());
        Self { laws, visited, origins: Vec::new(), explored: Explored::default() }
    }

    fn run(&mut self) -> Result<Explored, Broken> {
        let broken = |violation| Broken { violation, world: GENESIS, action: None };
        let genesis = self.laws.genesis().map_err(broken)?;
        let mut frontier = Vec::new();
        self.visit(genesis, GENESIS, None, &mut frontier);
        while !frontier.is_empty() {
            let mut next = Vec::new();
            for (id, world) in frontier {
                self.expand(id, &world, &mut next)?;
            }
            frontier = next;
            self.explored.depth = self.explored.depth.saturating_add(1);
        }
        Ok(Explored { worlds: self.visited.len(), machines: self.laws.clients.len(), ..self.explored })
    }

    fn expand(&mut self, id: u32, world: &World, next: &mut Vec<(u32, World)>) -> Result<(), Broken> {
        let actions = self.laws.actions(world);
        let broken = |violation| Broken { violation, world: id, action: None };
        let keys = self.laws.check(world, actions.is_empty()).map_err(broken)?;
        self.explored.count(actions.len(), keys);
        for action in actions {
            let broken = |violation| Broken { violation, world: id, action: Some(action) };
            let successor = self.laws.apply(world, action).map_err(broken)?;
            self.visit(successor, id, Some(action), next);
        }
        Ok(())
    }

    fn visit(&mut self, world: World, parent: u32, action: Option<Action>, next: &mut Vec<(u32, World)>) {
        let (world, permutation) = self.laws.representative(&world);
        let id = u32::try_from(self.origins.len()).expect("fewer worlds than a u32 can count");
        if *self.visited.entry(world).or_insert(id) == id {
            self.origins.push(Origin { parent, action, permutation });
            next.push((id, world));
        }
    }

    /// Tells the way to the broken rule, with the nodes under the names that they have in the first world.
    fn failure(mut self, broken: &Broken) -> Failure {
        let mut path = Vec::new();
        let mut world = self.laws.genesis().ok();
        for action in self.way_to(broken) {
            let Some(before) = world else { break };
            path.push(self.laws.narrate(&before, action));
            world = self.laws.apply(&before, action).ok();
        }
        Failure { violation: broken.violation, path }
    }

    fn way_to(&self, broken: &Broken) -> Vec<Action> {
        let mut ids = vec![broken.world];
        while let Some(&id) = ids.last().filter(|&&id| id != GENESIS) {
            ids.push(self.origins[id as usize].parent);
        }
        let mut way = Vec::new();
        let mut places = Permutation::IDENTITY;
        for origin in ids.iter().rev().filter_map(|&id| self.origins.get(id as usize)) {
            way.extend(origin.action.map(|action| action.renamed(|node| places.inverse().apply(node))));
            places = places.then(origin.permutation);
        }
        way.extend(broken.action.map(|action| action.renamed(|node| places.inverse().apply(node))));
        way
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worlds, steps, machines, ends, bare_quorums, depth } = self;
        write!(f, "finished: {worlds} worlds, {steps} steps, {machines} machines, {ends} ends, ")?;
        write!(f, "{bare_quorums} with a bare quorum, depth {depth}")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; the shortest way there:", self.violation)?;
        writeln!(f, "  1. A begins to acquire")?;
        for (number, action) in (2..).zip(&self.path) {
            writeln!(f, "{number:3}. {action}")?;
        }
        Ok(())
    }
}
