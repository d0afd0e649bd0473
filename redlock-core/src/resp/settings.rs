use alloc::string::String;
use core::fmt;

use smallvec::SmallVec;

/// Who speaks to a server over a connection, and how.
///
/// `Debug` shows no secret.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[must_use]
pub struct Settings {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
    pub(super) resp2: bool,
    pub(super) name: Option<String>,
}

impl Settings {
    /// Creates the settings of the default user without a password, for database 0, with RESP3 where the server speaks it.
    pub const fn new() -> Self {
        Self { user: None, password: None, database: 0, resp2: false, name: None }
    }

    /// Sets the password of the default user.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Sets a user of the server's ACL and its password.
    pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        (self.user, self.password) = (Some(user.into()), Some(password.into()));
        self
    }

    /// Sets the number of the database.
    pub const fn database(mut self, database: u32) -> Self {
        self.database = database;
        self
    }

    /// Sets whether only the older protocol is spoken.
    pub const fn resp2(mut self, resp2: bool) -> Self {
        self.resp2 = resp2;
        self
    }

    /// Sets the name that the server shows for the connection. It must not contain blanks.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Returns the words that say who speaks, in RESP2; nothing for the default user without a password.
    pub(super) fn auth(&self) -> Option<SmallVec<[&[u8]; 3]>> {
        let password = self.password.as_deref()?.as_bytes();
        let user = self.user.as_deref().map(str::as_bytes);
        Some([&b"AUTH"[..]].into_iter().chain(user).chain([password]).collect())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("database", &self.database).field("resp2", &self.resp2).finish_non_exhaustive()
    }
}
