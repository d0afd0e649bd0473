//! Holds the caches of `redlock-cache` against moka, `quick_cache` and a plain map behind a mutex, in one run.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "a command for a person")]

mod contestant;
mod lease;
mod memory;
mod speed;

fn main() {
    for (label, nanos) in speed::lives(std::env::args().nth(1).unwrap().parse().unwrap(), 15) {
        println!("{label:24} {nanos:8.0} ns");
    }
    if true {
        return;
    }
    for count in [100_000, 458_752, 1_000_000] {
        println!("{count}");
        for (label, bytes) in memory::per_entry(count) {
            println!("{label:24} {bytes:8.1} bytes");
        }
    }
    for when in [redlock_cache::WhenFull::Refuse, redlock_cache::WhenFull::Evict] {
        let b = memory::within_budget(10 << 20, when);
        println!("{} {} {} {}", b.budget, b.most, b.at_last, b.entries);
    }
}
