use std::string::String;

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
/// ```
#[must_use]
pub fn plain_words(error: &str) -> String {
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
