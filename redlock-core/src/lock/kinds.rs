use super::{LockMachine, Phase};

/// What a lock counts as among all locks of a handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each has a count of its own")]
pub(crate) struct Kinds {
    /// It was won and is neither lost nor being released.
    pub(crate) is_held: bool,
    /// Somebody waits for it.
    pub(crate) is_waiting: bool,
    /// It is not [quiet](LockMachine::is_quiet).
    pub(crate) is_releasing: bool,
    /// It is neither held nor lost, and not [settled](LockMachine::is_settled).
    pub(crate) is_unsettled: bool,
}

impl LockMachine {
    /// Returns what the lock counts as. All at once, because it is asked for after every step.
    pub(crate) fn kinds(&self) -> Kinds {
        let kinds = Kinds { is_unsettled: !self.earlier.is_empty(), ..Kinds::default() };
        let kinds = match &self.phase {
            Phase::InLine | Phase::Acquiring(_) | Phase::Waiting { .. } => {
                Kinds { is_waiting: true, is_unsettled: true, ..kinds }
            }
            Phase::Won { .. } => Kinds { is_held: true, is_waiting: true, is_unsettled: false, ..kinds },
            Phase::Held(_) => Kinds { is_held: true, is_unsettled: false, ..kinds },
            Phase::Lost(lost) => Kinds { is_releasing: !lost.release.is_quiet(), is_unsettled: false, ..kinds },
            Phase::Releasing(release) => Kinds {
                is_releasing: !(release.is_reported() && release.is_quiet()),
                is_unsettled: kinds.is_unsettled || !(release.is_reported() && release.is_settled()),
                ..kinds
            },
            Phase::Finished => kinds,
        };
        Kinds { is_releasing: kinds.is_releasing || self.earlier.iter().any(|release| !release.is_quiet()), ..kinds }
    }
}
