//! Extensions that overlap.

use super::Edit::Expression;
use super::{HELD, Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "late-answer-undoes-confirmation",
        bug: "what a node said to an earlier extension proves the loss, though it has confirmed a later one",
        edits: &[Expression { file: HELD, original: "extension.operation < confirmed", mutated: "false" }],
    },
    Mutant {
        name: "end-of-another-extension",
        bug: "of two extensions under way the first gets the result of the second",
        edits: &[Expression {
            file: HELD,
            original: "self.extensions.get_mut(position)",
            mutated: "self.extensions.iter_mut().find(|extension| !extension.is_over)",
        }],
    },
    Mutant {
        name: "later-extension-shortens",
        bug: "an extension that is confirmed late moves the deadline of a longer one back",
        edits: &[Expression { file: HELD, original: "self.deadline.max(deadline)", mutated: "deadline" }],
    },
];
