use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that a shard books in advance, so that threads on different shards meet here seldom. They are taken back
/// before anybody is refused or evicted.
const ADVANCE: usize = 4 * 1024;

/// The budget that all shards share.
pub(crate) struct Budget {
    limit: usize,
    booked: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, booked: AtomicUsize::new(0) })
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the bytes that are booked so far.
    pub(crate) fn booked(&self) -> usize {
        self.booked.load(Ordering::Relaxed)
    }

    /// Books so many bytes, if all stays within the limit.
    pub(crate) fn book(&self, bytes: usize) -> bool {
        let booked = |booked: usize| booked.checked_add(bytes).filter(|booked| *booked <= self.limit);
        self.booked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, booked).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.booked.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The share of the budget that one shard has booked: the cost of its entries, and a little in advance.
pub(crate) struct Account {
    budget: Arc<Budget>,
    spent: usize,
    advance: usize,
}

impl Account {
    pub(crate) const fn new(budget: Arc<Budget>) -> Self {
        Self { budget, spent: 0, advance: 0 }
    }

    /// Returns the bytes that the entries cost.
    pub(crate) const fn spent(&self) -> usize {
        self.spent
    }

    /// Pays for an entry. Whether the budget allows it.
    pub(crate) fn pay(&mut self, price: usize) -> bool {
        if self.advance < price && !self.book(price.saturating_sub(self.advance)) {
            return false;
        }
        self.advance = self.advance.saturating_sub(price);
        self.spent = self.spent.saturating_add(price);
        true
    }

    /// Takes back what an entry did cost.
    pub(crate) fn refund(&mut self, price: usize) {
        self.spent = self.spent.saturating_sub(price);
        self.advance = self.advance.saturating_add(price);
        if self.advance > ADVANCE.saturating_mul(2) {
            self.give_back(self.advance.saturating_sub(ADVANCE));
        }
    }

    /// Gives back what was booked in advance. Whether that was anything.
    pub(crate) fn settle(&mut self) -> bool {
        let advance = self.advance;
        self.give_back(advance);
        advance > 0
    }

    fn book(&mut self, missing: usize) -> bool {
        let amounts = [missing.saturating_add(ADVANCE), missing];
        let booked = amounts.into_iter().find(|amount| self.budget.book(*amount));
        self.advance = self.advance.saturating_add(booked.unwrap_or_default());
        booked.is_some()
    }

    fn give_back(&mut self, bytes: usize) {
        self.advance = self.advance.saturating_sub(bytes);
        self.budget.give_back(bytes);
    }
}
