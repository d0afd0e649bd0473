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
    id: Option<i64>,
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

    /// Returns the first three numbers of the version, which can be compared; one that is not there is 0. `None` for a
    /// version that does not begin with a number.
    #[must_use]
    pub fn version_numbers(&self) -> Option<(u32, u32, u32)> {
        let mut numbers = self.version.as_deref()?.split('.').map(leading_number);
        let major = numbers.next()??;
        let mut next = || numbers.next().flatten().unwrap_or(0);
        Some((major, next(), next()))
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

    /// Returns the number by which the server knows the connection (`CLIENT ID`).
    #[must_use]
    pub const fn connection_id(&self) -> Option<i64> {
        self.id
    }

    /// Returns whether the connection speaks RESP3.
    #[must_use]
    pub const fn is_resp3(&self) -> bool {
        self.resp3
    }

    /// Reads the answer to `HELLO`; `None` if it is none.
    pub(super) fn read(mut elements: Elements<'_>) -> Option<Self> {
        let Element::Map(count) = elements.next()? else { return None };
        let mut facts = Self { resp3: true, ..Self::default() };
        for _ in 0..count / 2 {
            let key = elements.next()?;
            elements.leave_out(key.nested());
            let value = elements.next()?;
            elements.leave_out(value.nested());
            facts.note(key, value);
        }
        Some(facts)
    }

    fn note(&mut self, key: Element<'_>, value: Element<'_>) {
        let fact = match (key.text(), value) {
            (Some(b"id"), Element::Integer(id)) => return self.id = Some(id),
            (Some(b"server"), _) => &mut self.server,
            (Some(b"version"), _) => &mut self.version,
            (Some(b"role"), _) => &mut self.role,
            (Some(b"mode"), _) => &mut self.mode,
            _ => return,
        };
        *fact = value.text().map(|text| String::from_utf8_lossy(text).into_owned());
    }
}

/// Returns the number that a text begins with: 3 of `3-rc1`.
fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}
