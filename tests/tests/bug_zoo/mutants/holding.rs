//! What is held: extensions, loss and the key.

use super::Edit::{Expression, Text};
use super::{HELD, LOCK, MODEL, Mutant, REQUEST, TRANSITIONS};

pub(super) const MUTANTS: &[Mutant] = &[
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
];
