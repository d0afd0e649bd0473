use crate::history::History;
use crate::invariant::Violation;
use crate::scenario::Scenario;
use crate::world::World;

/// One seed's world, told from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What happened.
    pub history: History,
    /// What was violated in the end.
    pub violation: Option<Violation>,
}

impl Replay {
    /// Lets the seed's world happen again.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self::of_scenario(&Scenario::draw(seed))
    }

    /// Lets a smaller world happen that violates the same invariant: without the jobs, faults and chances that do not
    /// matter. A seed that violates nothing is told in full.
    #[must_use]
    pub fn shrunk(seed: u64) -> Self {
        let mut scenario = Scenario::draw(seed);
        let Some(found) = violation_of(&scenario) else { return Self::of_scenario(&scenario) };
        let fails_alike =
            |smaller: &Scenario| violation_of(smaller).is_some_and(|violation| violation.invariant == found.invariant);
        loop {
            let smaller = scenario.smaller().find(fails_alike);
            let Some(smaller) = smaller else { break };
            scenario = smaller;
        }
        Self::of_scenario(&scenario)
    }

    fn of_scenario(scenario: &Scenario) -> Self {
        let mut history = History::new(scenario);
        let (_, checked) = World::run(scenario, Some(&mut history));
        Self { history, violation: checked.err() }
    }
}

fn violation_of(scenario: &Scenario) -> Option<Violation> {
    World::run(scenario, None).1.err()
}
