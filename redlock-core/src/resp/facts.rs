use alloc::string::String;

use super::element::{Element, Elements};

/// What a server has said about itself when a connection to it was opened.
///
/// All of it comes from the answer to `HELLO`, so a server that does not speak RESP3, or an ACL that forbids that command,
/// leaves everything open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    server: Option<String>,
    version: Option<String>,
    role: Option<String>,
    mode: Option<String>,
    resp3: bool,
}

impl Facts {
    /// Returns what kind of server it is: `redis` or `valkey`.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Returns the version of the server: `7.0.15`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns the role of the server: `master` or `replica`.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Returns how the server runs: `standalone`, `cluster` or `sentinel`.
    #[must_use]
    pub fn mode(&self) -> Option<&str> {
        self.mode.as_deref()
    }

    /// Returns whether the connection speaks RESP3.
    #[must_use]
    pub const fn is_resp3(&self) -> bool {
        self.resp3
    }

    /// Returns the first two numbers of the version.
    pub(super) fn release(&self) -> Option<(u32, u32)> {
        let mut numbers = self.version.as_deref()?.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
    }

    /// Reads the answer to `HELLO`; `None` if it is none.
    pub(super) fn read(mut elements: Elements<'_>) -> Option<Self> {
        let Element::Map(count) = elements.next()? else { return None };
        let mut facts = Self { resp3: true, ..Self::default() };
        for _ in 0..count / 2 {
            let key = elements.next()?;
            let value = elements.next()?;
            elements.leave_out(key.nested().saturating_add(value.nested()));
            let fact = match key.text() {
                Some(b"server") => &mut facts.server,
                Some(b"version") => &mut facts.version,
                Some(b"role") => &mut facts.role,
                Some(b"mode") => &mut facts.mode,
                _ => continue,
            };
            *fact = value.text().map(|text| String::from_utf8_lossy(text).into_owned());
        }
        Some(facts)
    }
}
