use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::{MAX_TTL_BOUND, MIN_FENCE_RETENTION, MIN_TTL, NodeTimeout};
use crate::{HumanDuration, MAX_NODES};

/// The rule that a [`Config`](super::Config) would break.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The list of nodes is empty.
    #[error("no node was given: name at least one Redis master, better three or five")]
    NoNodes,
    /// More nodes than a [`NodeSet`](crate::NodeSet) can hold.
    #[error("{nodes} nodes were given, at most {MAX_NODES} are supported")]
    TooManyNodes {
        /// The number of nodes that were given.
        nodes: usize,
    },
    /// A node's name is empty.
    #[error("the node at position {index} has an empty name")]
    UnnamedNode {
        /// Its position in the list, counted from zero.
        index: usize,
    },
    /// The same node stands twice in the list: it would vote twice.
    #[error("the node {name} was given twice: each must be a server of its own")]
    DuplicateNode {
        /// Its name.
        name: String,
    },
    /// The drift factor is not in 0..1.
    #[error("the drift factor is {factor}, it must be at least 0 and less than 1")]
    DriftFactor {
        /// The value that was given.
        factor: f64,
    },
    /// The longest TTL is out of bounds.
    #[error("max_ttl is {}, {}", HumanDuration(*.max_ttl), between(MIN_TTL, MAX_TTL_BOUND))]
    MaxTtl {
        /// The value that was given.
        max_ttl: Duration,
    },
    /// The longest name would be empty.
    #[error("max_name_len is 0, it must be at least 1")]
    MaxNameLen,
    /// Counters are to be kept for too short or too long a time.
    #[error("fence_retention is {}, {}", HumanDuration(*.retention), between(MIN_FENCE_RETENTION, MAX_TTL_BOUND))]
    FenceRetention {
        /// The value that was given.
        retention: Duration,
    },
    /// The prefix leaves no room for a name.
    #[error("the prefix has {len} bytes, which leaves none of the {max_name_len} that a name may have (max_name_len)")]
    Prefix {
        /// The length of the prefix in bytes.
        len: usize,
        /// The longest name.
        max_name_len: usize,
    },
    /// The bounds of the node timeout contradict each other.
    #[error(
        "the node timeout is {timeout}: it must be 1 to 1000 per mille, from above zero to no less and at most {}",
        HumanDuration(MAX_TTL_BOUND)
    )]
    NodeTimeout {
        /// The value that was given.
        timeout: NodeTimeout,
    },
    /// A connection would have no time to answer anything.
    #[error("silence_timeout is 0, it must be above zero")]
    SilenceTimeout,
    /// No connection could ever be made.
    #[error("connect_timeout is 0, it must be above zero")]
    ConnectTimeout,
    /// The longest TTL that anybody uses is out of bounds.
    #[error(
        "the restart guard has a longest TTL of {}, it must be at most {}",
        HumanDuration(*.longest_ttl), HumanDuration(MAX_TTL_BOUND)
    )]
    LongestTtl {
        /// The value that was given.
        longest_ttl: Duration,
    },
    /// A node is declared durable that there is not.
    #[error("the node {name} is declared durable, but there is no node of that name")]
    UnknownNode {
        /// The name that was given.
        name: String,
    },
    /// Connections would be tried out all the time.
    #[error("ping_interval is 0, it must be above zero, or none")]
    PingInterval,
}

fn between(least: Duration, most: Duration) -> String {
    format!("it must be at least {} and at most {}", HumanDuration(least), HumanDuration(most))
}
