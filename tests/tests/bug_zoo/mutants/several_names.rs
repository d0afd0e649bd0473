//! Locks of several names.

use super::Edit::Text;
use super::{ACQUIRING, HELD, MODEL, Mutant, RELEASE};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "partial-grant-counts",
        bug: "a node that refuses one of several names counts as one that granted the lock",
        edits: &[Text {
            file: ACQUIRING,
            original: "        let recorded = self.round.record(id, node, reply);",
            mutated:
                "        let is_one_of_several = matches!(&reply, Reply::HeldByOther(hold) if hold.resource.is_some());
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
];
