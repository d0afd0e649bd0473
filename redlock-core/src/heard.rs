use crate::wire::CALL_UP_CHANNEL_PREFIX;
use crate::{Resource, Unavailable};

/// What a handle hears of a node about its subscription: that it hears, that it is called up, or that it hears no more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a subscription stands or not, and brings call-ups")]
pub enum Heard {
    /// The handle has subscribed: from now on it hears when it is called up.
    Subscribed,
    /// The handle hears nothing, or nothing more: the node has refused the subscription, or the connection broke that
    /// carried it.
    Deaf(Unavailable),
    /// The handle is called up for the resource.
    CalledUp(Resource),
}

impl Heard {
    /// Reads a message on a channel; `None` if it calls up nobody.
    #[must_use]
    pub fn from_message(channel: &[u8], contents: &[u8]) -> Option<Self> {
        let calls_up = channel.starts_with(CALL_UP_CHANNEL_PREFIX.as_bytes());
        calls_up.then(|| Self::CalledUp(Resource::new(contents)))
    }
}

/// How a handle can hear over a connection that it is called up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a connection carries subscriptions and commands, one of them, or no subscription"
)]
pub enum Hearing {
    /// Not at all: locks that somebody else has are tried for now and then.
    #[default]
    Never,
    /// Over the connection itself, besides commands.
    Shared,
    /// Over a second connection, which carries nothing else.
    Apart,
}
