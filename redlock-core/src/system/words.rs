use std::error::Error;
use std::string::{String, ToString as _};
use std::{format, io};

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

/// Words of an error about trust: a marker, which [`reworded`] keeps.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotTrusted(String);

/// Returns an error of a socket that says that the server, or this client, is not trusted.
#[cfg(feature = "tls")]
pub(super) fn not_trusted(kind: io::ErrorKind, words: String) -> io::Error {
    io::Error::new(kind, NotTrusted(words))
}

fn is_about_trust(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<NotTrusted>)
}

/// Returns the same error with other words. What [`not_sent`] tells apart stays so.
#[must_use]
pub fn reworded(error: &io::Error, words: String) -> io::Error {
    let kind = error.kind();
    if is_about_trust(error) { io::Error::new(kind, NotTrusted(words)) } else { io::Error::new(kind, words) }
}

/// Returns the reason for which nothing was sent to a server, from the error with which the connection could not be opened:
/// [`Cause::NotTrusted`] for one of [`tls`](super::tls) about certificates, and [`Cause::NotSent`] for any other.
#[must_use]
pub fn not_sent(error: &io::Error) -> Unavailable {
    let cause = if is_about_trust(error) { Cause::NotTrusted } else { Cause::NotSent };
    Unavailable::with_detail(cause, &plain_words(&error.to_string()))
}

/// Returns the reason for which a client of others has no answer, from the text of its error: [`Cause::NotTrusted`] for one of
/// rustls about certificates, and `otherwise` for any other.
///
/// ```
/// use redlock_core::Cause;
/// use redlock_core::system::unanswered;
///
/// let why = unanswered("invalid peer certificate: UnknownIssuer", Cause::NotSent);
/// assert_eq!(why.cause(), Cause::NotTrusted);
/// let shown = "Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }";
/// assert_eq!(unanswered(shown, Cause::NotSent), why);
/// assert_eq!(unanswered("Connection refused (os error 111)", Cause::NotSent).cause(), Cause::NotSent);
/// ```
#[must_use]
pub fn unanswered(error: &str, otherwise: Cause) -> Unavailable {
    let said = SHOWN.iter().find_map(|(shown, said)| {
        let (_, inner) = error.split_once(shown)?;
        Some(format!("{said}{}", inner.rsplit_once(')').map_or(inner, |(reason, _)| reason)))
    });
    let error = said.as_deref().unwrap_or(error);
    let cause = if is_distrust(error) { Cause::NotTrusted } else { otherwise };
    Unavailable::with_detail(cause, &plain_words(error))
}

/// How rustls shows an error to programmers, in which form some clients hand it on, and how it begins for people.
const SHOWN: [(&str, &str); 2] = [("InvalidCertificate(", UNUSABLE_CERTIFICATE), ("AlertReceived(", ALERT)];
const UNUSABLE_CERTIFICATE: &str = "invalid peer certificate: ";
const ALERT: &str = "received fatal alert: ";

/// A certificate that is not valid yet will be.
pub(super) fn is_distrust(error: &str) -> bool {
    match error.split_once(UNUSABLE_CERTIFICATE) {
        Some((_, reason)) => !reason.starts_with("certificate not valid yet") && !reason.starts_with("NotValidYet"),
        None => error.contains(ALERT) && OF_CERTIFICATES.iter().any(|alert| error.contains(alert)),
    }
}

/// The words of rustls for the alerts by which a server does not accept the client's certificate.
const OF_CERTIFICATES: [&str; 3] = ["Certificate", "UnknownCA", "AccessDenied"];
