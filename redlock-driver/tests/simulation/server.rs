//! A Redis master.

use redlock_core::model;
use redlock_driver::transport::{Action, Command, Reply};
use redlock_driver::{Cause, Unavailable};
use redlock_simulator::{Clock, Time};

use crate::token::TokenId;

/// The core's model of a master, on a clock of its own.
pub(crate) struct Server {
    model: model::Node,
    clock: Clock,
}

/// What came of a command.
pub(crate) struct Executed {
    pub(crate) reply: Reply,
    /// It changed a key that had somebody else's token.
    pub(crate) has_touched_another: bool,
}

impl Server {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { model: model::Node::new(), clock }
    }

    /// Carries out a command, unless the server is in a state in which it refuses it.
    pub(crate) fn execute(&mut self, command: &Command, refusal: Option<Cause>, time: Time) -> Executed {
        if let Some(cause) = refusal.filter(|&cause| refuses(cause, &command.action)) {
            let reply = Reply::Unavailable(Unavailable::new(cause));
            return Executed { reply, has_touched_another: false };
        }
        let (resource, own) = (
            command.action.resources().expect("it is of a lock").as_slice()[0].as_bytes(),
            TokenId::of(command.action.token().expect("it is of a lock").as_bytes()),
        );
        let before = self.look_at(resource, time);
        let reply = self.model.execute(command, self.clock.at(time));
        let is_anothers = before.is_some_and(|(holder, _)| holder != own);
        Executed { reply, has_touched_another: is_anothers && self.look_at(resource, time) != before }
    }

    /// Who holds a resource here.
    pub(crate) fn holder(&mut self, resource: &[u8], time: Time) -> Option<TokenId> {
        self.look_at(resource, time).map(|(holder, _)| holder)
    }

    /// Whose keys are here.
    pub(crate) fn holders(&mut self, time: Time) -> Vec<TokenId> {
        let names: Vec<Vec<u8>> = self.model.keys(self.clock.at(time)).map(<[u8]>::to_vec).collect();
        names.iter().filter_map(|name| self.holder(name, time)).collect()
    }

    pub(crate) fn forget_scripts(&mut self) {
        self.model.forget_scripts();
    }

    /// A key's holder and time to live.
    fn look_at(&mut self, resource: &[u8], time: Time) -> Option<(TokenId, std::time::Duration)> {
        let now = self.clock.at(time);
        let ttl = self.model.ttl(resource, now)?;
        self.model.get(resource, now).map(|value| (TokenId::of(value), ttl))
    }
}

/// Under memory pressure only commands that need memory are refused; all other states refuse everything.
fn refuses(cause: Cause, action: &Action) -> bool {
    cause != Cause::OutOfMemory || matches!(action, Action::Acquire { .. })
}
