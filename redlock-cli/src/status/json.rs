use std::time::Duration;

use redlock_tokio::{KeyStatus, LockState, LockStatus, Owner};
use serde::Serialize;

use super::table::word;
use crate::failure::Failure;

/// How a lock stands. Times are in milliseconds; what is not known, or does not apply, is left out.
#[derive(Serialize)]
struct Lock<'a> {
    name: &'a str,
    state: &'static str,
    /// The shortest time that a majority keeps the key; left out for a key without an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    nodes: Vec<Node<'a>>,
}

#[derive(Serialize)]
struct Node<'a> {
    name: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Returns an array of all locks: for a person on many lines, else on one.
pub(super) fn render<'a>(
    statuses: impl Iterator<Item = (&'a str, &'a LockStatus)>,
    is_pretty: bool,
) -> Result<String, Failure> {
    let locks: Vec<_> = statuses.map(|(name, status)| lock(name, status)).collect();
    let text = if is_pretty { serde_json::to_string_pretty(&locks) } else { serde_json::to_string(&locks) };
    text.map(|text| text + "\n").map_err(|error| Failure::Other(error.to_string()))
}

fn lock<'a>(name: &'a str, status: &'a LockStatus) -> Lock<'a> {
    let remaining = match status.state() {
        LockState::Held { remaining, .. } => remaining,
        _ => None,
    };
    let nodes = status.nodes().map(|(_, name, status)| {
        let (state, remaining, reason) = match &status.key {
            KeyStatus::Free => ("free", None, None),
            KeyStatus::Held { remaining, .. } => ("held", *remaining, None),
            KeyStatus::OtherType { remaining, .. } => ("other type", *remaining, None),
            KeyStatus::Unavailable(why) => ("unavailable", None, Some(why.to_string())),
            _ => ("unknown", None, None),
        };
        let owner = status.owner.as_ref().map(Owner::as_str);
        Node { name, state, remaining_ms: remaining.map(millis), waiting: status.waiting, owner, reason }
    });
    Lock {
        name,
        state: word(status.state()),
        remaining_ms: remaining.map(millis),
        waiting: status.waiting(),
        owner: status.owner().map(Owner::as_str),
        nodes: nodes.collect(),
    }
}

fn millis(left: Duration) -> u64 {
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}
