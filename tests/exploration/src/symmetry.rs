//! Nodes are interchangeable: a world and the same world with its nodes in another order are explored as one.
//!
//! The image of a world under a permutation takes the image of each machine. That is no guess about the machine's
//! insides: it is the real machine, having gone through the permuted calls, so the image is itself a world that can be
//! reached. That machine and image go on alike is checked at every step that is taken
//! ([`Clients::step`](super::client::Clients::step)).

use super::scenario::NODES;

/// One of the orders of the nodes, as an index into [`ORDERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Permutation(u8);

/// How many orders there are.
pub(super) const PERMUTATIONS: usize = 6;

/// Where each node goes; the first changes nothing.
const ORDERS: [[usize; NODES]; PERMUTATIONS] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

impl Permutation {
    pub(super) const IDENTITY: Self = Self(0);

    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..6).map(Self)
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Where a node goes.
    pub(super) const fn apply(self, node: usize) -> usize {
        ORDERS[self.index()][node]
    }

    /// The items in their new places.
    pub(super) fn of<T: Copy>(self, items: &[T; NODES]) -> [T; NODES] {
        let mut moved = *items;
        for (node, item) in items.iter().enumerate() {
            moved[self.apply(node)] = *item;
        }
        moved
    }

    /// First `self`, then `next`.
    pub(super) fn then(self, next: Self) -> Self {
        Self::with_order(std::array::from_fn(|node| next.apply(self.apply(node))))
    }

    pub(super) fn inverse(self) -> Self {
        Self::all().find(|&other| self.then(other) == Self::IDENTITY).expect("every order has an inverse")
    }

    fn with_order(order: [usize; NODES]) -> Self {
        Self::all().find(|other| ORDERS[other.index()] == order).expect("all orders are listed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_compose_and_turn_back() {
        for first in Permutation::all() {
            assert_eq!(first.then(first.inverse()), Permutation::IDENTITY);
            for second in Permutation::all() {
                for node in 0..NODES {
                    assert_eq!(first.then(second).apply(node), second.apply(first.apply(node)));
                }
            }
        }
    }
}
