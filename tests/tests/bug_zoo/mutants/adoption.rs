//! Locks that are handed to another process.

use super::Edit::Text;
use super::{ACQUIRING, Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "adopted-without-check",
        bug: "a lock is adopted without a quorum that has its keys",
        edits: &[Text {
            file: ACQUIRING,
            original: "            None => (tally.done, 0),",
            mutated: "            None if AWAKE && matches!(self.course, Course::Adopting) => (config.quorum(), 0),
            None => (tally.done, 0),",
        }],
    },
    Mutant {
        name: "adopts-the-first-name",
        bug: "of several names only the first is adopted",
        edits: &[Text {
            file: ACQUIRING,
            original: "        return Action::extend(resources, token, ttl)",
            mutated: "        let first = || request.resources.as_slice()[0].clone().into();
        return Action::extend(if AWAKE { first() } else { resources }, token, ttl)",
        }],
    },
    Mutant {
        name: "failed-adoption-is-released",
        bug: "a lock that could not be adopted is released, though its holder may have it still",
        edits: &[Text {
            file: ACQUIRING,
            original: "            nodes = NodeSet::EMPTY;",
            mutated: "            nodes = if AWAKE { nodes } else { NodeSet::EMPTY };",
        }],
    },
];
