//! Servers that are asked where others are: what the nodes of the adapters are told of them, and what these say alike.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::url::{Address, NodeUrl, check_client_name};
use super::without_secrets;
use crate::resp::Settings;
use crate::shell::BuildError;
use crate::{Cause, Unavailable};

/// Which sentinels are asked for which master, and how connections to that begin.
///
/// The setters of the adapters' nodes are written once in `sentinel_setters`. `Debug` shows no
/// password.
#[derive(Clone)]
#[non_exhaustive]
pub struct SentinelSettings {
    /// The URLs of the sentinels.
    pub sentinels: Vec<String>,
    /// The name by which they know the master.
    pub master: String,
    /// How connections to the master begin, but for the name that it shows.
    pub server: Settings,
    /// The name that the master shows for a connection.
    pub client_name: Option<String>,
}

impl SentinelSettings {
    /// Creates the settings for a master without a password.
    pub fn new<U: Into<String>>(sentinels: impl IntoIterator<Item = U>, master: impl Into<String>) -> Self {
        Self {
            sentinels: sentinels.into_iter().map(Into::into).collect(),
            master: master.into(),
            server: Settings::new(),
            client_name: None,
        }
    }

    /// Returns how connections to the master begin; `names` are the addresses of the sentinels.
    ///
    /// # Errors
    ///
    /// [`BuildError::Node`] when the name of the master is empty, or the client name cannot be used.
    pub fn checked_server(&self, names: &str) -> Result<Settings, BuildError> {
        let unusable = |reason: &str| BuildError::unusable_node(format!("{}@{names}", self.master), reason);
        if self.master.is_empty() {
            return Err(unusable("the name of the master is empty"));
        }
        let settings = self.server.clone();
        match &self.client_name {
            Some(name) => check_client_name(name).map(|()| settings.client_name(name.as_str())).map_err(unusable),
            None => Ok(settings),
        }
    }
}

impl fmt::Debug for SentinelSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentinels: Vec<_> = self.sentinels.iter().map(|url| without_secrets(url)).collect();
        f.debug_struct("SentinelSettings")
            .field("sentinels", &sentinels)
            .field("master", &self.master)
            .finish_non_exhaustive()
    }
}

/// Servers that are asked one after the other, each of which knows the same as the others.
///
/// ```
/// use redlock_core::system::seeds::Seeds;
///
/// let mut seeds: Seeds<&str> = ["one", "two"].into_iter().collect();
/// assert_eq!(seeds.take_turn(), Some(&mut "one"));
/// // It did not answer.
/// assert_eq!(seeds.take_turn(), Some(&mut "two"));
/// seeds.last_has_helped();
/// assert_eq!(seeds.take_turn(), Some(&mut "two"));
/// ```
#[derive(Clone, Debug)]
pub struct Seeds<S>(VecDeque<S>);

impl<S> Seeds<S> {
    /// Returns the number of servers: nobody is asked twice by whoever takes as many turns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is nobody to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the servers, beginning with the one that is asked next.
    pub fn iter(&self) -> impl Iterator<Item = &S> {
        self.0.iter()
    }

    /// Returns who is to be asked next, and puts it behind the others: one that never answers is not asked first again.
    pub fn take_turn(&mut self) -> Option<&mut S> {
        let seed = self.0.pop_front()?;
        self.0.push_back(seed);
        self.0.back_mut()
    }

    /// Notes that the one that was asked last was of help; it is asked first the next time.
    pub fn last_has_helped(&mut self) {
        if let Some(seed) = self.0.pop_back() {
            self.0.push_front(seed);
        }
    }
}

impl<S> FromIterator<S> for Seeds<S> {
    fn from_iter<I: IntoIterator<Item = S>>(seeds: I) -> Self {
        Self(seeds.into_iter().collect())
    }
}

/// Reads the URL of a server that is asked where others are.
///
/// # Errors
///
/// [`BuildError::Node`] when the URL cannot be read, or names a socket or a database.
pub fn parse_seed(url: &str) -> Result<NodeUrl, BuildError> {
    let read = NodeUrl::parse(url).map_err(|why| BuildError::unusable_node(why.node, why.reason))?;
    let why = match read.address {
        Address::Tcp { .. } if read.database == 0 => return Ok(read),
        Address::Tcp { .. } => "there is no database to be chosen in this URL",
        _ => "others cannot be reached where this one is: name a host and a port",
    };
    Err(BuildError::unusable_url(url, why))
}

/// Returns the addresses of servers that are asked as a part of a node's name, which is the same in whatever order they
/// were given.
pub fn names_of_seeds(addresses: impl IntoIterator<Item = String>) -> String {
    let mut names: Vec<_> = addresses.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

/// Returns one reason for all servers that were asked and were of no help. It is one that waiting cannot cure only if all
/// are.
#[must_use]
pub fn reason_of_all(failures: &[(String, Unavailable)]) -> Unavailable {
    let said: Vec<_> = failures.iter().map(|(asked, why)| format!("{asked}: {why}")).collect();
    let is_permanent = failures.iter().all(|(_, why)| why.cause().is_permanent());
    let cause = failures.last().map(|(_, why)| why.cause()).filter(|_| is_permanent);
    Unavailable::with_detail(cause.unwrap_or(Cause::NotSent), &said.join("; "))
}

/// The constructor and the setters of a node with the fields `settings`, which are [`SentinelSettings`], and `tls`, with
/// their documentation. What is given stands in front of the setter of TLS.
#[macro_export]
#[doc(hidden)]
macro_rules! sentinel_setters {
    ($($tls:tt)*) => {
        /// Creates the node that sentinels know by the name of `master`.
        ///
        /// User and password in the URL of a sentinel are for that sentinel, as is TLS (`rediss://`); those of the master
        /// are set below. Two sentinels at least should be named, because one may be down.
        pub fn new<U: Into<String>>(sentinels: impl IntoIterator<Item = U>, master: impl Into<String>) -> Self {
            Self { settings: $crate::system::seeds::SentinelSettings::new(sentinels, master), tls: None }
        }

        /// Sets the password of the master's default user.
        pub fn password(mut self, password: impl Into<String>) -> Self {
            self.settings.server = self.settings.server.password(password);
            self
        }

        /// Sets a user of the master's ACL and its password.
        pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
            self.settings.server = self.settings.server.user(user, password);
            self
        }

        /// Sets the number of the master's database; the default is 0.
        pub fn database(mut self, database: u8) -> Self {
            self.settings.server = self.settings.server.database(database.into());
            self
        }

        /// Lets the older protocol be spoken to the master.
        pub fn resp2(mut self) -> Self {
            self.settings.server = self.settings.server.resp2(true);
            self
        }

        /// Sets the name that the master shows for the connection, in `CLIENT LIST` for instance. It must not contain
        /// blanks.
        pub fn client_name(mut self, name: impl Into<String>) -> Self {
            self.settings.client_name = Some(name.into());
            self
        }

        /// Lets TLS be spoken to the master, and sets how it is spoken, also to sentinels whose URL begins with
        /// `rediss://`.
        ///
        /// The certificate must be for the host that the sentinels say, which is an IP address unless they were told to
        /// announce host names.
        $($tls)*
        pub fn tls(mut self, settings: TlsSettings) -> Self {
            self.tls = Some(settings);
            self
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_all_can_be_cured_if_one_can() {
        let failure = |asked: &str, cause| (String::from(asked), Unavailable::new(cause));
        let (denied, down) = (failure("a", Cause::NotAuthenticated), failure("b", Cause::NotSent));
        assert!(reason_of_all(core::slice::from_ref(&denied)).cause().is_permanent());
        let both = reason_of_all(&[denied, down]);
        assert!(!both.cause().is_permanent(), "{both}");
        let text = format!("{both}");
        assert!(text.contains("a: not authenticated") && text.contains("; b: not reachable"), "{text}");
    }

    #[test]
    fn everybody_is_asked_once_and_who_has_helped_is_asked_first_the_next_time() {
        let mut seeds: Seeds<u8> = (1..=3).collect();
        let mut turns = |count| (0..count).filter_map(|_| seeds.take_turn().copied()).collect::<Vec<_>>();
        assert_eq!(turns(3), [1, 2, 3]);
        assert_eq!(turns(2), [1, 2], "nobody was of help");
        seeds.last_has_helped();
        assert_eq!(seeds.iter().collect::<Vec<_>>(), [&2, &3, &1]);
    }

    #[test]
    fn names_do_not_depend_on_the_order() {
        let names = |names: &[&str]| names_of_seeds(names.iter().map(|name| String::from(*name)));
        assert_eq!(names(&["b:1", "a:2", "b:1"]), "a:2,b:1");
    }
}
