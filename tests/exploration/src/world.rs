use super::scenario::{CLIENTS, NODES};

/// One state of the whole. It is small, because machines and nodes are numbers in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) tick: u8,
    /// How many connections may still break.
    pub(super) cuts_left: u8,
    /// How many nodes may still crash.
    pub(super) crashes_left: u8,
    /// The largest fence with which the lock was handed over.
    pub(super) largest_fence: u32,
    pub(super) seats: [Seat; CLIENTS],
    /// The nodes with their connections, by number.
    pub(super) sites: [u32; NODES],
}

/// A client's place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Seat {
    /// It has not begun.
    Empty,
    /// Its machine, by number.
    Taken(u32),
    /// Its machine was settled, and was dropped.
    Left,
}
