//! Deterministic simulation of the real `redlock-core`.
mod agenda;
mod clock;
mod dice;
mod fault;
mod history;
mod invariant;
mod ledger;
mod link;
mod scenario;
mod server;
mod world;

pub use fault::{FaultCounts, FaultKind};
pub use history::History;
pub use invariant::{Invariant, Violation};
pub use scenario::Mode;
pub use world::Summary;

/// Runs a seed.
pub fn run(seed: u64) -> (Summary, Result<(), Violation>) {
    let scenario = scenario::Scenario::draw(seed);
    world::World::run(&scenario, None)
}

/// Runs a seed with history.
pub fn replay(seed: u64) -> (History, Result<(), Violation>) {
    let scenario = scenario::Scenario::draw(seed);
    let mut history = History::new(seed, scenario.mode, scenario.node_clocks.len(), scenario.client_clocks.len(), scenario.resources);
    let (_, checked) = world::World::run(&scenario, Some(&mut history));
    (history, checked)
}
