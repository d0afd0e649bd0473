use std::fmt;

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Two users hold the lock.
    TwoHolders,
    /// A handle was called up, and the one that waits does not ask.
    SleepsOn,
    /// A node keeps a free name for a handle that was called up, and that neither asks nor leaves.
    KeptForNobody,
    /// Nobody holds the lock, nothing has gone wrong, nothing is under way, and somebody waits.
    WaitsForNobody,
    /// Somebody waits and does not ask when its longest wait is over.
    NeverAsks,
    /// A user was told that its acquisition has failed.
    GaveUp,
    /// Nothing is left to do, but somebody waits.
    NeverServed,
    /// Nothing is left to do, but a lock is left.
    NeverEmpty,
    /// Nothing is left to do, but a node has a key, or a waiter in its queue.
    LeftSomethingBehind,
    /// There is always something left to do.
    NeverEnds,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoHolders => "two users hold the lock",
            Self::SleepsOn => "a waiter that is called up does not ask",
            Self::KeptForNobody => "a node keeps a free name for a handle that neither asks nor leaves",
            Self::WaitsForNobody => "nobody holds the lock and nothing is under way, but somebody waits",
            Self::NeverAsks => "somebody waits and does not ask when its longest wait is over",
            Self::GaveUp => "an acquisition has failed",
            Self::NeverServed => "nothing is left to do, but somebody waits",
            Self::NeverEmpty => "nothing is left to do, but a lock is left",
            Self::LeftSomethingBehind => "nothing is left to do, but a node has a key or a waiter",
            Self::NeverEnds => "there is always something left to do",
        })
    }
}
