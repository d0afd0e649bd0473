use smallvec::SmallVec;

use crate::command::{Action, Command, CommandId, Grace, ScriptForm};
use crate::extension::Extension;
use crate::rare_list::Items;
use crate::spare::Spare;
use crate::{Config, Event, Instant, NodeSet};

/// What a lock needs in order to take a step, and no lock has for itself.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) output: &'a mut Output,
}

/// The commands and events of a machine that wait to be polled by its driver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Output {
    next_id: CommandId,
    /// Rarely more than one: the end of one attempt and the beginning of the next.
    items: SmallVec<[Item; 1]>,
    /// For the extensions of any lock.
    pub(crate) spare: Spare<Items<Extension>>,
}

/// Both kinds share their memory: a step that goes well has either a command or an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Item {
    Command(Command),
    Event(Event),
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { next_id: CommandId::FIRST, items: SmallVec::new(), spare: Spare::new() }
    }

    /// Returns the id of the next command.
    pub(crate) const fn next_id(&self) -> CommandId {
        self.next_id
    }

    /// Goes on with the commands of another lock, the next one of which has this id.
    pub(crate) const fn go_on_from(&mut self, next_id: CommandId) {
        self.next_id = next_id;
    }

    /// Sends an action to the nodes, scripts by their digest.
    pub(crate) fn send(&mut self, nodes: NodeSet, action: Action, send_by: Instant) -> CommandId {
        self.push(nodes, action, send_by, ScriptForm::Digest, false)
    }

    /// Sends an action to the nodes, scripts by their text.
    pub(crate) fn send_source(&mut self, nodes: NodeSet, action: Action, send_by: Instant) -> CommandId {
        self.push(nodes, action, send_by, ScriptForm::Source, false)
    }

    /// Returns whether nothing waits to be polled.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Sends an action again that the nodes did not answer.
    pub(crate) fn send_again(&mut self, nodes: NodeSet, action: Action, send_by: Instant) -> CommandId {
        self.push(nodes, action, send_by, ScriptForm::Digest, true)
    }

    fn push(
        &mut self,
        nodes: NodeSet,
        action: Action,
        send_by: Instant,
        form: ScriptForm,
        is_repeated: bool,
    ) -> CommandId {
        let id = self.next_id;
        self.next_id = id.next();
        let grace = Grace::DEFAULT;
        self.items.push(Item::Command(Command { id, nodes, action, send_by, form, grace, is_repeated }));
        id
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.items.push(Item::Event(event));
    }

    pub(crate) fn poll_command(&mut self) -> Option<Command> {
        match self.take(|item| matches!(item, Item::Command(_)))? {
            Item::Command(command) => Some(command),
            Item::Event(_) => None,
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        match self.take(|item| matches!(item, Item::Event(_)))? {
            Item::Event(event) => Some(event),
            Item::Command(_) => None,
        }
    }

    /// Takes the first item of a kind.
    fn take(&mut self, is_wanted: impl Fn(&Item) -> bool) -> Option<Item> {
        let place = self.items.iter().position(is_wanted)?;
        Some(self.items.remove(place))
    }
}
