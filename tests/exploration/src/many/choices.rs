//! What can happen in a world.

use redlock_core::Instant;

use super::action::Action;
use super::scenario::SILENCE;
use super::site::Link;
use super::state::State;
use super::user::Stage;

impl State {
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = self.messages();
        for user in 0..self.users.len() {
            self.user_actions(user, &mut actions);
        }
        for node in 0..self.sites.len() {
            self.trouble(node, &mut actions);
        }
        // Nobody waits until a connection has been silent for too long.
        let is_soon = |at: Instant| at < Instant::EPOCH.saturating_add(SILENCE);
        if self.left.jumps > 0 && self.locks.poll_timeout().is_some_and(is_soon) {
            actions.push(Action::Jump);
        }
        actions
    }

    /// Returns what happens by itself, sooner or later.
    pub(super) fn messages(&self) -> Vec<Action> {
        let mut actions = Vec::with_capacity(16);
        for (node, site) in self.sites.iter().enumerate() {
            let choices = [
                (site.link == Link::Broken, Action::Notice(node)),
                (site.link == Link::Opening, Action::Open(node)),
                (!site.late.is_empty(), Action::ExecuteLate(node)),
                (!site.commands.is_empty(), Action::Execute(node)),
                (!site.replies.is_empty(), Action::Deliver(node)),
            ];
            actions.extend(choices.into_iter().filter_map(|(may, action)| may.then_some(action)));
        }
        actions
    }

    fn user_actions(&self, user: usize, actions: &mut Vec<Action>) {
        let state = &self.users[user];
        let is_next = user.checked_sub(1).is_none_or(|earlier| self.users[earlier].stage != Stage::Idle);
        let is_under_way = !matches!(state.stage, Stage::Idle | Stage::Over);
        let has_lock = matches!(state.stage, Stage::Holding | Stage::Extending(_));
        let choices = [
            (state.stage == Stage::Idle && is_next, Action::Begin(user)),
            (state.stage == Stage::Acquiring && state.is_woken, Action::HandOver(user)),
            (state.stage == Stage::Holding && self.left.extensions > 0, Action::Extend(user)),
            (has_lock, Action::Release(user)),
            (is_under_way, Action::Abandon(user)),
        ];
        actions.extend(choices.into_iter().filter_map(|(may, action)| may.then_some(action)));
    }

    fn trouble(&self, node: usize, actions: &mut Vec<Action>) {
        let site = &self.sites[node];
        let may_break = site.link == Link::Open && self.left.breaks > 0;
        let is_late = self.scenario.late_commands && !site.commands.is_empty();
        let choices = [
            (may_break, Action::Break { node, is_late: false }),
            (may_break && is_late, Action::Break { node, is_late: true }),
            (site.link == Link::Opening && self.left.failures > 0, Action::Fail(node)),
        ];
        actions.extend(choices.into_iter().filter_map(|(may, action)| may.then_some(action)));
    }
}
