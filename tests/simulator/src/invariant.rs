use core::fmt;

/// What must hold after every step, and what is checked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// I1: at most one client holds a resource at any moment of the world.
    MutualExclusion,
    /// I2: while a lock is held, a quorum of nodes keeps its token, at least until its deadline.
    QuorumKeepsToken,
    /// I3: a lock becomes held by grants of a quorum of distinct nodes to one attempt, before its deadline.
    GrantedByQuorum,
    /// I4: a deadline is the moment before the first byte was sent, plus the TTL, less the drift.
    Deadline,
    /// I5: a deadline never moves back while the lock is held, and an extension that fails changes nothing.
    FailedExtensionChangesNothing,
    /// I6: a lock that is lost or released stays so.
    EndIsFinal,
    /// I7: an extension counts only by a quorum's word before the old deadline.
    ContinuousExtension,
    /// I8: nobody deletes, extends or replaces a key with somebody else's token.
    OthersKeysUntouched,
    /// I9: after a release nothing but releases is sent for the same token.
    NothingAfterRelease,
    /// I10: every attempt has a token of its own.
    FreshToken,
    /// I11: what was or may have been acquired is released on every node, and nothing is left behind.
    NothingLeftBehind,
    /// I12: a reply counts once, and everything comes to rest.
    RepliesCountOnce,
    /// A node grants, extends and releases all names of a lock, or none of them.
    AllOrNone,
    /// A connection that is silent for too long is given up, then and not before; one that is not used is tried out; a
    /// node that is not connected is connected to again. All of it within the times that the configuration promises.
    SilenceIsNoticed,
    /// Q4: of those in one process that want the same resource only the first asks the nodes, and they are served in the
    /// order in which they came.
    InOrder,
    /// Whoever waits in the queue of a home asks that home first, and the others when it has granted or has called up.
    HomeFirst,
    /// Whoever is called up asks at once, or leaves the queue if nobody of the same client can come.
    CallUpIsTaken,
    /// Whoever has its turn and is refused all the same, because another of its names is held, is in nobody's way, unless
    /// that is a later one: then it keeps its turn for a time.
    TurnIsPassedOn,
    /// Q2: after everything has healed, every waiter whose budget suffices acquires, without waiting for chance.
    EveryoneIsServed,
    /// Q3: a waiter that crashed or stands still costs the others at most one grace and one poll.
    DeadWaiterCostsOneGrace,
    /// Q5: nobody is overtaken more often than there are handles, apart from what newcomers bring about.
    Overtaking,
    /// G1: the grant of a node that was started again without its keys does not count before the longest TTL is over, for
    /// those who have seen it; with the strict guard, for nobody.
    NoVoteWithoutMemory,
    /// G2: a node has no vote from when it said that it was started again until the longest TTL and the drift are over,
    /// counted from its start: not for less, not for more, and only if it was started again.
    ExactQuarantine,
    /// F1: no two acquisitions of a resource have the same fence.
    FreshFence,
    /// F2: an acquisition that begins after another was granted has a larger fence.
    FencesIncrease,
    /// When a fence is granted, a quorum of nodes keeps it; so does a node that is given the keys of a lock again.
    NodesKeepFence,
    /// A lock that was handed over has the same fence until its end.
    FenceStays,
    /// F3: a store that checks fences lets nobody in after one who was granted the lock later, and refuses nobody else.
    NoStaleWrite,
    /// H28: a lock that is held has a timer that fires at its deadline, whatever the network does.
    LossIsSignalled,
    /// No validity goes beyond the longest hold.
    LongestHold,
    /// Before the end of its shortest hold nobody else gets what was locked, and nodes keep its keys until then and no longer.
    MinimumHold,
    /// A lock that is kept alive is extended for the first time with time for two tries before its deadline, and with all faults
    /// over it is not lost.
    KeptAlive,
    /// What was not adopted is left as it is; what was has the fences that it had.
    AdoptionChangesNothing,
    /// The label that a node says is that of the holder, and is gone with its lock.
    LabelOfHolder,
    /// H24: what cannot be a lock is refused before anything is sent.
    Bounds,
    /// Once everything has healed, somebody acquires within a bounded time.
    Progress,
    /// With all faults over, or a minority of the nodes away, a free lock is acquired within one round trip.
    OneRoundTrip,
    /// No key outlives its TTL.
    KeysExpire,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MutualExclusion => "I1 mutual exclusion",
            Self::QuorumKeepsToken => "I2 a quorum keeps the token until the deadline",
            Self::GrantedByQuorum => "I3 granted by a quorum to one attempt, in time",
            Self::Deadline => "I4 the deadline counts from the first byte, less the drift",
            Self::FailedExtensionChangesNothing => "I5 a failed extension changes nothing",
            Self::EndIsFinal => "I6 the end is final",
            Self::ContinuousExtension => "I7 extended by a quorum before the old deadline",
            Self::OthersKeysUntouched => "I8 nobody touches another's key",
            Self::NothingAfterRelease => "I9 nothing but releases after a release",
            Self::FreshToken => "I10 a fresh token for every attempt",
            Self::NothingLeftBehind => "I11 nothing is left behind",
            Self::RepliesCountOnce => "I12 a reply counts once, and all comes to rest",
            Self::AllOrNone => "a node grants, extends and releases all names or none",
            Self::SilenceIsNoticed => "silence is noticed in time, and the node connected to again",
            Self::InOrder => "Q4 first in, first out in one process",
            Self::HomeFirst => "a waiter asks the home first",
            Self::CallUpIsTaken => "a waiter that is called up asks at once or leaves",
            Self::TurnIsPassedOn => "a waiter that cannot come passes its turn on",
            Self::EveryoneIsServed => "Q2 every waiter acquires",
            Self::DeadWaiterCostsOneGrace => "Q3 a dead waiter costs one grace",
            Self::Overtaking => "Q5 nobody is overtaken again and again",
            Self::NoVoteWithoutMemory => "G1 a node that has forgotten its keys has no vote",
            Self::ExactQuarantine => "G2 a node has a vote again when the quarantine is over, counted from its start",
            Self::FreshFence => "F1 no fence is granted twice",
            Self::FencesIncrease => "F2 a later acquisition has a larger fence",
            Self::NodesKeepFence => "a quorum keeps the fence, and who is healed",
            Self::FenceStays => "an extension keeps the fence",
            Self::NoStaleWrite => "F3 a store applies no stale write",
            Self::LossIsSignalled => "H28 the loss is signalled by the deadline",
            Self::LongestHold => "no validity beyond the longest hold",
            Self::MinimumHold => "nobody else before the end of the shortest hold",
            Self::KeptAlive => "liveness: a lock that is kept alive is not lost",
            Self::AdoptionChangesNothing => "an adoption changes nothing but the holder",
            Self::LabelOfHolder => "a label is that of the holder and ends with its lock",
            Self::Bounds => "H24 bad input is refused",
            Self::Progress => "liveness: somebody acquires",
            Self::OneRoundTrip => "liveness: a free lock takes one round trip",
            Self::KeysExpire => "liveness: no key outlives its TTL",
        })
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// What was seen instead.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(invariant: Invariant, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}
