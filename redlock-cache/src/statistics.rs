/// The events in a cache since it was made, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The number of times that a name was asked for and its entry was there, unexpired.
    pub hits: u64,
    /// The number of times that a name was asked for in vain, or its entry had expired.
    pub misses: u64,
    /// The number of entries that left after they had expired, without being asked for.
    pub expired: u64,
    /// The number of entries that left before they had expired, to make room.
    pub evicted: u64,
    /// The number of entries that were not taken in.
    pub refused: u64,
}

impl Statistics {
    pub(crate) const fn count_lookup(&mut self, is_hit: bool) {
        let counter = if is_hit { &mut self.hits } else { &mut self.misses };
        *counter = counter.saturating_add(1);
    }

    pub(crate) const fn count_displaced(&mut self, is_expired: bool) {
        let counter = if is_expired { &mut self.expired } else { &mut self.evicted };
        *counter = counter.saturating_add(1);
    }

    pub(crate) const fn count_refused(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// Adds the two.
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            hits: self.hits.saturating_add(other.hits),
            misses: self.misses.saturating_add(other.misses),
            expired: self.expired.saturating_add(other.expired),
            evicted: self.evicted.saturating_add(other.evicted),
            refused: self.refused.saturating_add(other.refused),
        }
    }
}
