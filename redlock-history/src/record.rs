use serde::{Deserialize, Serialize};

/// The version of the format. It changes only when a reader of the version before would misunderstand what it reads.
pub(crate) const VERSION: u32 = 1;

/// One line of a recording. All times are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The recording, so that several can stand in one file.
    pub(crate) recording: String,
    /// The moment, since 1970.
    pub(crate) at: u64,
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// What has happened; `lock` is a number that no other lock of the recording has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    Begun {
        version: u32,
        by: String,
    },
    Requested {
        lock: u64,
        names: Vec<String>,
        ttl: u64,
        #[serde(default, skip_serializing_if = "is_zero")]
        min_hold: u64,
    },
    Acquired {
        lock: u64,
        deadline: u64,
        attempts: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fences: Vec<u64>,
    },
    NotAcquired {
        lock: u64,
        why: String,
    },
    GivenUp {
        lock: u64,
    },
    Extended {
        lock: u64,
        deadline: u64,
        left: u64,
        #[serde(default, skip_serializing_if = "is_false")]
        late: bool,
    },
    NotExtended {
        lock: u64,
        why: String,
    },
    Lost {
        lock: u64,
        why: String,
    },
    ReleaseBegun {
        lock: u64,
    },
    Detached {
        lock: u64,
    },
    Released {
        lock: u64,
        report: String,
    },
    Settled {
        lock: u64,
    },
    Connected {
        node: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<String>,
    },
    Disconnected {
        node: String,
        why: String,
    },
    WithoutVote {
        node: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<u64>,
        why: String,
    },
    Answered {
        node: String,
        lock: u64,
        asked: Asked,
        answer: Answer,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    Noted {
        text: String,
        #[serde(default, skip_serializing_if = "is_false")]
        warning: bool,
    },
    Missed {
        count: u64,
    },
    Ended,
    /// Something that a later version has written.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// What a node was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Asked {
    Acquire,
    Raise,
    Extend,
    Release,
    #[serde(other)]
    Other,
}

/// What a node said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Done,
    Held,
    Missing,
    Unavailable,
    #[serde(other)]
    Other,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_false(value: &bool) -> bool {
    !*value
}
