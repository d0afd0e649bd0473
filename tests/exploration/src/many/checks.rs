//! What must be true in every world, and of every delivery.

use redlock_core::{Action, Cause, Instant, Lock, LockKey, LockMachine, Locks, NodeId, Unavailable};

use super::scenario::{MAX_HOLD, TTL};
use super::site::{Letter, Origin, Parcel, Site};
use super::state::State;
use super::user::Stage;
use super::violation::Violation;
use crate::scenario::node_id;

impl State {
    pub(super) fn check(&self) -> Result<(), Violation> {
        let sites = || 0..self.sites.len();
        let users = || 0..self.users.len();
        let rules = [
            (users().all(|user| self.leaves_no_key(user)), Violation::KeyOfLockThatIsOver),
            (users().all(|user| self.has_quorum_if_held(user)), Violation::NoQuorumBehindHolder),
            (users().all(|user| self.ends_in_time(user)), Violation::HeldForTooLong),
            (sites().all(|node| self.waits_for_reason(node)), Violation::LeftInQueue),
            (sites().all(|node| self.has_right_tickets(node)), Violation::WrongTickets),
            (self.wakes_in_time(), Violation::TimerTooLate),
            (self.machines().all(LockMachine::is_quiet) == self.locks.is_quiet(), Violation::WrongQuiet),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, violation)| Err(violation))
    }

    fn machines(&self) -> impl Iterator<Item = &LockMachine> {
        self.locks.keys().filter_map(|key| self.locks.lock(key))
    }

    fn has_key(&self, site: &Site, user: usize) -> bool {
        let name = self.scenario.request(self.locks.config(), user).resources().clone();
        let token = self.users[user].token;
        let mut node = site.node.clone();
        token.is_some_and(|token| node.get(name.as_slice()[0].as_bytes(), self.now) == Some(token.as_bytes()))
    }

    /// Returns whether no node has a key of a lock that is over, unless its release is on the way.
    ///
    /// Two kinds of keys are left to their own TTL: those that were set or lengthened after the release had begun, when
    /// the machine has waited for a TTL from then on, and those that a broken connection has set.
    fn leaves_no_key(&self, user: usize) -> bool {
        let state = &self.users[user];
        let is_over = state.stage == Stage::Over && self.locks.lock(self.key(user)).is_none();
        let releases = |parcel: &Parcel| parcel.user == user && matches!(parcel.command.action, Action::Release { .. });
        let is_told = |site: &Site| site.commands.iter().chain(&site.late).any(releases);
        let had_its_time = state.released_at.is_some_and(|at| at.saturating_add(TTL) <= self.now);
        let is_left_to_ttl = |site: &Site| match site.origins[user] {
            Origin::InTime => false,
            Origin::AfterRelease => had_its_time,
            Origin::BrokenConnection => true,
        };
        !is_over || self.sites.iter().all(|site| !self.has_key(site, user) || is_told(site) || is_left_to_ttl(site))
    }

    fn has_quorum_if_held(&self, user: usize) -> bool {
        let lock = self.users[user].key.and_then(|key| self.locks.lock(key));
        let is_alive = |lock: &LockMachine| lock.loss().is_none() && lock.deadline().is_some_and(|end| self.now < end);
        let keys = || self.sites.iter().filter(|site| self.has_key(site, user)).count();
        !lock.is_some_and(is_alive) || keys() > self.sites.len() / 2
    }

    fn ends_in_time(&self, user: usize) -> bool {
        let state = &self.users[user];
        let deadline = state.key.and_then(|key| self.locks.lock(key)?.deadline());
        let longest = state.held_since.map(|at| at.saturating_add(MAX_HOLD));
        deadline.zip(longest).is_none_or(|(deadline, longest)| deadline <= longest)
    }

    /// Commands wait for a connection that is not there yet, and only as long as none has failed; but for releases of which
    /// the node was told in vain.
    fn waits_for_reason(&self, node: usize) -> bool {
        let node = node_id(node);
        let waits = self.locks.queued(node).any(|(_, command)| !command.is_repeated);
        let is_refused = self.locks.refusal(node).is_some() && waits;
        !(self.locks.has_batch(node) || is_refused)
    }

    /// Tickets cannot be seen; but to answer one that is not there changes nothing, and one that is, something.
    fn has_right_tickets(&self, node: usize) -> bool {
        let after = |count: usize| {
            let mut locks = Locks::clone(&self.locks);
            locks.handle_unanswered(node_id(node), count, &Unavailable::new(Cause::Disconnected), self.now);
            locks
        };
        match self.sites[node].under_way() {
            0 => *self.locks == after(usize::MAX),
            count => after(count) == after(usize::MAX) && after(count.saturating_sub(1)) != after(count),
        }
    }

    fn wakes_in_time(&self) -> bool {
        let earliest = self.machines().filter_map(LockMachine::poll_timeout).min();
        earliest.is_none_or(|at| self.locks.poll_timeout().is_some_and(|next| next <= at))
    }
}

/// Checks that a reply reached the lock that it is meant for, and no other.
pub(super) fn check_delivery(
    before: &Locks,
    after: &Locks,
    key: LockKey,
    node: NodeId,
    letter: &Letter,
    now: Instant,
) -> Result<(), Violation> {
    let others_are_same = before.keys().filter(|other| *other != key).all(|key| before.lock(key) == after.lock(key));
    let is_right = before.lock(key).is_none_or(|lock| has_taken(before, lock, after.lock(key), node, letter, now));
    if others_are_same && is_right { Ok(()) } else { Err(Violation::ReplyWentAstray) }
}

/// Returns whether `after` is what a reply makes of `lock`. It is not known where that leads to commands that are refused
/// at once, as these are answered before anybody can look.
fn has_taken(
    before: &Locks,
    lock: &LockMachine,
    after: Option<&LockMachine>,
    node: NodeId,
    letter: &Letter,
    now: Instant,
) -> bool {
    let mut lock = Lock::copy_of(before.config(), lock);
    lock.handle_reply(letter.id, node, letter.reply.clone(), now);
    let mut commands = std::iter::from_fn(|| lock.poll_command());
    let is_refused = commands.any(|command| command.nodes.iter().any(|node| before.refusal(node).is_some()));
    commands.for_each(drop);
    while lock.poll_event().is_some() {}
    lock.take_others_want();
    is_refused || after.map_or_else(|| lock.is_settled(), |after| *after == *lock)
}
