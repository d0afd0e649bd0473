use core::fmt;

use crate::clock::Time;

/// One disturbance that a scenario has planned.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) begins_at: Time,
    pub(crate) lasts: Time,
    /// The node that it hits, if it hits one.
    pub(crate) node: usize,
    /// The client that it hits, if it hits one.
    pub(crate) client: usize,
}

/// Defines [`FaultKind`] by the kinds, each with its name in a table.
macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $kind:ident: $name:literal,)*) => {
        /// The kinds of disturbance.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FaultKind {
            $($(#[$doc])* $kind,)*
        }

        impl FaultKind {
            /// All kinds, in the order of their declaration.
            pub const ALL: [Self; [$(Self::$kind),*].len()] = [$(Self::$kind),*];

            /// Returns its name in a table.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

fault_kinds! {
    /// A segment is lost: what is sent on the connection waits until it was sent again.
    Loss: "loss",
    /// The connection between a client and a node breaks; what is under way is lost, or carried out without an answer.
    Cut: "cut",
    /// The connection between a client and a node stays, but what is sent on it never arrives, or no reply does. Nobody
    /// is told so, and for a time no other connection can be opened.
    Silence: "silence",
    /// The node ends and comes back with its keys.
    Crash: "crash",
    /// The node ends and comes back without its keys.
    Amnesia: "amnesia",
    /// The node becomes a replica, and a master again without the keys that it had: the same process goes on.
    Demotion: "demotion",
    /// The node stands still and then goes on, with all that has arrived meanwhile.
    Hang: "hang",
    /// The node takes its time.
    Slow: "slow",
    /// The node answers with an error: loading, out of memory, not authenticated.
    Refusal: "refusal",
    /// The node forgets its scripts.
    ScriptFlush: "script_flush",
    /// The node loses one key before its time.
    Eviction: "eviction",
    /// The node loses all keys.
    Wipe: "wipe",
    /// The node's clock steps.
    ClockJump: "clock_jump",
    /// All of the client stands still and then goes on.
    Pause: "pause",
    /// The client ends without a word; another begins in its place.
    ClientCrash: "client_crash",
    /// The acquisition is cancelled at some step.
    Cancel: "cancel",
    /// The caller of an acquisition gets to run late.
    LateHandOver: "late_hand_over",
    /// A timer fires late.
    LateTimer: "late_timer",
    /// The client library sends again what was unanswered when the connection broke.
    Resend: "resend",
    /// The client library hands in a reply twice.
    DoubleReply: "double_reply",
    /// A node carries out what arrived on a connection that had long been broken.
    LateExecution: "late_execution",
    /// Whoever waits is not told that they are called up.
    LostCallUp: "lost_call_up",
    /// Whoever waits is told twice that they are called up.
    DoubleCallUp: "double_call_up",
    /// A client hears that it is called up, and no node has done so.
    StrayCallUp: "stray_call_up",
}

impl FaultKind {
    /// Those that a scenario plans ahead and whose outcome the protocol promises to survive; [`Self::Silence`] is
    /// planned apart from them.
    pub(crate) const WITHIN_THE_PROMISE: [Self; 10] = [
        Self::Loss,
        Self::Cut,
        Self::Crash,
        Self::Amnesia,
        Self::Hang,
        Self::Slow,
        Self::Refusal,
        Self::ScriptFlush,
        Self::Pause,
        Self::ClientCrash,
    ];

    /// Those that take live keys away or let time stand still on a node: mutual exclusion is not promised under them.
    pub(crate) const BEYOND_THE_PROMISE: [Self; 3] = [Self::Eviction, Self::Wipe, Self::ClockJump];

    pub(crate) const fn hits_a_node(self) -> bool {
        !matches!(self, Self::Pause | Self::ClientCrash)
    }

    pub(crate) const fn hits_a_client(self) -> bool {
        matches!(self, Self::Pause | Self::ClientCrash | Self::Cut | Self::Silence | Self::Loss)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many faults of each kind were injected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts([u64; FaultKind::ALL.len()]);

impl FaultCounts {
    pub(crate) fn count(&mut self, kind: FaultKind) {
        self.0[kind as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// The kinds with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (FaultKind, u64)> {
        FaultKind::ALL.into_iter().zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_under_its_own_name() {
        let mut counts = FaultCounts::default();
        for (times, kind) in FaultKind::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| counts.count(kind));
        }
        assert!(counts.iter().enumerate().all(|(times, (_, count))| count == times as u64));
        assert!(counts.iter().all(|(kind, _)| kind.name().len() > 2));
    }
}
