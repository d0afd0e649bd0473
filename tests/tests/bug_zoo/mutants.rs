//! The known bugs.

use Edit::{Expression, Text};

/// A known bug, and how it is put in.
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) bug: &'static str,
    pub(crate) edits: &'static [Edit],
}

/// One change in one file.
pub(crate) enum Edit {
    /// Another expression takes the place of one while the mutant is awake.
    Expression { file: &'static str, original: &'static str, mutated: &'static str },
    /// Another text takes the place of one; in it `AWAKE` stands for whether the mutant is awake.
    Text { file: &'static str, original: &'static str, mutated: &'static str },
}

const LOCK: &str = "redlock-core/src/lock.rs";
const HANDLING: &str = "redlock-core/src/locks/handling.rs";
const STEP: &str = "redlock-core/src/locks/step.rs";
const LINE: &str = "redlock-core/src/locks/line.rs";
const LOCKS_ENTRY: &str = "redlock-core/src/locks/entry.rs";
const RENEWAL: &str = "redlock-core/src/locks/renewal.rs";
const LOCKS_NODE: &str = "redlock-core/src/locks/node.rs";
const WAIT_QUEUE: &str = "redlock-core/src/locks/wait_queue.rs";
const ACQUIRING: &str = "redlock-core/src/lock/acquiring.rs";
const HELD: &str = "redlock-core/src/lock/held.rs";
const RELEASE: &str = "redlock-core/src/lock/release.rs";
const TRANSITIONS: &str = "redlock-core/src/lock/transitions.rs";
const ROUND: &str = "redlock-core/src/round.rs";
const QUORUM: &str = "redlock-core/src/quorum.rs";
const LEASE: &str = "redlock-core/src/lease.rs";
const REQUEST: &str = "redlock-core/src/request.rs";
const TURN: &str = "redlock-core/src/lock/turn.rs";
const TURNS: &str = "redlock-core/src/locks/turns.rs";
const TRUST: &str = "redlock-core/src/locks/trust.rs";
const MINTING: &str = "redlock-core/src/lock/minting.rs";
const FENCE: &str = "redlock-core/src/fence.rs";
const GATE: &str = "redlock-core/src/fence/gate.rs";
const MODEL: &str = "redlock-core/src/model.rs";
const MODEL_IN_TURN: &str = "redlock-core/src/model/in_turn.rs";
const MODEL_QUEUE: &str = "redlock-core/src/model/wait_queue.rs";
const LINK: &str = "tests/simulator/src/link.rs";
const CLIENT: &str = "tests/simulator/src/world/client.rs";
const STORE: &str = "tests/simulator/src/world/store.rs";

pub(crate) const MUTANTS: &[Mutant] = &[
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
            file: ROUND,
            original: "config.nodes().without(self.votes.untouched())",
            mutated: "config.nodes().iter().filter(|&node| self.votes.outcome(node) == Outcome::Done).collect()",
        }],
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
                original: "now.saturating_add(request.options.min_validity.get()) < *deadline",
                mutated: "true",
            },
            Expression {
                file: LOCK,
                original: "now.saturating_add(self.request.options.min_validity.get()) < deadline",
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
    Mutant {
        name: "extension-after-the-deadline",
        bug: "an extension counts although the old deadline has passed",
        edits: &[Text {
            file: TRANSITIONS,
            original: "Phase::Held(held) if now >= held.deadline => {",
            mutated: "Phase::Held(held)
                if now >= held.deadline && !(AWAKE && held.operations().next().is_some()) =>
            {",
        }],
    },
    Mutant {
        name: "extension-counts-healed-nodes",
        bug: "a node that was given its key anew counts for the extension",
        edits: &[Text {
            file: HELD,
            original: "                self.replant_missing(request, Replanted { node, id, ttl, send_by, has_source: false }, output);\n",
            mutated:
                "                self.replant_missing(request, Replanted { node, id, ttl, send_by, has_source: false }, output);
                if AWAKE && let Some(sent) = self.replanted.remove(self.replanted.len().saturating_sub(1)) {
                    self.extensions.iter_mut().for_each(|extension| {
                        extension.round.asked_again(NodeSet::from_iter([node]), sent.id, false);
                    });
                }\n",
        }],
    },
    Mutant {
        name: "extension-by-set",
        bug: "an extension sets the key, whoever has it",
        edits: &[Text {
            file: MODEL,
            original: "        if reply == Reply::Done {\n",
            mutated: "        if AWAKE && matches!(reply, Reply::HeldByOther(_)) {
            for key in keys {
                let entry = Entry { value: token.into(), expires_at: Some(expiry(now, ttl.as_millis())) };
                self.keys.insert(key.as_bytes().into(), entry);
            }
            return Reply::Done;
        }
        if reply == Reply::Done {\n",
        }],
    },
    Mutant {
        name: "extension-shortens",
        bug: "a short extension that comes to nothing has shortened the keys",
        edits: &[Expression {
            file: MODEL,
            original: "self.expires_at.max(Some(expires_at))",
            mutated: "Some(expires_at)",
        }],
    },
    Mutant {
        name: "failed-extension-loses",
        bug: "an extension that too few nodes confirmed ends the lock",
        edits: &[Text {
            file: TRANSITIONS,
            original: "            context.output.emit(end);\n",
            mutated: "            if AWAKE && matches!(end, Event::ExtendFailed { .. }) {
                self.lose(context, Loss::Expired, now);
                return;
            }
            context.output.emit(end);\n",
        }],
    },
    Mutant {
        name: "lost-is-revived",
        bug: "a lock that is lost is extended back to life",
        edits: &[Text {
            file: LOCK,
            original: "            Phase::Lost(lost) => Err(ExtendError::Lost(lost.loss.clone())),\n",
            mutated: "            Phase::Lost(_) if AWAKE => {
                let (config, token, output) = (context.config, self.secret.token(self.attempts), &mut Output::new());
                let ask = acquiring::Ask { token, course: turn::Course::AtOnce, proposal: None };
                let attempt = Attempt::begin(config, &self.request, ask, now, now, output);
                let mut held = Held::new(config, attempt, now.saturating_add(ttl.get()), &self.request, now);
                let operation = self.next_operation;
                held.extend(context.config, &self.request, operation, ttl, now, context.output);
                self.phase = Phase::Held(held);
                Ok(operation)
            }
            Phase::Lost(lost) => Err(ExtendError::Lost(lost.loss.clone())),\n",
        }],
    },
    Mutant {
        name: "loss-is-not-signalled",
        bug: "nobody wakes up at the deadline of a held lock",
        edits: &[Text {
            file: LOCK,
            original: "Phase::Held(held) => Some(held.poll_timeout()),",
            mutated: "Phase::Held(held) => if AWAKE { None } else { Some(held.poll_timeout()) },",
        }],
    },
    Mutant {
        name: "delete-without-compare",
        bug: "a release deletes the key, whoever has it",
        edits: &[Expression { file: MODEL, original: "self.whose(key, token) == Whose::Token", mutated: "true" }],
    },
    Mutant {
        name: "zero-ttl",
        bug: "a TTL of zero is let through",
        edits: &[
            Expression { file: REQUEST, original: "ttl < MIN_TTL", mutated: "false" },
            Expression { file: REQUEST, original: "ttl.saturating_sub(drift) <= min_validity", mutated: "false" },
        ],
    },
    Mutant {
        name: "replies-mixed-up",
        bug: "a reply is taken for that to another command on the same connection",
        edits: &[Expression {
            file: LOCKS_NODE,
            original: "self.tickets.pop_front()",
            mutated: "self.tickets.pop_back()",
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
            file: LOCKS_NODE,
            original: "Link::Pausing { until, why: why.clone() }",
            mutated: "Link::GivenUp(why.clone())",
        }],
    },
    Mutant {
        name: "silence-is-endured",
        bug: "a connection that is silent for good is never given up",
        edits: &[Text {
            file: LOCKS_NODE,
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
            file: LOCKS_NODE,
            original: "[self.silent_at(config), self.look_at(config)]",
            mutated: "[None, self.look_at(config).filter(|_| self.tickets.is_empty())]",
        }],
    },
    Mutant {
        name: "silence-since-the-last-reply",
        bug: "a connection that was not used for long counts as silent as soon as something is sent on it",
        edits: &[Expression {
            file: LOCKS_NODE,
            original: "owed_nothing && !self.tickets.is_empty()",
            mutated: "false",
        }],
    },
    Mutant {
        name: "no-ping",
        bug: "a connection that is not used is never tried out",
        edits: &[Text {
            file: LOCKS_NODE,
            original: "config.ping_interval()?;",
            mutated: "config.ping_interval().filter(|_| !AWAKE)?;",
        }],
    },
    Mutant {
        name: "ping-has-no-ticket",
        bug: "the reply to a ping is taken for that to the next command",
        edits: &[Text {
            file: LOCKS_NODE,
            original: "                self.tickets.push_back(ticket);\n",
            mutated: "                if !AWAKE || !matches!(ticket, Ticket::Clock { .. }) {
                    self.tickets.push_back(ticket);
                }\n",
        }],
    },
    Mutant {
        name: "given-up-and-not-opened",
        bug: "a connection that was given up for its silence is not opened again",
        edits: &[Text {
            file: LOCKS_NODE,
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
            original: "self.answer_under_way(node, &why, usize::MAX);
                self",
            mutated: "let why = if AWAKE { why.unsent() } else { why };
                self.answer_under_way(node, &why, usize::MAX);
                self",
        }],
    },
    Mutant {
        name: "partial-grant-counts",
        bug: "a node that refuses one of several names counts as one that granted the lock",
        edits: &[Text {
            file: ACQUIRING,
            original: "        let recorded = self.round.record(id, node, reply);",
            mutated: "        let is_one_of_several = matches!(&reply, Reply::HeldByOther(hold) if hold.resource.is_some());
        let reply = if is_one_of_several && AWAKE { Reply::Done } else { reply };
        let recorded = self.round.record(id, node, reply);",
        }],
    },
    Mutant {
        name: "partial-lock-is-kept",
        bug: "a node that refuses one of several names keeps those that were free",
        edits: &[Text {
            file: MODEL,
            original: "        if let Some(key) = keys.iter().find(|key| self.whose(key, token) == Whose::Other) {",
            mutated: "        if AWAKE && keys.iter().any(|key| self.whose(key, token) == Whose::Other) {
            for key in keys {
                let new = || Entry { value: token.into(), expires_at: Some(expiry(now, ttl.as_millis())) };
                self.keys.entry(key.as_bytes().into()).or_insert_with(new);
            }
        }
        if let Some(key) = keys.iter().find(|key| self.whose(key, token) == Whose::Other) {",
        }],
    },
    Mutant {
        name: "releases-the-first-name",
        bug: "of several names only the first is released",
        edits: &[Text {
            file: RELEASE,
            original: "    let resources = request.resources.clone();",
            mutated: "    let first = || request.resources.as_slice()[0].clone().into();
    let resources = if AWAKE { first() } else { request.resources.clone() };",
        }],
    },
    Mutant {
        name: "extends-the-first-name",
        bug: "of several names only the first is extended",
        edits: &[Text {
            file: HELD,
            original: "        let action = Action::extend(request.resources.clone(), self.token, ttl)",
            mutated: "        let first = || request.resources.as_slice()[0].clone().into();
        let resources = if AWAKE { first() } else { request.resources.clone() };
        let action = Action::extend(resources, self.token, ttl)",
        }],
    },
    Mutant {
        name: "late-answer-undoes-confirmation",
        bug: "what a node said to an earlier extension proves the loss, though it has confirmed a later one",
        edits: &[Expression {
            file: HELD,
            original: "extension.operation < confirmed",
            mutated: "false",
        }],
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
        edits: &[Expression {
            file: HELD,
            original: "self.deadline.max(deadline)",
            mutated: "deadline",
        }],
    },
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
        edits: &[Text {
            file: LINE,
            original: "        if is_first {",
            mutated: "        if is_first || AWAKE {",
        }],
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
            file: LOCK,
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
        edits: &[Expression {
            file: WAIT_QUEUE,
            original: "others.keys.retain(|other| *other != key)",
            mutated: "()",
        }],
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
        edits: &[Text { file: ACQUIRING, original: "request.resources.only().is_some() {", mutated: "request.resources.only().is_some() || AWAKE {" }],
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
        edits: &[Expression { file: TURNS, original: "lock.call_up(context, now)", mutated: "{}" }],
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
                original: "now.saturating_add(request.options.min_validity.get()) < *deadline",
                mutated: "self.commit_round() == Some(true) \
                          || now.saturating_add(request.options.min_validity.get()) < *deadline",
            },
            Expression {
                file: LOCK,
                original: "now.saturating_add(self.request.options.min_validity.get()) < deadline",
                mutated: "matches!(&self.phase, Phase::Won { attempt, .. } if attempt.commit_round() == Some(true)) \
                          || now.saturating_add(self.request.options.min_validity.get()) < deadline",
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
        edits: &[Expression {
            file: TRUST,
            original: "started_at.filter(|started_at| *started_at >= heard_at).unwrap_or(now)",
            mutated: "now",
        }],
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
        name: "run-id-forgotten-at-disconnect",
        bug: "a client forgets which run of a server it knew when the connection ends",
        edits: &[Text {
            file: TRUST,
            original: "        self.clock.forget_if(",
            mutated: "        self.run_id = self.run_id.take().filter(|_| !AWAKE);
        self.clock.forget_if(",
        }],
    },
    Mutant {
        name: "renewal-after-loss",
        bug: "a lock that is lost is still extended in the background",
        edits: &[
            Expression { file: LOCKS_ENTRY, original: "self.renewal.is_none() || !self.is_held()", mutated: "false" },
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
            original: "was_held && !entry.counts_as.is_held",
            mutated: "was_held && !entry.counts_as.is_held && entry.renewal.is_none()",
        }],
    },
    Mutant {
        name: "renewed-once",
        bug: "a lock that is kept alive is extended once",
        edits: &[Expression {
            file: RENEWAL,
            original: "now.saturating_add(self.interval.get())",
            mutated: "now.saturating_add(self.interval.get().saturating_mul(30))",
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
        edits: &[Expression {
            file: HELD,
            original: "now.saturating_add(request.options.min_hold.get())",
            mutated: "Instant::EPOCH",
        }],
    },
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
        name: "label-of-an-earlier-holder",
        bug: "the label of an earlier holder is shown as that of the lock",
        edits: &[Expression {
            file: MODEL,
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
