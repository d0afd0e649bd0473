//! What becomes of a world when nothing goes wrong any more.

use super::action::Action;
use super::site::Link;
use super::state::State;
use super::user::Stage;
use super::violation::Violation;

/// More steps than any small world takes to its end.
const MAX_STEPS: usize = 1_000;

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
        let call = || (0..self.users.len()).find_map(|user| self.next_call(user));
        message.or_else(call).or_else(|| self.locks.poll_timeout().map(|_| Action::Jump))
    }

    fn next_call(&self, user: usize) -> Option<Action> {
        match self.users[user].stage {
            Stage::Acquiring if self.users[user].is_woken => Some(Action::HandOver(user)),
            Stage::Holding => Some(Action::Release(user)),
            _ => None,
        }
    }

    fn check_end(&self) -> Result<(), Violation> {
        let is_done = |stage| matches!(stage, Stage::Idle | Stage::Over);
        if !self.users.iter().all(|user| is_done(user.stage)) {
            Err(Violation::NeverTold)
        } else if !self.locks.is_empty() {
            Err(Violation::NeverEmpty)
        } else if self.sites.iter().any(|site| site.link != Link::Open) {
            Err(Violation::NeverConnected)
        } else {
            self.check()
        }
    }
}
