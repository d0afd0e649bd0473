//! Reads the URLs of servers, once for all adapters, so that one URL means the same in each.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{fmt, format, io};

use url::{Host, ParseError, Url};

use super::plain_words;
use super::secrets::{is_certain, without_secrets};
use super::words::MAY_SPEAK_TLS;
use crate::resp::Settings;

/// The port of a URL that names none.
pub const DEFAULT_PORT: u16 = 6379;

/// The URL of one independent server, read.
///
/// | URL | means |
/// | --- | --- |
/// | `redis://host`, `valkey://host` | TCP to port 6379, database 0 |
/// | `redis://user:password@host:7001/3` | as a user of the server's ACL, database 3 |
/// | `redis://:password@host` | as the default user |
/// | `rediss://host`, `valkeys://host` | TLS |
/// | `unix:///run/redis.sock?db=3&user=name&pass=password` | a Unix socket; also `redis+unix:` and `valkey+unix:` |
///
/// `?db=3` stands for `/3`. RESP3 is spoken unless there is `?protocol=resp2`. Letters that mean something in a URL are
/// written with their number in user names and passwords: `%40` for `@`, `%23` for `#`, `%2F` for `/`, `%3A` for `:`,
/// `%3F` for `?`, and `%25` for `%`. Whatever else stands in a URL is refused.
///
/// `Debug` shows the address only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeUrl {
    /// Where the server is.
    pub address: Address,
    /// The user of the server's ACL; the default user without one.
    pub user: Option<String>,
    /// The password. There is one whenever there is a user.
    pub password: Option<String>,
    /// The number of the database.
    pub database: u8,
    /// Whether the older protocol is to be spoken.
    pub resp2: bool,
}

/// The place where a server is. Displayed as it stands in errors and reports: `host:port`, or the path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// A name in lower case, or an IP address without brackets.
        host: String,
        /// The port.
        port: u16,
        /// Whether to speak TLS.
        tls: bool,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why a text is not the URL of a server. Nothing of it that may be a password is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node {node} is not usable: {reason}")]
#[non_exhaustive]
pub struct UrlError {
    /// What was given, without whatever in it may be a password.
    pub node: String,
    /// What is wrong with it, and how to write it.
    pub reason: String,
}

impl NodeUrl {
    /// Reads a URL. Nothing is sent, and no name is looked up.
    ///
    /// # Errors
    ///
    /// [`UrlError`] when it is no URL of one server, or when something in it is not understood.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        read(url).map_err(|reason| UrlError { node: without_secrets(url), reason })
    }
}

impl NodeUrl {
    /// Returns who speaks to the server and how, for a connection that the server shows under a name.
    ///
    /// # Errors
    ///
    /// [`UrlError`] when the name has a blank or a special character in it, which servers do not take.
    pub fn settings(&self, client_name: Option<&str>) -> Result<Settings, UrlError> {
        let settings = Settings::new().database(self.database.into()).resp2(self.resp2);
        let settings = match (&self.user, &self.password) {
            (Some(user), Some(password)) => settings.user(user, password),
            (None, Some(password)) => settings.password(password),
            (_, None) => settings,
        };
        let Some(name) = client_name else { return Ok(settings) };
        let unusable = |reason: &str| UrlError { node: self.address.to_string(), reason: reason.into() };
        check_client_name(name).map(|()| settings.client_name(name)).map_err(unusable)
    }
}

/// Checks that servers take a name for a connection.
///
/// # Errors
///
/// What is wrong with the name.
pub fn check_client_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the client name is empty, or has a blank or a special character in it");
    }
    Ok(())
}

impl fmt::Debug for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeUrl").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Address {
    /// Returns the error of a connection to it that ended before the server's first answer, with a hint where that is how
    /// a server that speaks TLS refuses a client that does not.
    #[must_use]
    pub fn unanswered(&self, error: io::Error) -> io::Error {
        let is_ended = matches!(
            error.kind(),
            ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
        );
        if !is_ended || !matches!(self, Self::Tcp { tls: false, .. }) {
            return error;
        }
        let reason = plain_words(&error.to_string());
        io::Error::new(error.kind(), format!("{reason} before the first answer ({MAY_SPEAK_TLS})"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The reasons name what is wrong and never its value: it may be a part of a password.
fn read(text: &str) -> Result<NodeUrl, String> {
    if text.is_empty() {
        return Err("it is empty: write it as redis://127.0.0.1:6379".into());
    }
    if !text.contains("://") {
        return Err("the scheme is missing: write it as redis://127.0.0.1:6379, or unix:///run/redis.sock".into());
    }
    // The parser would drop some of them without a word.
    if text.split_ascii_whitespace().skip(1).any(|behind| behind.contains("://")) {
        return Err(SEVERAL.into());
    }
    if text.chars().any(|letter| letter.is_ascii_whitespace() || letter.is_control()) {
        return Err("there is a blank or a control character in it: write a blank as %20".into());
    }
    let url = Url::parse(text).map_err(|error| match error {
        ParseError::InvalidPort if is_about_the_port(text) && authority(text).contains(SEPARATORS) => SEVERAL.into(),
        ParseError::InvalidPort if is_about_the_port(text) => BAD_PORT.into(),
        _ => format!("{error}; {ESCAPES}"),
    })?;
    if url.fragment().is_some() {
        return Err(format!("nothing may stand behind a #; {ESCAPES}"));
    }
    match url.scheme() {
        "redis" | "valkey" => tcp(text, &url, false),
        "rediss" | "valkeys" => tcp(text, &url, true),
        "unix" | "redis+unix" | "valkey+unix" => unix(text, &url),
        _ => Err("the scheme is not one of redis, rediss, valkey, valkeys and unix".into()),
    }
}

const ESCAPES: &str =
    "in a password write %23 for #, %26 for &, %2F for /, %3A for :, %3F for ?, %40 for @ and %25 for %";

const BAD_PORT: &str =
    "the port is not a number from 1 to 65535: write it as redis://host:6379, or redis://user:password@host:6379";

const SEVERAL: &str = "several nodes are given one by one, each with a URL of its own";

/// The letters between the names of several hosts, which are in no name.
const SEPARATORS: [char; 2] = [',', ';'];

/// Returns whether what stands where the port does is meant as one. It is a part of a password if the host stands behind it.
fn is_about_the_port(text: &str) -> bool {
    !text.split_once(authority(text)).is_some_and(|(_, behind)| behind.contains('@'))
}

fn tcp(text: &str, url: &Url, tls: bool) -> Result<NodeUrl, String> {
    let host = host(url)?;
    if url.port() == Some(0) {
        return Err(BAD_PORT.into());
    }
    let (user, password) = credentials(text, url)?;
    let parameters = Parameters::read(text, url, &["db", "protocol"])?;
    let database = match url.path() {
        "" | "/" => parameters.database()?,
        path => {
            if parameters.get("db").is_some() {
                return Err("the database stands in the path and in the parameter db: name it once".into());
            }
            database(path.strip_prefix('/').unwrap_or(path))?
        }
    };
    let address = Address::Tcp { host, port: url.port().unwrap_or(DEFAULT_PORT), tls };
    Ok(NodeUrl { address, user, password, database, resp2: parameters.resp2()? })
}

fn unix(text: &str, url: &Url) -> Result<NodeUrl, String> {
    if url.host_str().is_some_and(|host| !host.is_empty()) || authority(text).contains('@') {
        return Err("a socket has no host: write it as unix:///run/redis.sock?user=name&pass=password".into());
    }
    if matches!(url.path(), "" | "/") {
        return Err("the path of the socket is missing: write it as unix:///run/redis.sock".into());
    }
    let path = decode(url.path(), "path")?;
    if path.contains(char::is_control) {
        return Err("the path has a control character in it".into());
    }
    let path = PathBuf::from(path);
    let parameters = Parameters::read(text, url, &["db", "user", "pass", "protocol"])?;
    let (user, password) = (parameters.get("user"), parameters.get("pass"));
    if user.is_some() && password.is_none() {
        return Err(NO_PASSWORD.into());
    }
    if [&user, &password].into_iter().flatten().any(|value| value.is_empty()) {
        return Err("user and password must not be empty".into());
    }
    Ok(NodeUrl {
        address: Address::Unix(path),
        user: user.map(Into::into),
        password: password.map(Into::into),
        database: parameters.database()?,
        resp2: parameters.resp2()?,
    })
}

fn host(url: &Url) -> Result<String, String> {
    match url.host() {
        Some(Host::Domain(name)) if name.contains('%') => Err("the host has an escape in it".into()),
        Some(Host::Domain(name)) if name.contains(SEPARATORS) => Err(SEVERAL.into()),
        Some(Host::Domain(name)) if !name.is_empty() => Ok(name.to_ascii_lowercase()),
        Some(Host::Ipv4(address)) => Ok(address.to_string()),
        Some(Host::Ipv6(address)) => Ok(address.to_string()),
        _ => Err("the host is missing".into()),
    }
}

const NO_PASSWORD: &str = "there is a user without a password: write it as redis://user:password@host";

fn credentials(text: &str, url: &Url) -> Result<(Option<String>, Option<String>), String> {
    if !authority(text).contains('@') {
        return Ok((None, None));
    }
    let user = decode(url.username(), "user")?;
    match url.password() {
        Some(password) if !password.is_empty() => {
            Ok(((!user.is_empty()).then_some(user), Some(decode(password, "password")?)))
        }
        _ if user.is_empty() => Err("the password is empty".into()),
        _ => Err(NO_PASSWORD.into()),
    }
}

/// What stands between the scheme and the path.
fn authority(text: &str) -> &str {
    let (_, rest) = text.split_once("://").unwrap_or_default();
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn database(text: &str) -> Result<u8, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| "the database is not a number from 0 to 255".into())
}

/// The name of a parameter, unless it may be a part of a password with a `?` in it.
fn shown_name(text: &str, parameter: &str) -> Option<String> {
    let (_, behind_scheme) = text.split_once("://")?;
    let (_, query) = behind_scheme.split_once('?')?;
    let (name, _) = parameter.split_once('=')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_name && !query.contains('@') && is_certain(behind_scheme)).then(|| name.into())
}

/// The parameters behind the question mark.
#[derive(Default)]
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(text: &str, url: &Url, known: &[&str]) -> Result<Self, String> {
        let query = url.query().unwrap_or_default();
        let mut parameters = Self::default();
        for (place, parameter) in (1_u32..).zip(query.split('&')).filter(|_| !query.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if !known.contains(&name) {
                let described = if parameters.have_secret() { None } else { shown_name(text, parameter) };
                let described = described.unwrap_or_else(|| format!("number {place} behind the ? ({ESCAPES})"));
                return Err(format!("the parameter {described} is not known; known are {}", known.join(", ")));
            }
            if parameters.get(name).is_some() {
                return Err(format!("the parameter {name} stands there twice"));
            }
            let value = decode(&value.replace('+', " "), name)?;
            parameters.0.push((name.into(), value));
        }
        Ok(parameters)
    }

    /// Returns whether what follows may be the rest of a password with a `&` in it.
    fn have_secret(&self) -> bool {
        self.0.iter().any(|(name, _)| !matches!(name.as_str(), "db" | "protocol"))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn database(&self) -> Result<u8, String> {
        self.get("db").map_or(Ok(0), database)
    }

    fn resp2(&self) -> Result<bool, String> {
        match self.get("protocol") {
            None | Some("3" | "resp3") => Ok(false),
            Some("2" | "resp2") => Ok(true),
            Some(_) => Err("the protocol is neither resp2 nor resp3".into()),
        }
    }
}

/// Replaces each `%` and two hexadecimal digits by the byte of that number.
fn decode(text: &str, what: &str) -> Result<String, String> {
    let broken = || format!("the {what} has a broken escape in it: a % is written %25");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next(), rest.next()].map(|digit| digit.and_then(|digit| (digit as char).to_digit(16)));
            let [Some(high), Some(low)] = digits else { return Err(broken()) };
            bytes.push(u8::try_from(high << 4 | low).map_err(|_| broken())?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("the {what} is not UTF-8"))
}

#[cfg(test)]
mod tests;
