//! What becomes of a world when nothing goes wrong any more.

use super::action::Action;
use super::scenario::NAME;
use super::state::{Stage, State};
use super::violation::Violation;

/// More steps than any small world takes to its end.
const MAX_STEPS: usize = 2_000;

impl State {
    /// Goes on until nothing is left to do, and checks that nothing is left then. The actions go to `way`.
    pub(super) fn finish(mut self, way: &mut Vec<Action>) -> Result<(), Violation> {
        for _ in 0..MAX_STEPS {
            let Some(action) = self.next_calm_action() else { return self.check_end() };
            way.push(action);
            self.apply(action)?;
            self.check()?;
        }
        Err(Violation::NeverEnds)
    }

    fn next_calm_action(&self) -> Option<Action> {
        let message = self.messages().into_iter().next();
        let is_holding = |user: &usize| matches!(self.users[*user].stage, Stage::Holding(_));
        let release = || (0..self.users.len()).find(is_holding).map(Action::Release);
        message.or_else(release).or_else(|| self.next_timer().map(|_| Action::Jump))
    }

    fn check_end(&self) -> Result<(), Violation> {
        let is_done = |stage| matches!(stage, Stage::Idle | Stage::Over);
        if !self.users.iter().all(|user| is_done(user.stage)) {
            Err(Violation::NeverServed)
        } else if !self.handles.iter().all(|locks| locks.is_empty()) {
            Err(Violation::NeverEmpty)
        } else if (0..self.nodes.len()).any(|node| self.keeps_something(node)) {
            Err(Violation::LeftSomethingBehind)
        } else {
            Ok(())
        }
    }

    /// Returns whether a node has a key, or a waiter in its queue. One that was lost there is passed over when its turn comes.
    fn keeps_something(&self, node: usize) -> bool {
        let has_key = self.nodes[node].clone().get(NAME.as_bytes(), self.now).is_some();
        has_key || (self.has_queue(node) && !self.is_disturbed)
    }
}
