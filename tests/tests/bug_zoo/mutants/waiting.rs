//! Lines of a handle and the wait queues of nodes.

use super::Edit::{Expression, Text};
use super::{ACQUIRING, LINE, LOCK_GETTERS, MODEL, MODEL_IN_TURN, MODEL_QUEUE, Mutant, TURN, TURNS, WAIT_QUEUE};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "newest-first",
        bug: "the one that came last is served first",
        edits: &[Expression {
            file: WAIT_QUEUE,
            original: "others.keys.pop_front()?",
            mutated: "others.keys.pop_back()?",
        }],
    },
    Mutant {
        name: "all-ask",
        bug: "one that others are before asks the nodes all the same",
        edits: &[Text { file: LINE, original: "        if is_first {", mutated: "        if is_first || AWAKE {" }],
    },
    Mutant {
        name: "first-in-one-queue-is-enough",
        bug: "a lock of several names asks when it is the first that wants one of them",
        edits: &[Text {
            file: LINE,
            original: "if self.is_closed || !self.is_first(key) {",
            mutated: "if self.is_closed || !(self.is_first(key) || AWAKE) {",
        }],
    },
    Mutant {
        name: "held-is-in-nobodys-way",
        bug: "the next one begins while the lock is held",
        edits: &[Text {
            file: LOCK_GETTERS,
            original: "Phase::Won { .. } | Phase::Held(_) => true,
            Phase::Releasing(_) =>",
            mutated: "Phase::Won { .. } => true,
            Phase::Held(_) => !AWAKE,
            Phase::Releasing(_) =>",
        }],
    },
    Mutant {
        name: "cancelled-stays-in-line",
        bug: "one that gives up while others are before it is waited for all the same",
        edits: &[Expression { file: WAIT_QUEUE, original: "others.keys.retain(|other| *other != key)", mutated: "()" }],
    },
    Mutant {
        name: "home-alone-is-enough",
        bug: "a lock is acquired as soon as the home has granted it in turn",
        edits: &[Text {
            file: ACQUIRING,
            original: "        if self.waits_for_home() {
            return match",
            mutated: "        if AWAKE && self.course.turn().is_some() && tally.done > 0 {
            return Some(self.won(config, request, now));
        }
        if self.waits_for_home() {
            return match",
        }],
    },
    Mutant {
        name: "home-is-not-undone",
        bug: "an attempt that the home has granted in turn is not undone there",
        edits: &[Expression { file: ACQUIRING, original: "self.home_has_refused()", mutated: "true" }],
    },
    Mutant {
        name: "clock-started-after-the-home",
        bug: "the validity counts from the moment at which the home has granted",
        edits: &[
            Text {
                file: ACQUIRING,
                original: "before its first byte was sent.\n    started_at",
                mutated: "before its first byte was sent.\n    pub(super) started_at",
            },
            Text {
                file: TURN,
                original: "            attempt.ask_others(",
                mutated: "            if AWAKE {
                attempt.started_at = now;
            }
            attempt.ask_others(",
            },
        ],
    },
    Mutant {
        name: "others-are-asked-at-once",
        bug: "a waiter that was not called up asks all nodes at once, so that those who wait split the votes",
        edits: &[Text {
            file: ACQUIRING,
            original: "request.resources.only().is_some() {",
            mutated: "request.resources.only().is_some() || AWAKE {",
        }],
    },
    Mutant {
        name: "called-up-and-not-in-turn",
        bug: "a waiter that was called up asks the home like any other node",
        edits: &[Text {
            file: ACQUIRING,
            original: "nodes == NodeSet::from_iter([turn.home])) {",
            mutated: "nodes == NodeSet::from_iter([turn.home]) && !(AWAKE && matches!(course, Course::CalledUp(_)))) {",
        }],
    },
    Mutant {
        name: "call-up-is-ignored",
        bug: "a waiter that is called up goes on waiting",
        edits: &[Expression { file: TURNS, original: "lock.call_up(context, node, now)", mutated: "{}" }],
    },
    Mutant {
        name: "turn-is-kept-for-nobody",
        bug: "a handle that is called up, and of which nobody waits for that any more, does not leave the queue",
        edits: &[Text {
            file: TURNS,
            original: "        if !first.is_some_and(|key| self.asks_in_turn(key, node)) {",
            mutated: "        if !first.is_some_and(|key| self.asks_in_turn(key, node)) && !AWAKE {",
        }],
    },
    Mutant {
        name: "turn-for-another-name",
        bug: "a lock of several names takes a call-up for another one than it waits for as its own",
        edits: &[Expression { file: TURNS, original: "lock.waits_for(resource)", mutated: "true" }],
    },
    Mutant {
        name: "silent-home-is-waited-for",
        bug: "a waiter whose home does not answer waits for it for ever",
        edits: &[Text {
            file: ACQUIRING,
            original: "                (0, 0) => None,\n",
            mutated: "                (0, 0) => None,
                (0, _) if AWAKE => None,\n",
        }],
    },
    Mutant {
        name: "place-is-kept",
        bug: "a waiter that gives up stays in the queue",
        edits: &[Expression {
            file: TURNS,
            original: "state.push_aside(Ticket::Aside, action, SEND_WITHIN, now)",
            mutated: "{}",
        }],
    },
    Mutant {
        name: "never-subscribes",
        bug: "a waiter stands in the queue and does not hear when it is called up",
        edits: &[Text {
            file: TURNS,
            original: "        if state.is_subscribed() {",
            mutated: "        if state.is_subscribed() || AWAKE {",
        }],
    },
    Mutant {
        name: "turn-is-kept",
        bug: "a waiter whose turn it is keeps it, although another one of its names is held",
        edits: &[Text {
            file: MODEL_IN_TURN,
            original: "        queue.end_turn(waiter);
",
            mutated: "        if !AWAKE || busy.is_none() {
            queue.end_turn(waiter);
        }
",
        }],
    },
    Mutant {
        name: "turn-is-not-kept",
        bug: "a waiter that wants to keep its turn while a later one of its names is held loses it",
        edits: &[Text {
            file: MODEL_IN_TURN,
            original: "            if *keeps_turn > Grace::NONE",
            mutated: "            if !AWAKE && *keeps_turn > Grace::NONE",
        }],
    },
    Mutant {
        name: "one-of-several-is-enough",
        bug: "a waiter whose turn it is takes all its names, although another one of them is held",
        edits: &[Text {
            file: MODEL_IN_TURN,
            original: "        if let Some(hold) = busy {",
            mutated: "        if let Some(hold) = busy.filter(|_| !AWAKE) {",
        }],
    },
    Mutant {
        name: "nobody-is-called-up",
        bug: "a release at the home calls up nobody",
        edits: &[Expression { file: MODEL, original: "command.calls_up().then_some(command.grace)", mutated: "None" }],
    },
    Mutant {
        name: "grace-without-end",
        bug: "whoever was called up is waited for, for ever",
        edits: &[Expression { file: MODEL_QUEUE, original: "millis <= called.expires_at", mutated: "true" }],
    },
    Mutant {
        name: "last-one-is-called-up",
        bug: "the one that came last to the queue of a node is called up first",
        edits: &[Expression {
            file: MODEL_QUEUE,
            original: "now.since_epoch().as_micros()",
            mutated: "u128::MAX - now.since_epoch().as_micros()",
        }],
    },
];
