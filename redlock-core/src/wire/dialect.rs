use crate::{Action, Command, Resource, ScriptForm, Token};

/// What a server can do without a script.
///
/// Deleting a key that has a certain value is all that the release of a lock is, and newer servers have a command for it,
/// which takes them a quarter of the time of a script. Where a release calls up who waits, or takes a label with the lock, it
/// stays a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Nothing: every server knows scripts.
    #[default]
    Scripts,
    /// `DELIFEQ key value`, since Valkey 9.0.
    DelIfEq,
    /// `DELEX key IFEQ value`, since Redis 8.4.
    DelEx,
}

impl Dialect {
    /// Returns the key that a command deletes, and the value that it must have, where this dialect does that without a
    /// script.
    pub(super) fn deletes(self, command: &Command) -> Option<(&Resource, &Token)> {
        match &command.action {
            Action::Release { resources, token, keep: None, owner: None, .. }
                if self != Self::Scripts && command.form == ScriptForm::Digest && !command.calls_up() =>
            {
                resources.only().map(|resource| (resource, token))
            }
            _ => None,
        }
    }
}
