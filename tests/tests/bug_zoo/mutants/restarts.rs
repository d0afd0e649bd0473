//! Nodes that were started again.

use super::Edit::{Expression, Text};
use super::{Mutant, TRUST};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "quarantined-vote",
        bug: "the vote of a node counts that was started again without its keys",
        edits: &[Expression {
            file: TRUST,
            original: "matches!(reply, Reply::Done | Reply::Granted(_))",
            mutated: "false",
        }],
    },
    Mutant {
        name: "quarantine-too-short",
        bug: "a node that was started again has a vote when an eighth of the longest TTL is over",
        edits: &[Expression {
            file: TRUST,
            original: "longest_ttl.saturating_add(lease::drift(longest_ttl, config.drift_ppm()))",
            mutated: "longest_ttl / 8",
        }],
    },
    Mutant {
        name: "quarantine-a-tick-short",
        bug: "a node that was started again has a vote a millisecond too early",
        edits: &[Expression {
            file: TRUST,
            original: "forgot_at.saturating_add(lasts)",
            mutated: "forgot_at.saturating_add(lasts.saturating_sub(Duration::from_millis(1)))",
        }],
    },
    Mutant {
        name: "quarantine-from-the-reconnect",
        bug: "the time without a vote counts from the next connection, not from the start of the server",
        edits: &[Expression { file: TRUST, original: "started_at.or(Some(now))", mutated: "Some(now)" }],
    },
    Mutant {
        name: "quarantine-for-ever",
        bug: "a node that was started again never has a vote again",
        edits: &[Expression { file: TRUST, original: "is_grant && now < *until", mutated: "is_grant" }],
    },
    Mutant {
        name: "run-id-ignored",
        bug: "a client that knows a node does not see that it was started again",
        edits: &[Expression { file: TRUST, original: "before == run_id", mutated: "before == run_id || true" }],
    },
    Mutant {
        name: "promotion-ignored",
        bug: "a client that knows a node does not see that its process was a replica since",
        edits: &[Expression { file: TRUST, original: "self.was_promoted(facts)", mutated: "false" }],
    },
    Mutant {
        name: "run-id-forgotten-at-disconnect",
        bug: "a client forgets which run of a server it knew when the connection ends",
        edits: &[Text {
            file: TRUST,
            original: "        self.clock.forget_if(",
            mutated: "        self.run_id = self.run_id.take().filter(|_| !AWAKE);
        self.clock.forget_if(",
        }],
    },
];
