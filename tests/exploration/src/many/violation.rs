use std::fmt;

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A node has a key that nobody will delete.
    KeyOfLockThatIsOver,
    /// A lock counts nodes that do not have its token.
    NoQuorumBehindHolder,
    /// A reply did not reach the lock that it is meant for, or only that one.
    ReplyWentAstray,
    /// A command changed the key of another token.
    TouchedForeignKey,
    /// A batch is not what waited, in order and in time.
    BatchUnlikeQueue,
    /// A command was sent to a node twice, or after a later one.
    SentAgain,
    /// Something else than a release was sent for a lock behind its release.
    SentAfterRelease,
    /// A lock is valid beyond its longest hold.
    HeldForTooLong,
    /// A command was sent where no connection is.
    SentWithoutConnection,
    /// A second connection to a node was wanted.
    ConnectedTwice,
    /// A command waits that could be sent or refused.
    LeftInQueue,
    /// There are more or fewer tickets than commands under way.
    WrongTickets,
    /// A lock wants to be woken earlier.
    TimerTooLate,
    /// The number of releases under way is wrong.
    WrongQuiet,
    /// A user was not told that its operation has ended.
    NeverTold,
    /// Nothing is left to do, but a lock is left.
    NeverEmpty,
    /// Nothing is left to do, but a connection is missing.
    NeverConnected,
    /// There is always something left to do.
    NeverEnds,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyOfLockThatIsOver => "a node has a key of a lock that is over, and nobody will delete it",
            Self::NoQuorumBehindHolder => "a lock is held, but no quorum of nodes has its token",
            Self::ReplyWentAstray => "a reply did not reach the lock that it is meant for, or not only that one",
            Self::TouchedForeignKey => "a command changed the key of another token",
            Self::BatchUnlikeQueue => "a batch is not what waited to be sent, in order and in time",
            Self::SentAgain => "a command was sent twice, or after a later one",
            Self::SentAfterRelease => "a command was sent behind the release of its lock",
            Self::HeldForTooLong => "a lock is valid beyond its longest hold",
            Self::SentWithoutConnection => "a command was sent where no connection is",
            Self::ConnectedTwice => "a second connection to a node was wanted",
            Self::LeftInQueue => "a command waits that could be sent or refused",
            Self::WrongTickets => "there are more or fewer tickets than commands under way",
            Self::TimerTooLate => "a lock wants to be woken earlier than all of them",
            Self::WrongQuiet => "the number of releases under way is wrong",
            Self::NeverTold => "a user was not told that its operation has ended",
            Self::NeverEmpty => "nothing is left to do, but a lock is left",
            Self::NeverConnected => "nothing is left to do, but a connection is missing",
            Self::NeverEnds => "there is always something left to do",
        })
    }
}
