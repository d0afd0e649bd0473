use std::collections::HashMap;

use super::Life;
use crate::record::{Answer, Asked};

/// The keys of one name on one node, as the processes were told.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) held: Vec<Key>,
    /// The number of the key that the node has of each lock, as far as is known.
    there: HashMap<usize, usize>,
    /// Answers that no key tells.
    pub(crate) refusals: Vec<Word>,
}

/// A key of a lock.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) life: usize,
    pub(crate) begins_at: u64,
    /// When it ends, or would end if nothing more happened.
    pub(crate) ends_at: u64,
    /// From when on it only keeps others out, after it was released.
    pub(crate) released_at: Option<u64>,
}

/// What a node said.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) asked: Asked,
    pub(crate) answer: Answer,
    pub(crate) why: String,
    pub(crate) at: u64,
}

impl Keys {
    /// Notes what the node said to a lock.
    pub(super) fn hear(&mut self, number: usize, life: &Life, word: &Word) {
        let Word { asked, answer, at, .. } = *word;
        match (asked, answer) {
            (Asked::Acquire | Asked::Extend, Answer::Done) => {
                // An extension may be for longer than the lock was taken for.
                let ends_at = at.saturating_add(life.ttl).max(life.deadline.unwrap_or_default());
                self.granted(number, at, ends_at);
            }
            (Asked::Release, Answer::Done) => self.released(number, life, at),
            (Asked::Release | Asked::Extend, Answer::Missing | Answer::Held) => self.gone(number, at),
            (Asked::Release, Answer::Unavailable) => self.refusals.push(word.clone()),
            // Who has ended does not wait for the answers that are owed.
            (Asked::Acquire, Answer::Held) | (_, Answer::Unavailable) if life.end.is_none() => {
                self.refusals.push(word.clone());
            }
            _ => {}
        }
    }

    /// Notes that a lock was extended: where its key is, it stays at least until then.
    pub(super) fn extended(&mut self, life: usize, deadline: u64) {
        if let Some(key) = self.of(life) {
            key.ends_at = key.ends_at.max(deadline);
        }
    }

    fn granted(&mut self, life: usize, at: u64, ends_at: u64) {
        if let Some(key) = self.of(life) {
            key.ends_at = ends_at;
            return;
        }
        if let Some(last) = self.held.last_mut() {
            // It is gone, whether anybody was told or not.
            last.ends_at = last.ends_at.min(at);
        }
        self.there.insert(life, self.held.len());
        self.held.push(Key { life, begins_at: at, ends_at, released_at: None });
    }

    fn released(&mut self, number: usize, life: &Life, at: u64) {
        let min_hold_until = life.decided_at.filter(|_| life.refusal.is_none() && life.min_hold > 0);
        let min_hold_until = min_hold_until.map_or(at, |since| since.saturating_add(life.min_hold));
        if let Some(key) = self.of(number) {
            (key.ends_at, key.released_at) = (min_hold_until.max(at), Some(at));
        }
        self.there.remove(&number);
    }

    fn gone(&mut self, life: usize, at: u64) {
        if let Some(key) = self.of(life) {
            key.ends_at = key.ends_at.min(at);
        }
        self.there.remove(&life);
    }

    /// Ends all keys, which the node has lost since then.
    pub(super) fn lose(&mut self, since: u64) {
        for (_, number) in self.there.drain() {
            if let Some(key) = self.held.get_mut(number) {
                key.ends_at = key.ends_at.min(since.max(key.begins_at));
            }
        }
    }

    fn of(&mut self, life: usize) -> Option<&mut Key> {
        self.held.get_mut(*self.there.get(&life)?)
    }
}
