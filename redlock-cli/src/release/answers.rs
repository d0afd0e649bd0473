use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use redlock_core::observed::{NodeEvent, Observed, Verb};
use redlock_tokio::{Observer, Outcome};

use crate::node_names::NodeNames;

/// What each server has said of the keys of a lock, also after a verdict was fixed without it.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<BTreeMap<usize, Answer>>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Kept,
    Deleted,
    Absent,
}

/// The numbers of servers on which a lock was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    /// Those that have no key of it any more.
    pub(super) gone: usize,
    /// Those that were asked and have said nothing.
    pub(super) silent: usize,
}

impl Answers {
    /// Counts those on which a lock was `acquired` among those that were `asked`. Whichever has deleted the keys was one of
    /// them, under another name perhaps.
    pub(super) fn count(&self, acquired: &NodeNames, asked: &NodeNames) -> Counts {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut gone, mut silent) = (0_usize, 0_usize);
        for (place, is_known) in acquired.contain(asked).enumerate() {
            match answers.get(&place) {
                Some(Answer::Deleted) => gone = gone.saturating_add(1),
                Some(Answer::Absent) if is_known => gone = gone.saturating_add(1),
                None if is_known => silent = silent.saturating_add(1),
                _ => {}
            }
        }
        Counts { gone, silent }
    }
}

impl Observer for Answers {
    fn observe(&self, observed: &Observed) {
        let Observed::Node { node, event: NodeEvent::Answered { verb, outcome, .. }, .. } = observed else { return };
        let answer = match (verb, outcome) {
            (Verb::Release, Outcome::Done) => Answer::Deleted,
            (_, Outcome::Done) => Answer::Kept,
            (_, Outcome::Missing | Outcome::HeldByOther(_)) => Answer::Absent,
            _ => return,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node.index(), answer);
    }
}
