use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use crate::fence::Fences;
use crate::printable::is_printable;
use crate::{HumanDuration, KeyReport, Owner, Resource};

/// The reply of a node to a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reply {
    /// It did what it was asked to do.
    Done,
    /// It has set the keys of a fenced lock, and has counted on to these fences.
    Granted(Fences),
    /// It has released the keys, and has called up somebody who waits for one of them.
    CalledUp,
    /// A key is there with another value or of another type: somebody else holds it. No key of theirs was changed. Or it is
    /// somebody else's turn to take it.
    HeldByOther(Hold),
    /// Nobody else holds a key, and at least one is not there.
    Missing,
    /// It has no key with this token. Whether somebody else holds it, the form of the command cannot tell; the core then
    /// asks with the text of the script. Nothing was changed.
    NotOurs,
    /// It has said what time it is: its wall clock, since the Unix epoch.
    Time(Duration),
    /// It has said how a key stands, and has changed nothing.
    Inspected(KeyReport),
    /// It does not know the script by its digest; the core then sends the text.
    UnknownScript,
    /// It did not do it, or may not have done it, for a reason of its own.
    Unavailable(Unavailable),
}

impl Reply {
    /// Returns whether a server refused the command because it is a replica (`READONLY`).
    #[must_use]
    pub fn is_of_replica(&self) -> bool {
        self.of_replica().is_some()
    }

    /// Returns what a server has said that refused the command because it is a replica.
    pub(crate) fn of_replica(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(why) if why.cause() == Cause::ReadOnly => Some(why),
            _ => None,
        }
    }
}

/// What a node said about a key that somebody else holds, or was called up for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Hold {
    /// The resource; `None` where the node did not say which of several it is, or was asked for one only.
    pub resource: Option<Resource>,
    /// How long the key goes on living unless its holder does something; `None` where the node did not say, or where the
    /// key has no end. Where somebody was called up, for how long the node waits for them.
    pub remaining: Option<Duration>,
    /// The place in the node's wait queue, counted from 1; `None` for one who does not stand there.
    pub place: Option<u32>,
    /// The label of the holder, if it has one and the node has said it.
    pub owner: Option<Owner>,
}

impl Hold {
    /// A node that said nothing but that somebody else holds the key.
    pub const UNKNOWN: Self = Self { resource: None, remaining: None, place: None, owner: None };
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Some(owner) => write!(f, "held by {owner}")?,
            None => f.write_str("held by somebody else")?,
        }
        let resource = self.resource.as_ref().map(|resource| format!("{resource}"));
        let remaining = self.remaining.map(|remaining| format!("for {:.1}", HumanDuration(remaining)));
        let place = self.place.map(|place| format!("number {place} in the queue"));
        let mut details = [resource, remaining, place].into_iter().flatten();
        let Some(first) = details.next() else { return Ok(()) };
        write!(f, " ({first}")?;
        details.try_for_each(|detail| write!(f, ", {detail}"))?;
        f.write_str(")")
    }
}

/// The reason for which a node has no vote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unavailable {
    cause: Cause,
    /// The command that it is the answer to was never sent.
    unsent: bool,
    /// A script failed in the middle: it may have done something before.
    has_begun: bool,
    /// Shared, and behind a thin pointer: outcomes are kept inline, one a node, and cloned into reports.
    detail: Option<Arc<String>>,
}

impl Unavailable {
    /// Creates one from a cause without anything to add.
    #[must_use]
    pub const fn new(cause: Cause) -> Self {
        Self { cause, unsent: false, has_begun: false, detail: None }
    }

    /// Creates one from a cause and what the node or the operating system said, as far as it fits into a line. The
    /// detail must not contain a secret.
    #[must_use]
    pub fn with_detail(cause: Cause, detail: &str) -> Self {
        let (mut line, mut len) = (String::new(), 0_usize);
        let is_blank = |letter: char| letter.is_whitespace() || !is_printable(letter);
        for letter in detail.chars().map(|letter| if is_blank(letter) { ' ' } else { letter }) {
            if len == MAX_DETAIL {
                break;
            }
            if letter != ' ' || !(line.is_empty() || line.ends_with(' ')) {
                line.push(letter);
                len = len.saturating_add(1);
            }
        }
        line.truncate(line.trim_end().len());
        Self { cause, unsent: false, has_begun: false, detail: Some(Arc::new(line)) }
    }

    /// Returns the same for a command that was not sent, because the connection that it was meant for could not be
    /// opened for this reason.
    #[must_use]
    pub fn unsent(self) -> Self {
        match self.cause {
            // They speak of an answer to something that was sent.
            Cause::NoAnswer | Cause::Disconnected => Self::with_detail(Cause::NotSent, &self.to_string()),
            _ => Self { unsent: true, ..self },
        }
    }

    /// Returns the same for a script that failed in the middle.
    pub(crate) fn inside_a_script(self) -> Self {
        Self { has_begun: true, ..self }
    }

    /// Returns whether it is certain that the node did not carry the command out: it was never sent, or the server
    /// refused the client or the command before looking at it.
    #[must_use]
    pub const fn proves_untouched(&self) -> bool {
        self.unsent || self.cause.proves_untouched() && !self.has_begun
    }

    /// Returns the cause.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// Returns what the node or the operating system said.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_ref().map(|detail| detail.as_str())
    }
}

/// The number of characters that are kept of a node's own words: a hostile node may say a lot.
const MAX_DETAIL: usize = 256;

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

/// The kinds of reason for which a node has no say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// It did not answer in time; it may do what it was asked to do later.
    NoAnswer,
    /// The command was never sent, so it was certainly not carried out.
    NotSent,
    /// It was not asked, because there is nothing that it could do: it never had the lock that is released.
    NotAsked,
    /// The connection broke while the command was under way; it may have been carried out.
    Disconnected,
    /// It is still loading its data (`LOADING`).
    Loading,
    /// It is a replica (`READONLY`).
    ReadOnly,
    /// It has no memory left for a new key (`OOM`).
    OutOfMemory,
    /// It wants a password (`NOAUTH`), or another one (`WRONGPASS`).
    NotAuthenticated,
    /// TLS was given up for want of trust, before anything else was said: the server's certificate is not signed by a trusted
    /// authority, has expired or is for another name, or the server does not accept the client's.
    NotTrusted,
    /// The user may not run the command or touch the key (`NOPERM`).
    NoPermission,
    /// It is running somebody's slow script (`BUSY`).
    Busy,
    /// It is a member of a cluster that keeps the key elsewhere (`MOVED`, `ASK`, `CLUSTERDOWN`).
    Cluster,
    /// The keys lie in different slots of a cluster (`CROSSSLOT`), so no member has them all.
    CrossSlot,
    /// It has no database of that number (`ERR DB index is out of range`).
    NoDatabase,
    /// It does not know a command that locks need: too old, or the command was renamed (`ERR unknown command`).
    UnknownCommand,
    /// It was started again and may have forgotten what it had granted before: it has no vote before all of that has
    /// expired, see [`RestartGuard`](crate::RestartGuard).
    Restarted,
    /// It is the same server as a node that was named before it, or is run in a way that this handle was told to
    /// [refuse](crate::Rule::Refuse). Nothing is sent to it but what undoes something.
    Unsuitable,
    /// It answered with an error of another kind.
    Refused,
    /// It answered with something that does not fit the command.
    Unexpected,
}

impl Cause {
    const fn proves_untouched(self) -> bool {
        matches!(
            self,
            Self::NotSent
                | Self::NotAsked
                | Self::NotAuthenticated
                | Self::NotTrusted
                | Self::NoPermission
                | Self::CrossSlot
                | Self::NoDatabase
                | Self::UnknownCommand
                | Self::Unsuitable
        )
    }

    /// Returns whether waiting cannot cure it: somebody has to change the configuration of the node or of its client.
    ///
    /// When so many nodes refuse for such reasons that a quorum is out of reach, an acquisition ends without another
    /// attempt.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        matches!(
            self,
            Self::NotAuthenticated
                | Self::NotTrusted
                | Self::NoPermission
                | Self::Cluster
                | Self::CrossSlot
                | Self::NoDatabase
                | Self::UnknownCommand
                | Self::Unsuitable
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAnswer => "no answer in time",
            Self::NotSent => "not reachable",
            Self::NotAsked => "not asked, it never had the lock",
            Self::Disconnected => "the connection broke before the answer",
            Self::Loading => "still loading its data, try again later",
            Self::ReadOnly => "a read-only replica, name its master instead",
            Self::OutOfMemory => "out of memory, raise its maxmemory",
            Self::NotAuthenticated => "not authenticated, check user and password",
            Self::NotTrusted => "not trusted, check the certificates",
            Self::NoPermission => "not permitted, check the user's ACL",
            Self::Busy => "busy with a slow script",
            Self::Cluster => "a cluster member that does not serve this key, name independent masters",
            Self::CrossSlot => {
                "the names lie in different slots of a cluster, give them a hash tag in common: {orders}:1 and {orders}:2"
            }
            Self::NoDatabase => "there is no database of that number, name one that the server has",
            Self::UnknownCommand => {
                "a command that locks need is not known, take Redis 6 or newer and do not rename it"
            }
            Self::Restarted => "restarted, and what it had granted may be lost",
            Self::Unsuitable => "not to be used",
            Self::Refused => "refused",
            Self::Unexpected => "an answer that does not fit the command, is this a Redis server?",
        })
    }
}

impl core::error::Error for Unavailable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_known_by_what_it_says_in_all_versions() {
        let said = |text| Reply::Unavailable(Unavailable::from_server_error(text));
        assert!(said("READONLY You can't write against a read only replica.").is_of_replica());
        assert!(
            said("ERR Error running script (call to f_1): @user_script:7: -READONLY You can't write").is_of_replica()
        );
        assert!(!said("ERR syntax error").is_of_replica() && !Reply::Done.is_of_replica());
    }

    #[test]
    fn what_a_node_says_is_kept_up_to_a_length() {
        let shout = "é".repeat(10_000);
        let kept = Unavailable::with_detail(Cause::Refused, &shout);
        assert_eq!(kept.detail().unwrap().chars().count(), MAX_DETAIL);
        let lines = Unavailable::with_detail(Cause::Refused, " HTTP/1.1 400\r\nServer:\tx\u{1b}[2J\u{202e}\0 ");
        assert_eq!(lines.detail(), Some("HTTP/1.1 400 Server: x [2J"), "one line, and nothing for a terminal");
        assert_eq!(Unavailable::with_detail(Cause::Busy, "slow").to_string(), "busy with a slow script (slow)");
    }
}
