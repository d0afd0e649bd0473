//! Clients that do not know of all nodes: some were told of a new one, or of one that is to go, and others not yet.

use redlock_core::Config;

use crate::dice::Dice;

/// Separates the dice of rollouts from all others. With this number, the seeds that had failed before have none.
const SALT: u64 = 700_002;

/// Which clients know of fewer nodes.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    /// What those clients are told.
    config: Config,
    /// Whether each client is one of them.
    knows_fewer: Vec<bool>,
}

impl Rollout {
    /// Draws whether, and which clients, do not know of the last node.
    pub(super) fn draw(seed: u64, clients: usize, nodes: usize, config: impl FnOnce(usize) -> Config) -> Option<Self> {
        let mut dice = Dice::new(seed ^ SALT);
        if !dice.chance(15) || nodes < 2 {
            return None;
        }
        Some(Self { config: config(nodes - 1), knows_fewer: (0..clients).map(|_| dice.chance(50)).collect() })
    }

    /// Returns what a client is told, if it knows of fewer nodes.
    pub(super) fn config_of(&self, client: usize) -> Option<&Config> {
        self.knows_fewer.get(client).is_some_and(|knows_fewer| *knows_fewer).then_some(&self.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariant::Invariant;
    use crate::scenario::{Mode, ONCE_FAILED, Scenario};
    use crate::world::World;

    /// What the worlds come to in which half of the clients know of so many nodes fewer.
    fn overlaps(fewer: usize) -> usize {
        let worlds = (0..4_000).filter(|seed| Mode::of(*seed) == Mode::Safe).map(Scenario::draw);
        let large_enough = worlds.filter(|world| world.node_clocks.len() > fewer && !world.guard.is_on());
        let violations = large_enough.filter_map(|mut world| {
            let names = world.config.nodes().iter().map(|node| world.config.name(node).to_owned());
            let config = Config::builder(names.take(world.node_clocks.len() - fewer)).build().expect("distinct names");
            let knows_fewer = (0..world.client_clocks.len()).map(|client| client % 2 == 0).collect();
            world.rollout = Some(Rollout { config, knows_fewer });
            World::run(&world, None).1.err()
        });
        violations.filter(|violation| violation.invariant == Invariant::MutualExclusion).count()
    }

    #[test]
    fn seeds_that_failed_before_there_were_rollouts_have_none() {
        for seed in ONCE_FAILED {
            assert!(Scenario::draw(seed).rollout.is_none(), "seed {seed}");
        }
    }

    #[test]
    fn one_node_more_or_fewer_lets_nobody_in_beside_a_holder() {
        assert_eq!(overlaps(1), 0);
    }

    #[test]
    fn two_nodes_more_or_fewer_let_a_second_holder_in() {
        assert!(overlaps(2) > 0);
    }

    #[test]
    fn quorums_of_lists_that_differ_by_one_node_always_meet() {
        for nodes in 1..=redlock_core::MAX_NODES {
            let quorum = |nodes: usize| nodes / 2 + 1;
            assert!(quorum(nodes) + quorum(nodes + 1) > nodes + 1, "{nodes} nodes and one more");
            let meet_with_two_more = quorum(nodes) + quorum(nodes + 2) > nodes + 2;
            assert_eq!(meet_with_two_more, nodes % 2 == 0, "{nodes} nodes and two more");
        }
    }
}
