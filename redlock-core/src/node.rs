use core::fmt;

/// The largest number of nodes of one lock.
///
/// Redlock is run with three or five nodes, rarely with seven or nine; the bound lets a [`NodeSet`] be one word.
pub const MAX_NODES: usize = 32;

/// One of the independent masters, by its position in the list that [`Config::builder`](crate::Config::builder) was
/// given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u8);

impl NodeId {
    /// Returns the node at `index`, counted from zero; `None` from [`MAX_NODES`] on.
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        u8::try_from(index).ok().filter(|&index| usize::from(index) < MAX_NODES).map(Self)
    }

    /// Returns the position in the list of nodes, counted from zero.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

/// A set of nodes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct NodeSet(u32);

impl NodeSet {
    /// The set of no node.
    pub const EMPTY: Self = Self(0);

    /// Returns the nodes from the first up to `count`, at most [`MAX_NODES`].
    #[must_use]
    pub fn first(count: usize) -> Self {
        let missing = u32::try_from(MAX_NODES.saturating_sub(count)).unwrap_or(u32::BITS);
        Self(u32::MAX.checked_shr(missing).unwrap_or(0))
    }

    /// Adds a node.
    pub fn insert(&mut self, node: NodeId) {
        self.0 |= 1 << node.0;
    }

    /// Takes a node out.
    pub fn remove(&mut self, node: NodeId) {
        self.0 &= !(1 << node.0);
    }

    /// Returns the nodes that are in one of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the nodes of this set that are not in `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Returns whether one of `others` is in the set.
    #[must_use]
    pub const fn has_any_of(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Returns whether the node is in the set.
    #[must_use]
    pub const fn contains(self, node: NodeId) -> bool {
        self.0 & (1 << node.0) != 0
    }

    /// Returns the number of nodes in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Returns whether there is no node in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the nodes of the set, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = NodeId> {
        let mut left = self;
        core::iter::from_fn(move || {
            let next = usize::try_from(left.0.trailing_zeros()).ok().and_then(NodeId::new)?;
            left.remove(next);
            Some(next)
        })
    }
}

impl FromIterator<NodeId> for NodeSet {
    fn from_iter<I: IntoIterator<Item = NodeId>>(nodes: I) -> Self {
        let mut set = Self::EMPTY;
        nodes.into_iter().for_each(|node| set.insert(node));
        set
    }
}

impl fmt::Debug for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(NodeId::index)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_once() {
        let (first, last) = (NodeId::new(0).unwrap(), NodeId::new(MAX_NODES - 1).unwrap());
        let mut set: NodeSet = [last, first, last].into_iter().collect();
        assert_eq!(set.len(), 2);
        assert!(set.iter().eq([first, last]));
        set.remove(first);
        assert!(!set.contains(first) && set.contains(last));
        assert!((0..=MAX_NODES).all(|count| NodeSet::first(count).iter().map(NodeId::index).eq(0..count)));
        assert_eq!(NodeSet::first(usize::MAX).len(), MAX_NODES);
        assert!(NodeSet::first(3).without(NodeSet::first(2)).iter().map(NodeId::index).eq([2]));
        assert_eq!(NodeId::new(MAX_NODES), None);
    }
}
