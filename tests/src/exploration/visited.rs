use std::hash::Hash;

use super::interner::QuickMap;

/// The worlds that a search has met, each with the way on which it was met first.
#[derive(Debug)]
pub(super) struct Visited<W, A> {
    /// Whole: no two are taken for one.
    worlds: Vec<W>,
    ids: QuickMap<W, u32>,
    /// From which world, and by what; nothing leads to the first.
    origins: Vec<Option<(u32, A)>>,
}

impl<W: Clone + Eq + Hash, A: Copy> Visited<W, A> {
    pub(super) fn new() -> Self {
        Self { worlds: Vec::new(), ids: QuickMap::default(), origins: Vec::new() }
    }

    /// Keeps a world that was not met before.
    pub(super) fn visit(&mut self, world: W, origin: Option<(u32, A)>) {
        let id = u32::try_from(self.worlds.len()).expect("fewer worlds than a u32 can count");
        if *self.ids.entry(world.clone()).or_insert(id) == id {
            self.worlds.push(world);
            self.origins.push(origin);
        }
    }

    /// Returns a world by its number: they are numbered in the order in which they were met.
    pub(super) fn get(&self, id: u32) -> Option<&W> {
        self.worlds.get(id as usize)
    }

    pub(super) fn len(&self) -> usize {
        self.worlds.len()
    }

    /// Returns a shortest way to a world.
    pub(super) fn path(&self, world: u32) -> Vec<A> {
        let mut path = Vec::new();
        let mut world = world;
        while let Some(&Some((parent, action))) = self.origins.get(world as usize) {
            path.push(action);
            world = parent;
        }
        path.reverse();
        path
    }
}
