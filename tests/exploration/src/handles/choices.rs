//! What can happen in a world.

use super::action::Action;
use super::link::Way;
use super::state::{Stage, State};

impl State {
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = self.messages();
        for user in 0..self.users.len() {
            self.user_actions(user, &mut actions);
        }
        for way in self.ways() {
            self.trouble(way, &mut actions);
        }
        if self.left.jumps > 0 && self.next_timer().is_some() {
            actions.push(Action::Jump);
        }
        actions
    }

    /// Returns what happens by itself, sooner or later.
    pub(super) fn messages(&self) -> Vec<Action> {
        let mut actions = Vec::with_capacity(16);
        for way in self.ways() {
            let link = self.link(way);
            let choices = [
                (!link.replies.is_empty(), Action::Deliver(way)),
                (!link.heard.is_empty(), Action::Hear(way)),
                (!link.commands.is_empty(), Action::Execute(way)),
                (link.is_subscribing, Action::Subscribe(way)),
            ];
            actions.extend(choices.into_iter().filter_map(|(may, action)| may.then_some(action)));
        }
        actions
    }

    pub(super) fn ways(&self) -> impl Iterator<Item = Way> + use<> {
        let (handles, nodes) = (self.handles.len(), self.nodes.len());
        (0..handles).flat_map(move |handle| (0..nodes).map(move |node| Way { handle, node }))
    }

    fn user_actions(&self, user: usize, actions: &mut Vec<Action>) {
        // Users differ in nothing but their handles: they begin in their order, for the first time.
        let is_next = user.checked_sub(1).is_none_or(|earlier| self.users[earlier].has_begun());
        match self.users[user].stage {
            Stage::Idle if is_next => actions.push(Action::Begin(user)),
            Stage::Holding(_) => actions.push(Action::Release(user)),
            Stage::Acquiring(_) if self.left.give_ups > 0 => actions.push(Action::GiveUp(user)),
            Stage::Idle | Stage::Acquiring(_) | Stage::Over => {}
        }
    }

    fn trouble(&self, way: Way, actions: &mut Vec<Action>) {
        let link = self.link(way);
        let may_break = self.left.breaks > 0;
        let choices = [
            (self.left.lost_call_ups > 0 && link.hears_call_up(), Action::LoseCallUp(way)),
            (may_break, Action::Break { way, is_late: false }),
            (may_break && !link.commands.is_empty(), Action::Break { way, is_late: true }),
        ];
        actions.extend(choices.into_iter().filter_map(|(may, action)| may.then_some(action)));
    }
}
