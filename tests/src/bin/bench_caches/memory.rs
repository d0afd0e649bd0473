//! What an entry takes, as the allocator sees it.

use allocation_counter::measure;
use redlock_cache::{Cache, Instant, Token, WhenFull};

use crate::contestant::{ENTRANTS, bounded};
use crate::lease::{lease_until, name};

/// The bytes that each of `count` entries takes beside its name and its token.
pub(crate) fn per_entry(count: usize) -> Vec<(&'static str, f64)> {
    let own = name(0).len().saturating_add(Token::LEN);
    let take = |make: fn() -> Box<dyn crate::contestant::Contestant>| {
        let mut contestant = None;
        let measured = measure(|| {
            let filled = contestant.insert(make());
            for number in 0..count {
                filled.put(&name(number), lease_until(far()), Instant::EPOCH);
            }
        });
        measured.bytes_current as f64 / count as f64 - own as f64
    };
    ENTRANTS.iter().map(|&(label, make)| (label, take(make))).collect()
}

/// How near the memory of a bounded cache comes to its budget.
pub(crate) struct Budget {
    pub(crate) budget: usize,
    /// The most that it had, while tables were copied as well.
    pub(crate) most: u64,
    /// What it had at the end.
    pub(crate) at_last: i64,
    pub(crate) entries: usize,
}

/// Puts far more into a bounded cache than its budget has room for: short names, then long ones, then short ones.
pub(crate) fn within_budget(budget: usize, when_full: WhenFull) -> Budget {
    let mut cache = None;
    let mut entries = 0;
    let measured = measure(|| {
        let cache = cache.insert(bounded(budget, when_full));
        let mut number = 0_usize;
        for length in [8, 400, 16] {
            for _ in 0..300_000 {
                number = number.wrapping_add(1);
                let name = format!("{number:0length$}");
                let Lease { token, deadline } = lease_until(far());
                // Who is refused or has to go is of no interest here.
                drop(cache.insert(name.as_bytes(), token, deadline, Instant::EPOCH));
            }
        }
        entries = cache.len();
    });
    Budget { budget, most: measured.bytes_max, at_last: measured.bytes_current, entries }
}

use crate::contestant::Lease;

fn far() -> Instant {
    Instant::from_epoch(std::time::Duration::from_secs(3600))
}
