//! The known bugs.

mod adoption;
mod connections;
mod fencing;
mod holding;
mod keep_alive;
mod overlapping;
mod owners;
mod restarts;
mod rounds;
mod several_names;
mod waiting;

/// A known bug, and how it is put in.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) bug: &'static str,
    pub(crate) edits: &'static [Edit],
}

/// One change in one file.
pub(crate) enum Edit {
    /// Another expression takes the place of one while the mutant is awake.
    Expression { file: &'static str, original: &'static str, mutated: &'static str },
    /// Another text takes the place of one; in it `AWAKE` stands for whether the mutant is awake.
    Text { file: &'static str, original: &'static str, mutated: &'static str },
}

const LOCK: &str = "redlock-core/src/lock.rs";
const LOCK_GETTERS: &str = "redlock-core/src/lock/getters.rs";
const HANDLING: &str = "redlock-core/src/locks/handling.rs";
const STEP: &str = "redlock-core/src/locks/step.rs";
const VERBS: &str = "redlock-core/src/locks/verbs.rs";
const LINE: &str = "redlock-core/src/locks/line.rs";
const LOCKS_ENTRY: &str = "redlock-core/src/locks/entry.rs";
const RENEWAL: &str = "redlock-core/src/locks/renewal.rs";
const LOCKS_NODE: &str = "redlock-core/src/locks/node.rs";
const OUTBOX: &str = "redlock-core/src/locks/outbox.rs";
const NODE_CONNECTION: &str = "redlock-core/src/locks/node/connection.rs";
const WAIT_QUEUE: &str = "redlock-core/src/locks/wait_queue.rs";
const ACQUIRING: &str = "redlock-core/src/lock/acquiring.rs";
const HELD: &str = "redlock-core/src/lock/held.rs";
const RELEASE: &str = "redlock-core/src/lock/release.rs";
const TRANSITIONS: &str = "redlock-core/src/lock/transitions.rs";
const ROUND: &str = "redlock-core/src/round.rs";
const QUORUM: &str = "redlock-core/src/quorum.rs";
const LEASE: &str = "redlock-core/src/lease.rs";
const REQUEST: &str = "redlock-core/src/request.rs";
const TURN: &str = "redlock-core/src/lock/turn.rs";
const TURNS: &str = "redlock-core/src/locks/turns.rs";
const TRUST: &str = "redlock-core/src/locks/trust.rs";
const MINTING: &str = "redlock-core/src/lock/minting.rs";
const FENCE: &str = "redlock-core/src/fence.rs";
const GATE: &str = "redlock-core/src/fence/gate.rs";
const MODEL: &str = "redlock-core/src/model.rs";
const MODEL_IN_TURN: &str = "redlock-core/src/model/in_turn.rs";
const MODEL_LABELS: &str = "redlock-core/src/model/labels.rs";
const MODEL_QUEUE: &str = "redlock-core/src/model/wait_queue.rs";
const LINK: &str = "tests/simulator/src/link.rs";
const CLIENT: &str = "tests/simulator/src/world/client.rs";
const STORE: &str = "tests/simulator/src/world/store.rs";

/// All of them, by what they are about.
const MUTANTS: &[&[Mutant]] = &[
    rounds::MUTANTS,
    holding::MUTANTS,
    connections::MUTANTS,
    several_names::MUTANTS,
    overlapping::MUTANTS,
    waiting::MUTANTS,
    fencing::MUTANTS,
    restarts::MUTANTS,
    keep_alive::MUTANTS,
    adoption::MUTANTS,
    owners::MUTANTS,
];

/// Returns all of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Mutant> {
    MUTANTS.iter().copied().flatten()
}
