//! One step of a lock, and all that follows from it.

use super::entry::Entry;
use super::outbox::Ticket;
use super::{LockKey, Locks, renewal, turns};
use crate::lock::{Kinds, LockMachine};
use crate::observed::Verb;
use crate::output::Context;
use crate::{Action, Cause, Event, Instant, NodeId, NodeSet, Reply, Unavailable};

impl Locks {
    pub(super) fn entry(&mut self, key: LockKey) -> Option<&mut Entry> {
        self.entries.get_mut(key.index).filter(|entry| entry.serial == key.serial)
    }

    /// Takes a step with a lock, then does all that follows from it. `None` when there is no such lock.
    pub(super) fn update<T>(
        &mut self,
        key: LockKey,
        now: Instant,
        step: impl FnOnce(&mut LockMachine, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let result = self.step(key, now, step);
        self.deliver(now);
        result
    }

    /// Hands the answers that were given in the place of nodes to their locks, and lets those go on that are the first in
    /// line now; that may lead to more of both.
    pub(super) fn deliver(&mut self, now: Instant) {
        // Nearly always there are none of either.
        if !self.stand_ins.is_empty() || !self.next_in_line.is_empty() {
            self.deliver_all(now);
        }
    }

    #[cold]
    fn deliver_all(&mut self, now: Instant) {
        loop {
            while let Some((node, ticket, reply)) = self.stand_ins.pop_front() {
                match ticket {
                    Ticket::Lock { key, id, verb, .. } => {
                        self.observe_answer(node, key, verb, &reply, now);
                        self.step(key, now, |lock, context| lock.handle_reply(context, id, node, reply, now));
                    }
                    Ticket::Inspection(key) => self.inspected(key, node, reply, now),
                    Ticket::Clock { .. } | Ticket::Aside => {}
                }
            }
            let Some(key) = self.next_in_line.pop_front() else { break };
            self.come_on(key, now);
        }
    }

    /// Takes a step as [`update`](Self::update) does, but delivers nothing yet: for those who do so when all is done.
    pub(super) fn step<T>(
        &mut self,
        key: LockKey,
        now: Instant,
        step: impl FnOnce(&mut LockMachine, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let Self { entries, counts, config, output, queues, timers, observing, .. } = self;
        let entry = entries.get_mut(key.index).filter(|entry| entry.serial == key.serial)?;
        let result = entry.lock.step(config, output, step);
        entry.drive_renewal(config, output, now);
        let was_held = entry.counts_as.has_any_of(Kinds::HELD);
        counts.recount(&mut entry.counts_as, entry.lock.kinds());
        let has_ended = was_held && !entry.counts_as.has_any_of(Kinds::HELD);
        // Most replies decide nothing.
        let has_news = has_ended || !output.is_empty() || observing.is_some();
        if has_news || entry.moves_in_queues() || entry.is_over() {
            self.follow(key, has_ended, now);
        } else {
            entry.set_timer(key, queues, timers);
        }
        Some(result)
    }

    /// Does all that follows from a step.
    fn follow(&mut self, key: LockKey, has_ended: bool, now: Instant) {
        self.send_commands(key, now);
        self.take_events(key, has_ended, now);
        self.observe_step(key, now);
        self.move_in_queues(key, now);
        if self.entries.get(key.index).is_some_and(Entry::is_over) {
            self.entries.remove(key.index);
            self.timers.forget(key);
            self.observe_settled(key, now);
        } else {
            self.set_timer(key);
        }
    }

    /// Queues the commands of a lock for their nodes.
    fn send_commands(&mut self, key: LockKey, now: Instant) {
        let Self { entries, output, nodes, config, ready, calling, stand_ins, .. } = self;
        let Some(entry) = entries.get_mut(key.index) else { return };
        let is_acquiring = entry.lock.is_acquiring();
        let mut crowded = NodeSet::EMPTY;
        while let Some(command) = output.poll_command() {
            if let Action::Release { homes, .. } = command.action {
                entry.lock.expect_no_word(turns::unanswering(homes, nodes, now));
            }
            let command = turns::with_open_homes(command, config, nodes, now);
            let (id, verb) = (command.id, Verb::of(&command.action));
            let is_acquisition = is_acquiring && !matches!(command.action, Action::Release { .. });
            let ticket = Ticket::Lock { key, id, is_acquisition, verb };
            command.for_each_node(|node, command| {
                let Some(state) = nodes.get_mut(node.index()) else { return };
                if command.calls_up() {
                    calling.insert(node);
                }
                match state.push(ticket, command) {
                    Ok(()) => {
                        ready.insert(node);
                        if state.is_crowded() {
                            crowded.insert(node);
                        }
                    }
                    Err(why) => stand_ins.push_back((node, ticket, Reply::Unavailable(why))),
                }
            });
        }
        crowded.iter().for_each(|node| self.tidy(node, now));
    }

    /// Forgets the commands for a node that need not be sent any more, and answers in its place those whose time to be sent is
    /// over. The release of a lock that is settled has nothing to undo: what it was to undo was not sent.
    pub(super) fn tidy(&mut self, node: NodeId, now: Instant) {
        let Self { entries, nodes, stand_ins, .. } = self;
        let Some(state) = nodes.get_mut(node.index()) else { return };
        let is_there = |key: LockKey| entries.get(key.index).is_some_and(|entry| entry.serial == key.serial);
        let needs =
            |ticket: &Ticket| !matches!(ticket, Ticket::Lock { key, verb: Verb::Release, .. } if !is_there(*key));
        let not_sent = || Reply::Unavailable(Unavailable::new(Cause::NotSent));
        state.tidy(now, needs, |ticket| stand_ins.push_back((node, ticket, not_sent())));
    }

    /// Keeps what has become of a lock's operations, for whoever waits for it.
    fn take_events(&mut self, key: LockKey, mut has_ended: bool, now: Instant) {
        let Self { entries, output, queues, finished, tally, observing, spare_answers, .. } = self;
        let Some(entry) = entries.get_mut(key.index) else { return };
        while let Some(event) = output.poll_event() {
            let event = with_place(event, || queues.ahead_of(entry.lock.resources(), key));
            match &event {
                Event::AcquireFailed(error) => tally.failed(error),
                Event::Lost(_) => tally.lost(),
                _ => {}
            }
            let is_own = entry.renewal.as_mut().is_some_and(|renewal| renewal.take(&event, &entry.lock, now));
            if let Some(observing) = observing {
                let least_left = renewal::least_left(entry.lock.request()).filter(|_| is_own);
                observing.ended(key, &event, least_left, now);
            }
            // A loss can be seen in the lock.
            if !is_own && !matches!(event, Event::Lost(_)) {
                entry.answers.push(event, spare_answers);
                has_ended = true;
            }
        }
        if has_ended {
            finished.push_back(key);
        }
    }

    /// Makes sure that a lock is looked at when it has something to do.
    pub(super) fn set_timer(&mut self, key: LockKey) {
        let Self { entries, queues, timers, .. } = self;
        let Some(entry) = entries.get_mut(key.index) else { return };
        entry.set_timer(key, queues, timers);
    }
}

/// Says how many are still before a lock whose acquisition has failed.
fn with_place(mut event: Event, ahead: impl FnOnce() -> usize) -> Event {
    if let Event::AcquireFailed(error) = &mut event
        && let Some(attempts) = error.attempts_mut()
    {
        attempts.ahead = ahead();
    }
    event
}
