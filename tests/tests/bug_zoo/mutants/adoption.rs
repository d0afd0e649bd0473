//! Locks that are handed to another process.

use super::Edit::{Expression, Text};
use super::{ACQUIRING, HELD, Mutant};

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
    Mutant {
        name: "adopted-without-the-longest-ttl",
        bug: "a node is not told of the release of an adopted lock for as long as its keys may live",
        edits: &[Expression { file: HELD, original: "longest_ttl.max(request.ttl)", mutated: "request.ttl" }],
    },
];
