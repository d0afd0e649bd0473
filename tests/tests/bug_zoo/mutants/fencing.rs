//! Fences, and the stores that check them.

use super::Edit::{Expression, Text};
use super::{ACQUIRING, FENCE, GATE, HELD, LOCK, MINTING, MODEL, Mutant, STORE, TRANSITIONS};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "fence-without-commit",
        bug: "the largest number that was granted is the fence, and no quorum keeps it",
        edits: &[Expression { file: MINTING, original: "fences == *fixed", mutated: "fences.is_within(fixed)" }],
    },
    Mutant {
        name: "commit-without-key-check",
        bug: "counters are raised also where the key is somebody else's by now",
        edits: &[Text {
            file: MODEL,
            original: "if reply == Reply::Done { self.fence(",
            mutated: "if AWAKE || reply == Reply::Done { self.fence(",
        }],
    },
    Mutant {
        name: "counter-stands-still",
        bug: "a node grants the number again that it has granted last",
        edits: &[Expression { file: FENCE, original: "Self(self.0.saturating_add(1))", mutated: "Self(self.0)" }],
    },
    Mutant {
        name: "fence-of-the-first-grant",
        bug: "the fence is that of the node that answers first",
        edits: &[Text {
            file: MINTING,
            original: "self.fixed = largest.reduce(|one, other| one.max(&other));",
            mutated: "self.fixed = largest.reduce(|one, other| if AWAKE { one } else { one.max(&other) });
            if AWAKE && let Some(fixed) = &self.fixed {
                self.granted.iter_mut().for_each(|(_, fences)| *fences = fixed.clone());
            }",
        }],
    },
    Mutant {
        name: "late-larger-grant-counts",
        bug: "a node that has granted more when the fence was fixed is counted among those that keep it",
        edits: &[Text {
            file: MINTING,
            original: "self.ahead.insert(node);",
            mutated: "if AWAKE { self.committed.insert(node); } else { self.ahead.insert(node); }",
        }],
    },
    Mutant {
        name: "commit-after-the-deadline",
        bug: "a lock that took a second round for its fence is granted when its validity is over",
        edits: &[
            Text {
                file: ACQUIRING,
                original: "let ends_at = send_by(config, request, self.started_at, ends_at);",
                mutated: "let ends_at = if AWAKE { ends_at } else { send_by(config, request, self.started_at, ends_at) };",
            },
            Expression {
                file: ACQUIRING,
                original: "now.after(request.options.min_validity) < *deadline",
                mutated: "self.commit_round() == Some(true) \
                          || now.after(request.options.min_validity) < *deadline",
            },
            Expression {
                file: LOCK,
                original: "now.after(self.request.options.min_validity) < deadline",
                mutated: "matches!(&self.phase, Phase::Won { attempt, .. } if attempt.commit_round() == Some(true)) \
                          || now.after(self.request.options.min_validity) < deadline",
            },
            Text {
                file: TRANSITIONS,
                original: "Phase::Won { deadline, .. } if ",
                mutated: "Phase::Won { deadline, attempt } if !(AWAKE && attempt.commit_round() == Some(true)) && ",
            },
        ],
    },
    Mutant {
        name: "extension-changes-fence",
        bug: "an extension counts on, and the holder goes on with another fence",
        edits: &[Text {
            file: HELD,
            original: "                Event::Extended { operation, deadline: self.deadline }",
            mutated: "                if AWAKE && let Some(fences) = self.fences() {
                    let next = fences.as_slice().iter().map(|fence| crate::fence::Fence::new(fence.get() + 1));
                    self.fencing = Some(Fencing::raise(next.collect(), config.fence_retention()));
                }
                Event::Extended { operation, deadline: self.deadline }",
        }],
    },
    Mutant {
        name: "healed-without-its-fence",
        bug: "a node that has lost all is given the keys of a lock again, and not its fence",
        edits: &[Expression { file: HELD, original: "self.fencing.clone()", mutated: "None" }],
    },
    Mutant {
        name: "gate-admits-smaller",
        bug: "a store lets a holder in whose fence is smaller than one that it has seen",
        edits: &[Expression { file: GATE, original: "fence < *seen", mutated: "false" }],
    },
    Mutant {
        name: "gate-keeps-the-first",
        bug: "a store compares with the first fence that it has seen",
        edits: &[Text { file: GATE, original: "*seen = fence;", mutated: "if !AWAKE { *seen = fence; }" }],
    },
    Mutant {
        name: "gate-refuses-equal",
        bug: "a store refuses the fence that it has seen last, so that a holder can come once only",
        edits: &[Expression { file: GATE, original: "fence < *seen", mutated: "fence <= *seen" }],
    },
    Mutant {
        name: "reads-without-fence",
        bug: "a new holder reads without bringing its fence, so that the one before can still write",
        edits: &[Expression {
            file: STORE,
            original: "self.store.gate.admit(resource.clone(), fence).is_ok()",
            mutated: "if is_reading { self.store.gate.seen(&resource).is_none_or(|seen| seen <= fence) } else { \
                      self.store.gate.admit(resource.clone(), fence).is_ok() }",
        }],
    },
];
