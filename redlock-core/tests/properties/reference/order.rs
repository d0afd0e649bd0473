use core::time::Duration;

use redlock_core::{Action, Command, Instant, NodeSet, ScriptForm, Token};

/// A command that must be sent, without the bytes of its token and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) word: Word,
    /// The number of the attempt whose token it carries.
    pub(crate) attempt: u32,
    pub(crate) nodes: NodeSet,
    pub(crate) form: ScriptForm,
    pub(crate) send_by: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Acquire(Duration),
    Extend(Duration),
    Release,
}

impl Order {
    /// Reads a command. `tokens` are those of the attempts so far; an unknown one is the next attempt's.
    pub(crate) fn of(command: &Command, tokens: &mut Vec<Token>) -> Self {
        let token = command.action.token().expect("it is of a lock");
        let known = tokens.iter().position(|known| known == token);
        let index = known.unwrap_or_else(|| {
            tokens.push(*token);
            tokens.len() - 1
        });
        let word = match &command.action {
            Action::Acquire { ttl, .. } => Word::Acquire(ttl.get()),
            Action::Extend { ttl, .. } => Word::Extend(ttl.get()),
            Action::Release { .. } => Word::Release,
            other => panic!("a command that is never sent: {other:?}"),
        };
        let attempt = u32::try_from(index + 1).unwrap();
        Self { word, attempt, nodes: command.nodes, form: command.form, send_by: command.send_by }
    }
}
