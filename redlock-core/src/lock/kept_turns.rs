use alloc::boxed::Box;

use smallvec::SmallVec;

use super::Turn;
use crate::{Instant, NodeId};

/// The turns that a lock of several resources keeps while it waits for its turn to take another one of them, and those that
/// it has given back.
///
/// It keeps turns only of resources that are before the one that it waits for. All clients have the names in the same order,
/// so nobody waits for a turn in a circle. Each turn is kept for a time, and its home knows for how long: a client that is
/// gone holds nobody up for longer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeptTurns(
    /// `None` for a lock that has not begun to wait in queues, or has come to the end of it.
    Option<Box<Kept>>,
);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kept {
    /// When the lock began to wait in queues; `None` if it does not wait any more.
    since: Option<Instant>,
    turns: SmallVec<[KeptTurn; 1]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct KeptTurn {
    turn: Turn,
    /// `None` for one that was given back: its home has to be told.
    until: Option<Instant>,
}

impl KeptTurn {
    fn is_for(&self, home: NodeId, waits_for: u8) -> bool {
        (self.turn.home, self.turn.waits_for) == (home, waits_for)
    }
}

impl KeptTurns {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Returns whether there is nothing to keep, and nothing to be given back.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Notes that the lock waits in a queue.
    pub(super) fn waits(&mut self, now: Instant) {
        self.begin().since.get_or_insert(now);
    }

    fn begin(&mut self) -> &mut Kept {
        self.0.get_or_insert_with(|| Box::new(Kept { since: None, turns: SmallVec::new() }))
    }

    /// Keeps a turn for a time.
    pub(super) fn keep(&mut self, turn: Turn, until: Instant) {
        if let Some(kept) = &mut self.0 {
            kept.turns.push(KeptTurn { turn, until: Some(until) });
        }
    }

    /// Gives back a turn that was not kept in here: its home still waits for the lock.
    pub(super) fn give_back_one(&mut self, turn: Turn) {
        self.begin().turns.push(KeptTurn { turn, until: None });
    }

    /// Makes way for a turn in which the lock asks from now on. One that it keeps for the same is part of it: its home must not
    /// be told any more that the lock does not want it.
    pub(super) fn asks_in(&mut self, turn: &Turn) {
        if let Some(kept) = &mut self.0 {
            kept.turns.retain(|kept| !kept.is_for(turn.home, turn.waits_for));
        }
        self.wait_for(turn.waits_for);
    }

    /// Returns whether it keeps a turn for the same.
    pub(super) fn has(&self, home: NodeId, waits_for: u8) -> bool {
        self.turns().any(|kept| kept.until.is_some() && kept.is_for(home, waits_for))
    }

    /// Gives back the turns that must not be kept while the lock waits for the resource at this place.
    pub(super) fn wait_for(&mut self, place: u8) {
        self.give_back(|kept| kept.turn.waits_for >= place);
    }

    /// Gives back the turns whose time is over.
    pub(super) fn expire(&mut self, now: Instant) {
        self.give_back(|kept| kept.until.is_some_and(|until| now >= until));
    }

    /// Gives back all turns: the lock does not wait any more.
    pub(super) fn end(&mut self) {
        self.give_back(|_| true);
        if let Some(kept) = &mut self.0 {
            kept.since = None;
        }
        self.tidy();
    }

    fn give_back(&mut self, is_over: impl Fn(&KeptTurn) -> bool) {
        let turns = self.0.iter_mut().flat_map(|kept| &mut kept.turns);
        for kept in turns.filter(|kept| is_over(kept)) {
            kept.until = None;
        }
    }

    /// Returns the turns that were given back, each once.
    pub(super) fn take_given_back(&mut self) -> SmallVec<[Turn; 1]> {
        let given_back = self.turns().filter(|kept| kept.until.is_none()).map(|kept| kept.turn.clone()).collect();
        if let Some(kept) = &mut self.0 {
            kept.turns.retain(|kept| kept.until.is_some());
        }
        self.tidy();
        given_back
    }

    fn tidy(&mut self) {
        self.0.take_if(|kept| kept.since.is_none() && kept.turns.is_empty());
    }

    /// Returns when the lock began to wait in queues, if it does.
    pub(super) fn since(&self) -> Option<Instant> {
        self.0.as_ref()?.since
    }

    /// Returns whether there is a home to be told that a turn was given back.
    pub(super) fn has_given_back(&self) -> bool {
        self.turns().any(|kept| kept.until.is_none())
    }

    /// Returns the moment at which [`Self::expire`] has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.turns().filter_map(|kept| kept.until).min()
    }

    fn turns(&self) -> impl Iterator<Item = &KeptTurn> {
        self.0.iter().flat_map(|kept| &kept.turns)
    }
}
