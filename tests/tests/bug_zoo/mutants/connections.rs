//! Connections that break or are silent.

use super::Edit::{Expression, Text};
use super::{HANDLING, LOCKS_NODE, Mutant, NODE_CONNECTION, OUTBOX};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "replies-mixed-up",
        bug: "a reply is taken for that to another command on the same connection",
        edits: &[Expression {
            file: OUTBOX,
            original: "self.tickets.pop_front()",
            mutated: "self.tickets.remove(self.under_way)",
        }],
    },
    Mutant {
        name: "broken-means-not-sent",
        bug: "what was under way when a connection broke counts as never sent",
        edits: &[Text {
            file: HANDLING,
            original: ".take(count);
        stand_ins.extend(tickets.map(|ticket| (node, ticket, Reply::Unavailable(why.clone()))));",
            mutated: ".take(count);
        let reply = if AWAKE { Reply::Unavailable(why.clone().unsent()) } else { Reply::Unavailable(why.clone()) };
        stand_ins.extend(tickets.map(|ticket| (node, ticket, reply.clone())));",
        }],
    },
    Mutant {
        name: "never-connects-again",
        bug: "a node that could not be reached is never connected again",
        edits: &[Expression {
            file: NODE_CONNECTION,
            original: "Link::Pausing { until, why: why.clone() }",
            mutated: "Link::GivenUp(why.clone())",
        }],
    },
    Mutant {
        name: "silence-is-endured",
        bug: "a connection that is silent for good is never given up",
        edits: &[Text {
            file: NODE_CONNECTION,
            original: "            _ => {
                self.changed_at",
            mutated: "            _ if AWAKE => Due::Nothing,
            _ => {
                self.changed_at",
        }],
    },
    Mutant {
        name: "silence-is-not-waited-for",
        bug: "nobody wakes up when a connection has been silent for too long",
        edits: &[Expression {
            file: NODE_CONNECTION,
            original: "[self.silent_at(config), self.look_at(config)]",
            mutated: "[None, self.look_at(config).filter(|_| !self.queue.has_under_way())]",
        }],
    },
    Mutant {
        name: "silence-since-the-last-reply",
        bug: "a connection that was not used for long counts as silent as soon as something is sent on it",
        edits: &[Expression {
            file: LOCKS_NODE,
            original: "owed_nothing && self.queue.has_under_way()",
            mutated: "false",
        }],
    },
    Mutant {
        name: "no-ping",
        bug: "a connection that is not used is never tried out",
        edits: &[Expression { file: NODE_CONNECTION, original: "config.ping_at(last)", mutated: "None" }],
    },
    Mutant {
        name: "ping-has-no-ticket",
        bug: "the reply to a ping is taken for that to the next command",
        edits: &[Expression {
            file: LOCKS_NODE,
            original: "self.queue.take_ticket()",
            mutated: "core::iter::from_fn(|| self.queue.take_ticket())
            .find(|ticket| !matches!(ticket, Ticket::Clock { .. }))",
        }],
    },
    Mutant {
        name: "given-up-and-not-opened",
        bug: "a connection that was given up for its silence is not opened again",
        edits: &[Text {
            file: NODE_CONNECTION,
            original: "                self.link = Link::Wanted(Some(why.clone()));
                Due::Silent(why)",
            mutated: "                self.link = if AWAKE { Link::GivenUp(why.clone()) } else { Link::Wanted(Some(why.clone())) };
                Due::Silent(why)",
        }],
    },
    Mutant {
        name: "silence-means-not-sent",
        bug: "what was under way when a connection was given up for its silence counts as never sent",
        edits: &[Text {
            file: HANDLING,
            original: "self.answer_for(node, &why, now);",
            mutated: "let why = if AWAKE { why.unsent() } else { why };
                self.answer_for(node, &why, now);",
        }],
    },
];
