//! A way through the worlds, for a person.

use redlock_core::{Action as Verb, Command, Heard, Instant, Reply};

use super::action::Action;
use super::link::Way;
use super::state::State;

impl State {
    /// Tells what happens on a way that begins here.
    pub(super) fn narrate(mut self, path: &[Action]) -> Vec<String> {
        let tell = |action: &Action| {
            let told = self.tell(*action);
            // The last one may break a rule.
            let _ = self.apply(*action);
            told
        };
        path.iter().map(tell).collect()
    }

    /// Tells what is about to happen.
    fn tell(&self, action: Action) -> String {
        match action {
            Action::Begin(user) => format!("user {user} begins to acquire, of handle {}", self.scenario.users[user]),
            Action::Release(user) => format!("user {user} releases"),
            Action::GiveUp(user) => format!("user {user} gives up"),
            Action::Execute(way) => self.tell_execution(way),
            Action::Deliver(Way { handle, node }) => {
                let reply = self.link(Way { handle, node }).replies.front().map(short);
                format!("handle {handle} takes the reply of node {node}: {}", reply.unwrap_or_default())
            }
            Action::Subscribe(Way { handle, node }) => format!("node {node} takes the subscription of handle {handle}"),
            Action::Hear(Way { handle, node }) => match self.link(Way { handle, node }).heard.front() {
                Some(Heard::CalledUp(_)) => format!("handle {handle} hears that node {node} calls it up"),
                _ => format!("handle {handle} hears that its subscription at node {node} stands"),
            },
            Action::LoseCallUp(Way { handle, node }) => format!("a call-up of handle {handle} by node {node} is lost"),
            Action::Break { way: Way { handle, node }, is_late } => {
                let fate = if is_late { "after all was carried out" } else { "with all that was under way" };
                format!("the connection of handle {handle} to node {node} breaks, {fate}")
            }
            Action::Jump => {
                let passed = self.next_timer().unwrap_or(Instant::EPOCH).saturating_since(self.now);
                format!("{passed:?} pass")
            }
        }
    }

    fn tell_execution(&self, way: Way) -> String {
        let Way { handle, node } = way;
        let Some(command) = self.link(way).commands.front() else { return String::new() };
        let mut after = self.clone();
        let _ = after.apply(Action::Execute(way));
        let reply = after.link(way).replies.back().map(short).unwrap_or_default();
        format!("node {node} carries out the {} of handle {handle}: {reply}", verb(command))
    }
}

fn verb(command: &Command) -> &'static str {
    match command.action {
        Verb::Acquire { .. } => "SET",
        Verb::AcquireInTurn { .. } => "SET in turn",
        Verb::Release { .. } => "release",
        Verb::Leave { .. } => "farewell to the queue",
        _ => "command",
    }
}

fn short(reply: &Reply) -> String {
    match reply {
        Reply::HeldByOther(hold) => match (hold.place, hold.remaining) {
            (Some(place), remaining) => {
                format!("somebody else's turn or lock, for {remaining:?}; its place is {place}")
            }
            (None, _) => "somebody else has it".into(),
        },
        reply => format!("{reply:?}"),
    }
}
