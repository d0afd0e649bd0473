use super::Laws;
use crate::action::Action;
use crate::world::World;

impl Laws {
    /// What an action will do in a world, for a person.
    pub(super) fn tell(&self, world: &World, action: Action) -> String {
        match action {
            Action::Begin { client } => format!("{} begins to acquire", client_name(client)),
            Action::HandOver { client } => format!("{} comes for its lock", client_name(client)),
            Action::Extend { client } => format!("{} extends", client_name(client)),
            Action::Release { client } => format!("{} releases", client_name(client)),
            Action::Wake { client } => format!("the timer of {} fires", client_name(client)),
            Action::Execute { client, node } => {
                let message = self.sites.get(world.sites[node]).links[client].commands.front();
                let verb = message.map_or("nothing", |&message| self.verb(message));
                format!("node {} carries out the {verb} of {}", node_name(node), client_name(client))
            }
            Action::Deliver { client, node } => {
                let reply = self.first_reply(world, client, node);
                let words = reply.map(|reply| format!("{}: {:?}", self.verb(reply.message), reply.answer));
                let words = words.unwrap_or_default();
                format!("{} takes node {}'s reply to its {words}", client_name(client), node_name(node))
            }
            Action::Cut { client, node } => {
                format!("the connection of {} to node {} breaks", client_name(client), node_name(node))
            }
            Action::Crash { node } => format!("node {} crashes", node_name(node)),
            Action::Restart { node } => format!("node {} is back with its data", node_name(node)),
            Action::Tick => format!("tick {}", world.tick.saturating_add(1)),
        }
    }

    fn verb(&self, message: u16) -> &'static str {
        match self.clients.message(message).action {
            redlock_core::Action::Acquire { .. } => "SET",
            redlock_core::Action::Raise { .. } => "RAISE",
            redlock_core::Action::Extend { .. } => "PEXPIRE",
            redlock_core::Action::Release { .. } => "DEL",
            _ => "command",
        }
    }
}

const fn client_name(client: usize) -> &'static str {
    ["A", "B"][client]
}

const fn node_name(node: usize) -> &'static str {
    ["a", "b", "c"][node]
}
