//! Rounds, votes and the time that they take.

use super::Edit::{Expression, Text};
use super::{ACQUIRING, CLIENT, HELD, LEASE, LINK, LOCK, Mutant, QUORUM, RELEASE, ROUND, TRANSITIONS};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "token-per-lock",
        bug: "all attempts of a lock have the same token",
        edits: &[Expression {
            file: TRANSITIONS,
            original: "self.secret.token(self.attempts)",
            mutated: "self.secret.token(1)",
        }],
    },
    Mutant {
        name: "votes-counted",
        bug: "votes are counted, not collected as a set of nodes",
        edits: &[Text {
            file: ROUND,
            original: "        if !self.expects(id, node) ",
            mutated: "        let next = self.unanswered.iter().next().filter(|_| AWAKE);
            let node = next.unwrap_or(node);
            if !self.expects(id, node) ",
        }],
    },
    Mutant {
        name: "second-reply-counts",
        bug: "a second reply to the same command counts like the first",
        edits: &[Expression { file: ROUND, original: "!self.unanswered.contains(node)", mutated: "false" }],
    },
    Mutant {
        name: "late-reply-counts",
        bug: "a late reply to an earlier attempt counts for the present one",
        edits: &[Expression { file: ROUND, original: "!self.expects(id, node)", mutated: "false" }],
    },
    Mutant {
        name: "release-where-granted",
        bug: "a failed attempt is released only on the nodes that are known to have granted it",
        edits: &[Expression {
            file: ACQUIRING,
            original: "config.nodes().without(self.untouched()).without(self.unasked)",
            mutated: "self.round.done().without(self.unasked)",
        }],
    },
    Mutant {
        name: "given-again-and-left",
        bug: "a node that was down at first, and was given the keys by an extension, is not told of the release",
        edits: &[Expression { file: HELD, original: "self.untouched.remove(sent.node)", mutated: "()" }],
    },
    Mutant {
        name: "no-release-after-failure",
        bug: "a failed attempt is not released before the next one",
        edits: &[Expression { file: TRANSITIONS, original: "!claim.nodes.is_empty()", mutated: "false" }],
    },
    Mutant {
        name: "no-release-after-cancel",
        bug: "an acquisition that is cancelled leaves its keys behind",
        edits: &[Text {
            file: LOCK,
            original: "        self.phase = match core::mem::replace(&mut self.phase, Phase::Finished) {\n",
            mutated: "        self.phase = match core::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Acquiring(_) if AWAKE => Phase::Finished,\n",
        }],
    },
    Mutant {
        name: "release-not-repeated",
        bug: "a release that failed on a node is not tried again",
        edits: &[Expression {
            file: RELEASE,
            original: "self.retry_later(node, now)",
            mutated: "{ self.unsettled.remove(node); }",
        }],
    },
    Mutant {
        name: "release-overtakes-set",
        bug: "commands to a node are not kept in order",
        edits: &[Expression {
            file: LINK,
            original: "self.last_command.max(earliest).max(self.stalled_until)",
            mutated: "earliest",
        }],
    },
    Mutant {
        name: "no-validity-check",
        bug: "a lock is handed over whose validity is over",
        edits: &[
            Expression {
                file: ACQUIRING,
                original: "now.after(request.options.min_validity) < *deadline",
                mutated: "true",
            },
            Expression {
                file: LOCK,
                original: "now.after(self.request.options.min_validity) < deadline",
                mutated: "true",
            },
            Expression { file: TRANSITIONS, original: "now >= *deadline", mutated: "false" },
        ],
    },
    Mutant {
        name: "clock-started-after-sending",
        bug: "the validity counts from the reply, not from before the first byte",
        edits: &[Expression {
            file: ACQUIRING,
            original: "lease::deadline(config, self.started_at, request.ttl.get())",
            mutated: "lease::deadline(config, now, request.ttl.get())",
        }],
    },
    Mutant {
        name: "clock-started-before-retries",
        bug: "the validity counts from the first attempt, not from this one",
        edits: &[Text {
            file: TRANSITIONS,
            original: "ask, ends_at, now, output)",
            mutated: "ask, ends_at, if AWAKE { self.started_at } else { now }, output)",
        }],
    },
    Mutant {
        name: "wall-clock",
        bug: "the driver reads a clock that steps back",
        edits: &[Text {
            file: CLIENT,
            original: "self.clients[client].clock.at(self.now)",
            mutated: "self.clients[client].clock.at(
                if AWAKE && self.now > 500 * MILLISECOND { self.now - 400 * MILLISECOND } else { self.now })",
        }],
    },
    Mutant {
        name: "drift-left-out",
        bug: "a lock is valid for the whole TTL",
        edits: &[Expression { file: LEASE, original: "share.saturating_add(DRIFT_MARGIN)", mutated: "Duration::ZERO" }],
    },
    Mutant {
        name: "quorum-too-small",
        bug: "one vote too few is a quorum",
        edits: &[
            Text { file: QUORUM, original: "pub(crate) const fn size", mutated: "pub(crate) fn size" },
            Text { file: QUORUM, original: "pub(crate) const fn verdict", mutated: "pub(crate) fn verdict" },
            Text {
                file: QUORUM,
                original: "pub(crate) const fn is_blocked_by",
                mutated: "pub(crate) fn is_blocked_by",
            },
            Expression { file: QUORUM, original: "(self.nodes / 2)", mutated: "(self.nodes / 2).saturating_sub(1)" },
        ],
    },
    Mutant {
        name: "quorum-too-large",
        bug: "one vote too many is asked for",
        edits: &[Text {
            file: QUORUM,
            original: ".saturating_add(1)\n",
            mutated: ".saturating_add(if AWAKE { 2 } else { 1 })\n",
        }],
    },
    Mutant {
        name: "waits-for-all-nodes",
        bug: "the verdict waits for the slowest node",
        edits: &[Text {
            file: ACQUIRING,
            original: "            Verdict::Won => ",
            mutated: "            Verdict::Won if AWAKE && tally.pending > 0 => None,
            Verdict::Won => ",
        }],
    },
];
