//! What must be true in every world.

use redlock_core::Resource;

use super::link::{Link, Way};
use super::scenario::{LONGEST_WAIT, NAME};
use super::state::{Stage, State, waiter};
use super::violation::Violation;

impl State {
    pub(super) fn check(&self) -> Result<(), Violation> {
        let holders = (0..self.users.len()).filter(|user| self.holds(*user)).count();
        if holders > 1 {
            return Err(Violation::TwoHolders);
        }
        if holders == 0 && self.ways().any(|way| self.is_kept_in_vain(way)) {
            return Err(Violation::KeptForNobody);
        }
        if holders == 0 && self.is_calm() { self.check_waiting() } else { Ok(()) }
    }

    /// Returns whether nothing is under way.
    pub(super) fn is_calm(&self) -> bool {
        (0..self.handles.len()).all(|handle| self.is_handle_calm(handle))
    }

    fn is_handle_calm(&self, handle: usize) -> bool {
        let mut links = (0..self.nodes.len()).map(|node| self.link(Way { handle, node }));
        links.all(Link::is_quiet)
    }

    /// Returns whether a node keeps a free name for a handle that was called up and does nothing.
    fn is_kept_in_vain(&self, way: Way) -> bool {
        if self.link(way).has_lost_call_up || !self.is_handle_calm(way.handle) {
            return false;
        }
        let mut node = self.nodes[way.node].clone();
        let called = node.called_up(&Resource::from(NAME), self.now).map(|(called, _)| called);
        called == Some(waiter(way.handle)) && node.get(NAME.as_bytes(), self.now).is_none()
    }

    /// Nobody holds the lock, and nothing is under way.
    ///
    /// Whoever has tried in vain although it was its turn, because other nodes were slower to learn of a release or had another
    /// one's key, stands in no queue and tries again. Nothing else may take any time.
    fn check_waiting(&self) -> Result<(), Violation> {
        if self.waiting().next().is_none() {
            return Ok(());
        }
        let asks_by = self.now.saturating_add(LONGEST_WAIT);
        let asks = |handle: usize| self.handles[handle].poll_timeout().is_some_and(|at| at <= asks_by);
        let is_soon = self.nodes.len() > 1 && (0..self.nodes.len()).all(|node| !self.has_queue(node));
        if !self.is_disturbed && !is_soon {
            Err(Violation::WaitsForNobody)
        } else if self.waiting().all(asks) {
            Ok(())
        } else {
            Err(Violation::NeverAsks)
        }
    }

    /// Returns the handles of those who wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = usize> {
        let users = self.users.iter().zip(self.scenario.users);
        users.filter(|(user, _)| matches!(user.stage, Stage::Acquiring(_))).map(|(_, handle)| *handle)
    }

    /// Returns whether somebody stands in the queue of a node.
    pub(super) fn has_queue(&self, node: usize) -> bool {
        self.nodes[node].clone().waiting(&Resource::from(NAME), self.now) > 0
    }
}
