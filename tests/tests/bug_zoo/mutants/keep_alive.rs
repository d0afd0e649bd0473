//! Locks that are kept alive, and the shortest hold.

use super::Edit::{Expression, Text};
use super::{HELD, LOCK, LOCKS_ENTRY, LOCKS_NODE, Mutant, RENEWAL, STEP, VERBS};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "renewal-after-loss",
        bug: "a lock that is lost is still extended in the background",
        edits: &[
            Expression {
                file: LOCKS_ENTRY,
                original: "self.renewal.as_ref().is_some_and(|renewal| renewal.is_due(now)) && self.is_held()",
                mutated: "self.renewal.as_ref().is_some_and(|renewal| renewal.is_due(now))",
            },
            Text {
                file: LOCKS_ENTRY,
                original: "        if !self.is_held() {\n            self.renewal = None;",
                mutated: "        if !self.is_held() && !AWAKE {\n            self.renewal = None;",
            },
            Text {
                file: LOCK,
                original: "Phase::Lost(lost) => Err(ExtendError::Lost(lost.loss.clone())),",
                mutated: "Phase::Lost(_) if AWAKE => {
                let (resources, token) = (self.request.resources.clone(), self.secret.token(self.attempts));
                let action = crate::command::Action::extend(resources, token, ttl);
                context.output.send(context.config.nodes(), action, now.saturating_add(ttl.get()));
                Err(ExtendError::NotHeld)
            }
            Phase::Lost(lost) => Err(ExtendError::Lost(lost.loss.clone())),",
            },
        ],
    },
    Mutant {
        name: "loss-is-told-late",
        bug: "a lock that is kept alive wakes nobody before its next extension",
        edits: &[Expression {
            file: LOCKS_ENTRY,
            original: "Instant::earliest([self.lock.poll_timeout(), makes_way_at, renews_at])",
            mutated: "renews_at.or(self.lock.poll_timeout())",
        }],
    },
    Mutant {
        name: "loss-is-not-told",
        bug: "whoever holds a lock that is kept alive is not told that it is lost",
        edits: &[Expression {
            file: STEP,
            original: "was_held && !entry.counts_as.has_any_of(Kinds::HELD)",
            mutated: "was_held && !entry.counts_as.has_any_of(Kinds::HELD) && entry.renewal.is_none()",
        }],
    },
    Mutant {
        name: "first-renewal-is-late",
        bug: "the first extension is due an interval after the hand-over, however late that is",
        edits: &[Expression { file: VERBS, original: "won_since.unwrap_or(now)", mutated: "now" }],
    },
    Mutant {
        name: "renewed-once",
        bug: "a lock that is kept alive is extended once",
        edits: &[Expression {
            file: RENEWAL,
            original: "now.saturating_add(interval)",
            mutated: "now.saturating_add(interval.saturating_mul(30))",
        }],
    },
    Mutant {
        name: "longest-hold-is-ignored",
        bug: "a lock that is kept alive is held for longer than it may be",
        edits: &[Expression {
            file: HELD,
            original: "max_hold.map(|max_hold| now.saturating_add(max_hold))",
            mutated: "None",
        }],
    },
    Mutant {
        name: "extended-beyond-the-longest-hold",
        bug: "an extension makes a lock valid for longer than it may be held",
        edits: &[Expression {
            file: HELD,
            original: "self.hold_ends_at.map_or(deadline, |ends_at| deadline.min(ends_at))",
            mutated: "deadline",
        }],
    },
    Mutant {
        name: "shortest-hold-is-ignored",
        bug: "a lock is released before its shortest hold is over",
        edits: &[Expression { file: HELD, original: "now.after(request.options.min_hold)", mutated: "Instant::EPOCH" }],
    },
    Mutant {
        name: "kept-from-when-it-is-told",
        bug: "keys are kept for longer than the shortest hold where a node is told late",
        edits: &[Expression { file: LOCKS_NODE, original: "!command.action.keeps()", mutated: "true" }],
    },
];
