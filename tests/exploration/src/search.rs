use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;

use super::interner::QuickSet;

/// All worlds of one kind: which is the first, what can happen in each, and what must be true.
pub(super) trait Worlds {
    /// A state of the whole. It is small, because its parts are numbers in tables.
    type World: Clone + Eq + Hash;
    /// One thing that happens in a world.
    type Action: Copy;
    /// A rule that was broken.
    type Violation;

    fn genesis(&mut self) -> Result<Self::World, Self::Violation>;

    /// Returns the world that stands for all those that go on like this one.
    fn canonical(&mut self, world: Self::World) -> Self::World;

    fn actions(&self, world: &Self::World) -> Vec<Self::Action>;

    fn apply(&mut self, world: &Self::World, action: Self::Action) -> Result<Self::World, Self::Violation>;

    /// Checks a world, and returns whether it is a [witness](Explored::witnesses). `is_over`: nothing can happen in it
    /// any more. `way`: what happened next, if a rule is broken on a way that was tried from there.
    fn check(&self, world: &Self::World, is_over: bool, way: &mut Vec<Self::Action>) -> Result<bool, Self::Violation>;

    /// Returns how many distinct states of a machine were met.
    fn machines(&self) -> usize;

    /// Tells a way that begins in the first world, for a person.
    fn narrate(&mut self, way: &[Self::Action]) -> Vec<String>;
}

/// What a finished search has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Distinct worlds.
    pub worlds: usize,
    /// Steps from one world to another.
    pub steps: usize,
    /// Distinct states of a machine.
    pub machines: usize,
    /// Worlds in which nothing can happen any more.
    pub ends: usize,
    /// Worlds without which a search has proved little: those in which a lock is held with the keys of a quorum and no
    /// more; or where the machines are of many locks, those without messages under way, as the way from there to the
    /// end was looked at.
    pub witnesses: usize,
    /// The length of the longest of all shortest paths.
    pub depth: usize,
}

/// A rule that was broken, and a shortest way there.
#[derive(Clone, Debug)]
pub struct Failure<V> {
    /// The rule.
    pub violation: V,
    path: Vec<String>,
}

/// Visits every world that can be reached, breadth-first, and checks each. There is no bound: an answer means that the
/// search has come to its end.
///
/// # Errors
///
/// [`Failure`] with the first world that breaks a rule.
pub(super) fn search<W: Worlds>(worlds: W) -> Result<Explored, Failure<W::Violation>> {
    let (met, origins, frontier) = (QuickSet::default(), Vec::new(), VecDeque::new());
    Search { worlds, met, origins, frontier, explored: Explored::default() }.run()
}

/// The number of the first world: they are numbered in the order in which they are met.
const GENESIS: u32 = 0;

struct Search<W: Worlds> {
    worlds: W,
    /// Whole: no two are taken for one.
    met: QuickSet<W::World>,
    /// From which world, and by what, each was met first; nothing leads to the first.
    origins: Vec<Option<(u32, W::Action)>>,
    frontier: VecDeque<(u32, W::World)>,
    explored: Explored,
}

impl<W: Worlds> Search<W> {
    fn run(mut self) -> Result<Explored, Failure<W::Violation>> {
        let genesis = self.worlds.genesis().map_err(|violation| self.failure(violation, GENESIS, &[]))?;
        self.visit(genesis, None);
        let mut last = GENESIS;
        while let Some((id, world)) = self.frontier.pop_front() {
            self.expand(id, &world)?;
            last = id;
        }
        let depth = self.path(last).len().saturating_add(1);
        Ok(Explored { worlds: self.met.len(), machines: self.worlds.machines(), depth, ..self.explored })
    }

    fn expand(&mut self, id: u32, world: &W::World) -> Result<(), Failure<W::Violation>> {
        let (actions, mut way) = (self.worlds.actions(world), Vec::new());
        let checked = self.worlds.check(world, actions.is_empty(), &mut way);
        let is_witness = checked.map_err(|violation| self.failure(violation, id, &way))?;
        self.explored.count(actions.len(), is_witness);
        for action in actions {
            let after = self.worlds.apply(world, action);
            let after = after.map_err(|violation| self.failure(violation, id, &[action]))?;
            self.visit(after, Some((id, action)));
        }
        Ok(())
    }

    fn visit(&mut self, world: W::World, origin: Option<(u32, W::Action)>) {
        let world = self.worlds.canonical(world);
        if self.met.insert(world.clone()) {
            let id = u32::try_from(self.origins.len()).expect("fewer worlds than a u32 can count");
            self.origins.push(origin);
            self.frontier.push_back((id, world));
        }
    }

    /// Returns a shortest way to a world.
    fn path(&self, world: u32) -> Vec<W::Action> {
        let mut path = Vec::new();
        let mut world = world;
        while let Some(&Some((parent, action))) = self.origins.get(world as usize) {
            path.push(action);
            world = parent;
        }
        path.reverse();
        path
    }

    fn failure(&mut self, violation: W::Violation, world: u32, last: &[W::Action]) -> Failure<W::Violation> {
        let path = [&self.path(world), last].concat();
        Failure { violation, path: self.worlds.narrate(&path) }
    }
}

impl Explored {
    /// Counts a world with so many actions in it.
    fn count(&mut self, actions: usize, is_witness: bool) {
        self.steps = self.steps.saturating_add(actions);
        self.ends = self.ends.saturating_add((actions == 0).into());
        self.witnesses = self.witnesses.saturating_add(is_witness.into());
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worlds, steps, machines, ends, witnesses, depth } = self;
        write!(f, "finished: {worlds} worlds, {steps} steps, {machines} machines, {ends} ends, ")?;
        write!(f, "{witnesses} witnesses, depth {depth}")
    }
}

impl<V: fmt::Display> fmt::Display for Failure<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; the shortest way there:", self.violation)?;
        for (number, action) in (1..).zip(&self.path) {
            writeln!(f, "{number:3}. {action}")?;
        }
        Ok(())
    }
}
