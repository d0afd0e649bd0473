use super::{LockMachine, Phase};

/// What a lock counts as among all locks of a handle: a set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Kinds(u8);

impl Kinds {
    /// It was won and is neither lost nor being released.
    pub(crate) const HELD: Self = Self(1);
    /// Somebody waits for it.
    pub(crate) const WAITING: Self = Self(1 << 1);
    /// It is not [quiet](LockMachine::is_quiet).
    pub(crate) const RELEASING: Self = Self(1 << 2);
    /// It is neither held nor lost, and not [settled](LockMachine::is_settled).
    pub(crate) const UNSETTLED: Self = Self(1 << 3);

    const NONE: Self = Self(0);

    /// Returns whether one of the other kinds is in the set.
    pub(crate) const fn has_any_of(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    const fn only_if(self, applies: bool) -> Self {
        if applies { self } else { Self::NONE }
    }
}

impl LockMachine {
    /// Returns what the lock counts as. All at once, because it is asked for after every step.
    pub(crate) fn kinds(&self) -> Kinds {
        let phase = match &self.phase {
            Phase::InLine | Phase::Acquiring(_) | Phase::Waiting { .. } => Kinds::WAITING.and(Kinds::UNSETTLED),
            Phase::Won { .. } => Kinds::HELD.and(Kinds::WAITING),
            Phase::Held(_) => Kinds::HELD,
            Phase::Lost(lost) => Kinds::RELEASING.only_if(!lost.release.is_quiet()),
            Phase::Releasing(release) => {
                let is_reported = release.is_reported();
                let is_releasing = Kinds::RELEASING.only_if(!(is_reported && release.is_quiet()));
                is_releasing.and(Kinds::UNSETTLED.only_if(!(is_reported && release.is_settled())))
            }
            Phase::Finished => Kinds::NONE,
        };
        if self.earlier.is_empty() { phase } else { phase.and(self.kinds_of_earlier()) }
    }

    /// Returns what releases of earlier attempts make of the lock.
    fn kinds_of_earlier(&self) -> Kinds {
        let is_releasing = self.earlier.iter().any(|release| !release.is_quiet());
        let is_held_or_lost = matches!(self.phase, Phase::Won { .. } | Phase::Held(_) | Phase::Lost(_));
        Kinds::RELEASING.only_if(is_releasing).and(Kinds::UNSETTLED.only_if(!is_held_or_lost))
    }
}
