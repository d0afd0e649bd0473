/// A text that was meant as the URL of a node, without whatever in it may be a password: for errors about a URL that
/// cannot be read.
///
/// Nothing between the scheme and the last `@` is shown, nothing behind a `?` or `#`, and nothing at all where there is
/// no telling what is what.
///
/// ```
/// use redlock_system::without_secrets;
///
/// assert_eq!(without_secrets("redis://user:secret@10.0.0.1:port"), "redis://***");
/// assert_eq!(without_secrets("redis://user:secret@10.0.0.1/x"), "redis://***@10.0.0.1/x");
/// ```
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'+') => (scheme, rest),
        _ => ("", url),
    };
    let separator = if scheme.is_empty() { "" } else { "://" };
    let shown = match rest.rsplit_once('@') {
        // The mark may stand inside of the password, or the @ inside of a parameter.
        Some((secret, _)) if secret.contains(['?', '#']) => "***".into(),
        Some((_, address)) => visible(address).map_or("***".into(), |address| format!("***@{address}")),
        None => visible(rest).unwrap_or("***").into(),
    };
    format!("{scheme}{separator}{shown}")
}

/// The address at the front, if it is one: a host with or without a port, and a path.
fn visible(text: &str) -> Option<&str> {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-[]".contains(&byte);
    let is_address = |byte: u8| byte.is_ascii_hexdigit() || b"[]:.".contains(&byte);
    let is_plain = host.bytes().all(is_host) || (host.starts_with('[') && host.bytes().all(is_address));
    let is_path = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    (is_plain && is_path && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}
