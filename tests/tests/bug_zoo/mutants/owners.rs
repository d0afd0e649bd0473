//! Labels of owners.

use super::Edit::Expression;
use super::{MODEL_LABELS, Mutant, RELEASE};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "label-of-an-earlier-holder",
        bug: "the label of an earlier holder is shown as that of the lock",
        edits: &[Expression {
            file: MODEL_LABELS,
            original: "ValueDigest::of(&entry.value) == label.digest",
            mutated: "true",
        }],
    },
    Mutant {
        name: "label-outlives-the-release",
        bug: "a release leaves the label of the lock behind",
        edits: &[Expression { file: RELEASE, original: "request.owner.clone()", mutated: "None" }],
    },
];
