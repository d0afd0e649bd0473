//! What an entry takes, as the allocator sees it.

use allocation_counter::measure;
use redlock_cache::{Cache, Instant, Token, WhenFull};

use crate::contestant::{Contestant, ENTRANTS, Lease, bounded};
use crate::lease::{far, lease_until, name};

/// The bytes that each of `count` entries takes beside its name and its token.
pub(crate) fn per_entry(count: usize) -> Vec<(&'static str, f64)> {
    let own = name(0).len() + Token::LEN;
    let take = |make: fn() -> Box<dyn Contestant>| {
        let mut contestant = None;
        let measured = measure(|| {
            let contestant = contestant.insert(make());
            for number in 0..count {
                contestant.put(&name(number), lease_until(far()), Instant::EPOCH);
            }
        });
        measured.bytes_current as f64 / count as f64 - own as f64
    };
    ENTRANTS.iter().map(|&(label, make)| (label, take(make))).collect()
}

/// The memory of a bounded cache.
pub(crate) struct Budget {
    /// The most that it had, in bytes, the copies of tables that grow or shrink included.
    pub(crate) most: u64,
    /// What it had at the end.
    pub(crate) at_last: i64,
    pub(crate) entries: usize,
}

/// Puts far more into a bounded cache than its budget has room for: short names, then long ones, then short ones.
pub(crate) fn within_budget(budget: usize, when_full: WhenFull) -> Budget {
    let mut cache = None;
    let measured = measure(|| {
        let cache = cache.insert(bounded(budget, when_full));
        let mut number = 0_usize;
        for length in [8, 400, 16] {
            for _ in 0..300_000 {
                number += 1;
                let Lease { token, deadline } = lease_until(far());
                // Who is refused or has to go is of no interest here.
                drop(cache.insert(format!("{number:0length$}").as_bytes(), token, deadline, Instant::EPOCH));
            }
        }
    });
    let entries = cache.map_or(0, |cache| cache.len());
    Budget { most: measured.bytes_max, at_last: measured.bytes_current, entries }
}
