use smallvec::SmallVec;

use crate::command::{Action, Command, CommandId, Grace, ScriptForm};
use crate::{Event, Instant, NodeSet};

/// The commands and events of a machine that wait to be polled by its driver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Output {
    next_id: CommandId,
    /// Rarely more than one: the end of one attempt and the beginning of the next.
    commands: SmallVec<[Command; 1]>,
    events: SmallVec<[Event; 1]>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { next_id: CommandId::FIRST, commands: SmallVec::new(), events: SmallVec::new() }
    }

    /// Sends an action to the nodes, scripts by their digest.
    pub(crate) fn send(&mut self, nodes: NodeSet, action: Action, send_by: Instant) -> CommandId {
        self.push(nodes, action, send_by, ScriptForm::Digest)
    }

    /// Sends an action to the nodes, scripts by their text.
    pub(crate) fn send_source(&mut self, nodes: NodeSet, action: Action, send_by: Instant) -> CommandId {
        self.push(nodes, action, send_by, ScriptForm::Source)
    }

    fn push(&mut self, nodes: NodeSet, action: Action, send_by: Instant, form: ScriptForm) -> CommandId {
        let id = self.next_id;
        self.next_id = id.next();
        self.commands.push(Command { id, nodes, action, send_by, form, grace: Grace::DEFAULT });
        id
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) fn poll_command(&mut self) -> Option<Command> {
        (!self.commands.is_empty()).then(|| self.commands.remove(0))
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        (!self.events.is_empty()).then(|| self.events.remove(0))
    }
}
