use std::format;
use std::string::String;

use crate::{Cause, Unavailable};

/// Returns the words of an operating system's error, for people: without its number, and out of the text that Rust shows to
/// programmers, in which some clients hand it on.
///
/// ```
/// use redlock_core::system::plain_words;
///
/// assert_eq!(plain_words("Connection refused (os error 111)"), "connection refused");
/// let shown = r#"Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#;
/// assert_eq!(plain_words(shown), "connection refused");
/// assert_eq!(plain_words("no route to 10.0.0.1"), "no route to 10.0.0.1");
/// let corrupt = "received corrupt message of type InvalidContentType";
/// assert_eq!(plain_words(corrupt), "the server does not speak TLS: write redis://");
/// ```
#[must_use]
pub fn plain_words(error: &str) -> String {
    if error.contains(NO_TLS) {
        return SPEAKS_NO_TLS.into();
    }
    let message =
        error.split_once("message: \"").and_then(|(_, rest)| rest.split_once('"')).map(|(message, _)| message);
    let text = message.unwrap_or(error);
    let text = text.split_once(" (os error").map_or(text, |(words, _)| words);
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if letters.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.into(),
    }
}

/// What is said of a server to which TLS was spoken in vain.
pub(super) const SPEAKS_NO_TLS: &str = "the server does not speak TLS: write redis://";

/// What is said of a server to which TLS was not spoken, and that may want it.
pub(super) const MAY_SPEAK_TLS: &str = "if it speaks TLS, write rediss://";

/// The word of rustls for what a server says that does not speak TLS.
const NO_TLS: &str = "InvalidContentType";

/// The words for a connection that the server has ended.
const ENDED: [&str; 4] = ["the server closed the connection", "connection reset", "connection aborted", "broken pipe"];

/// Returns the reason for which a client of others could not open a connection in the clear, with a hint where that is how a
/// server that speaks TLS refuses it.
///
/// ```
/// use redlock_core::system::perhaps_tls;
/// use redlock_core::{Cause, Unavailable};
///
/// let reset = Unavailable::with_detail(Cause::NotSent, "connection reset by peer");
/// let hint = "not reachable (connection reset by peer; if it speaks TLS, write rediss://)";
/// assert_eq!(perhaps_tls(reset).to_string(), hint);
/// let refused = Unavailable::with_detail(Cause::NotSent, "connection refused");
/// assert_eq!(perhaps_tls(refused.clone()), refused);
/// ```
#[must_use]
pub fn perhaps_tls(why: Unavailable) -> Unavailable {
    match (why.cause(), why.detail()) {
        (Cause::Unexpected, None) => Unavailable::with_detail(Cause::Unexpected, MAY_SPEAK_TLS),
        (Cause::NotSent, Some(detail)) if ENDED.iter().any(|words| detail.starts_with(words)) => {
            Unavailable::with_detail(Cause::NotSent, &format!("{detail}; {MAY_SPEAK_TLS}"))
        }
        _ => why,
    }
}
