//! A lock as one would describe it to a colleague: slow, without any regard for memory, and easy to check against the
//! protocol's description.
//!
//! It foretells every command, every event and every timer of the real one. What it cannot know is how long the real
//! one waits between two attempts, which is random; it is told.

mod order;
mod phase;
mod round;
mod undo;
mod verbs;

use core::time::Duration;
use std::collections::BTreeMap;

use redlock_core::{Command, Instant, NodeSet, ScriptForm, Token};

pub(crate) use self::order::Order;
use self::order::Word;
use self::phase::{Attempt, Extension, Held, Phase};
use self::round::{Extended, Round};
use self::undo::{Claim, Undo};
pub(crate) use self::verbs::Refusal;
use crate::news::{Failure, Lost, News, Outcomes};
use crate::setup::Setup;

/// Before this time is left of the budget, another attempt is not worth a wait.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
pub(crate) struct Reference {
    setup: Setup,
    pub(crate) now: Instant,
    give_up_at: Instant,
    pub(crate) attempts: u32,
    last_failure: Option<(Failure, Outcomes)>,
    phase: Phase,
    /// The releases of failed attempts.
    undos: Vec<Undo>,
    tokens: Vec<Token>,
    /// How many extensions were begun.
    extensions: usize,
    /// The extension that sends a command now, if one does.
    asker: usize,
    /// What must be sent and told now, in order.
    pub(crate) orders: Vec<Order>,
    pub(crate) news: Vec<News>,
}

/// # How one phase follows another
impl Reference {
    /// A lock that is asked for at the epoch.
    pub(crate) fn acquire(setup: &Setup) -> Self {
        let mut reference = Self {
            setup: *setup,
            now: Instant::EPOCH,
            give_up_at: Instant::from_epoch(setup.wait),
            attempts: 0,
            last_failure: None,
            phase: Phase::Over,
            undos: Vec::new(),
            tokens: Vec::new(),
            extensions: 0,
            asker: 0,
            orders: Vec::new(),
            news: Vec::new(),
        };
        reference.begin_attempt();
        reference
    }

    fn begin_attempt(&mut self) {
        self.attempts += 1;
        let ttl = self.setup.ttl;
        let patience = self.now.saturating_add(self.setup.node_timeout);
        let ends_at = if self.setup.wait.is_zero() { patience } else { patience.min(self.give_up_at) };
        let deadline = self.setup.deadline(self.now, ttl);
        self.order(Word::Acquire(ttl), self.attempts, self.all(), ends_at.min(deadline));
        let round = Round::new(self.setup.nodes, self.all(), ends_at);
        self.phase = Phase::Acquiring(Attempt { round, deadline });
    }

    fn judge_attempt(&mut self) {
        let Phase::Acquiring(attempt) = &self.phase else { return };
        let deadline = attempt.deadline;
        match attempt.round.is_granted() {
            Some(true) if self.now.saturating_add(self.setup.min_validity) < deadline => {
                self.phase = Phase::Won(attempt.clone());
                self.news.push(News::Acquired { deadline });
            }
            Some(true) => self.fail(Failure::Expired),
            Some(false) if attempt.round.is_short_of_nodes() => self.fail(Failure::Unavailable),
            Some(false) => self.fail(Failure::Contended),
            None => {}
        }
    }

    /// The attempt failed: what it may have set is taken back, then the next one is waited for, if there is to be one.
    fn fail(&mut self, failure: Failure) {
        let (Phase::Acquiring(attempt) | Phase::Won(attempt)) = &self.phase else { return };
        let (touched, outcomes) = (attempt.round.touched(), attempt.round.outcomes());
        let attempt_is_vain = attempt.round.is_set_up_wrongly();
        if !touched.is_empty() {
            let undo = self.undo(touched, self.setup.ttl);
            self.undos.push(undo);
        }
        if attempt_is_vain {
            self.give_up((failure, outcomes));
            return;
        }
        let remaining = self.give_up_at.saturating_since(self.now);
        if self.setup.attempts.is_none_or(|most| self.attempts < most) && remaining >= SHORTEST_WAIT {
            let retry = usize::try_from(self.attempts - 1).unwrap();
            let [.., last] = Setup::RETRY_CAPS;
            let cap = Setup::RETRY_CAPS.get(retry).copied().unwrap_or(last);
            self.phase = Phase::Waiting { latest: self.now.saturating_add(cap.min(remaining)) };
            self.last_failure = Some((failure, outcomes));
            return;
        }
        // The end of the budget makes nodes look silent that were not asked for long; the failure before says more.
        let is_cut_short = remaining.is_zero() && failure == Failure::Unavailable;
        let before = self.last_failure.take().filter(|_| is_cut_short);
        self.give_up(before.unwrap_or((failure, outcomes)));
    }

    fn give_up(&mut self, (failure, nodes): (Failure, Outcomes)) {
        let elapsed = self.now.saturating_since(Instant::EPOCH);
        self.news.push(News::AcquireFailed { failure, attempts: self.attempts, elapsed, nodes });
        self.phase = Phase::Over;
    }

    fn judge_extensions(&mut self) {
        let Phase::Held(held) = &mut self.phase else { return };
        let verdict = |extension: &Extension| extension.round.extended(&extension.recovered);
        let proof = held.heard().find(|extension| verdict(extension) == Some(Extended::KeysGone));
        if let Some(round) = proof.map(|proof| &proof.round) {
            let (outcomes, is_taken) = (round.outcomes(), round.is_taken_over());
            self.lose(if is_taken { Lost::TakenOver(outcomes) } else { Lost::KeysGone(outcomes) });
            return;
        }
        let (over, under_way) = held.extensions.drain(..).partition(|extension| verdict(extension).is_some());
        held.extensions = under_way;
        for extension in Vec::<Extension>::into_iter(over) {
            let number = extension.number;
            self.news.push(if verdict(&extension) == Some(Extended::Confirmed) {
                held.deadline = held.deadline.max(extension.deadline);
                News::Extended { extension: number, deadline: held.deadline }
            } else {
                News::Unconfirmed { extension: number, nodes: extension.round.outcomes() }
            });
            held.last = Some(extension);
        }
    }

    fn lose(&mut self, loss: Lost) {
        let Phase::Held(Held { deadline, longest_ttl, touched, ref mut extensions, .. }) = self.phase else { return };
        let extensions = core::mem::take(extensions);
        let mut undo = self.undo(touched, longest_ttl);
        undo.claim.was_lost = true;
        let ends = extensions.iter().map(|extension| extension.number);
        self.news.extend(ends.map(|extension| News::ExtendFailed { extension, loss: loss.clone() }));
        self.news.push(News::Lost(loss.clone()));
        self.phase = Phase::Lost { at: self.now.min(deadline), loss, undo };
    }

    fn judge_release(&mut self) {
        let Phase::Releasing { undo, is_reported } = &mut self.phase else { return };
        if let Some((verdict, nodes)) = undo.verdict().filter(|_| !*is_reported) {
            *is_reported = true;
            self.news.push(News::Released { verdict, nodes });
        }
    }
}

/// # What goes out
impl Reference {
    /// Notes a command of the real lock, so that replies to it can be told from others, and reads it.
    pub(crate) fn note(&mut self, command: &Command) -> Order {
        let order = Order::of(command, &mut self.tokens);
        let is_current = order.attempt == self.attempts;
        match (order.word, &mut self.phase) {
            (Word::Acquire(_), Phase::Acquiring(attempt)) if is_current => attempt.round.ask(command),
            // It was begun in the same call, by the time that had passed.
            (Word::Acquire(_), Phase::Releasing { undo, .. }) if is_current => undo.owe(command),
            (Word::Acquire(_), Phase::Held(held)) => {
                held.plants.extend(command.nodes.iter().map(|node| (node, command.id)));
            }
            (Word::Extend(_), Phase::Held(held)) => {
                let asker = self.asker;
                let extension = held.heard_mut().find(|extension| extension.number == asker);
                extension.expect("it is under way, or the last").round.ask(command);
            }
            (Word::Release, Phase::Lost { undo, .. } | Phase::Releasing { undo, .. }) if is_current => {
                undo.ask(command);
            }
            (Word::Release, _) => {
                self.undos
                    .iter_mut()
                    .filter(|undo| undo.claim.attempt == order.attempt)
                    .for_each(|undo| undo.ask(command));
            }
            _ => {}
        }
        order
    }

    fn order(&mut self, word: Word, attempt: u32, nodes: NodeSet, send_by: Instant) {
        self.orders.push(Order { word, attempt, nodes, form: ScriptForm::Digest, send_by });
    }

    /// Takes back what the last attempt has.
    fn undo(&mut self, nodes: NodeSet, longest_ttl: Duration) -> Undo {
        let claim = Claim { attempt: self.attempts, nodes, longest_ttl, was_lost: false };
        let owed = match &self.phase {
            Phase::Acquiring(attempt) | Phase::Won(attempt) => attempt.round.owed(),
            _ => BTreeMap::new(),
        };
        Undo::begin(&self.setup, claim, owed, self.now, &mut self.orders)
    }

    fn all(&self) -> NodeSet {
        NodeSet::first(self.setup.nodes)
    }
}
