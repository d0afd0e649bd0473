use std::format;
use std::net::{IpAddr, SocketAddr};
use std::string::String;

/// Returns a text that was meant as the URL of a node, without whatever in it may be a password: for errors about a URL that
/// cannot be read.
///
/// Nothing between the scheme and the last `@` is shown, nothing behind a `?` or `#`, and nothing at all where there is
/// no telling what is what; of `redis://bob:12?x` not the number, which may be the front of a password.
///
/// ```
/// use redlock_core::system::without_secrets;
///
/// assert_eq!(without_secrets("redis://user:secret@10.0.0.1:port"), "redis://***");
/// assert_eq!(without_secrets("redis://user:secret@10.0.0.1/x"), "redis://***@10.0.0.1/x");
/// ```
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let is_scheme = SCHEMES.contains(&scheme);
    let (scheme, separator) = if is_scheme { (scheme, "://") } else { ("", "") };
    let shown = match rest.rsplit_once('@') {
        // The mark may stand inside of the password, or the @ inside of a parameter.
        Some((secret, _)) if secret.contains(['?', '#']) => "***".into(),
        Some((_, address)) => visible(address).map_or("***".into(), |address| format!("***@{address}")),
        // Without a scheme it may be anything.
        None if !is_scheme && !is_ip_address(url) => if url.is_empty() { "\"\"" } else { "***" }.into(),
        None => match visible(rest) {
            Some(address) if !is_certain(rest) => {
                let (host, _) = address.split_once(':').unwrap_or((&address, ""));
                format!("{host}:***")
            }
            address => address.unwrap_or("***".into()),
        },
    };
    format!("{scheme}{separator}{shown}")
}

/// The schemes that a person may have meant.
const SCHEMES: [&str; 11] = [
    "http",
    "https",
    "redis",
    "redis+unix",
    "redis-cluster",
    "redis-sentinel",
    "rediss",
    "unix",
    "valkey",
    "valkey+unix",
    "valkeys",
];

/// Returns whether what stands behind the scheme begins with an address for certain.
///
/// `bob:12?x` may be a port and a parameter, or a user and a password with a `?` in it, whose host was forgotten.
pub(crate) fn is_certain(text: &str) -> bool {
    let (authority, rest) = text.split_at(text.find(['/', '?', '#']).unwrap_or(text.len()));
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    rest.is_empty()
        || authority.contains('@')
        || !authority.contains(':')
        || host == "localhost"
        || is_ip_address(authority)
}

fn is_ip_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

/// The address at the front, if it is one: a host with or without a port, and a path. Of a number that is no port, it may be a
/// password, the host is shown, and the number where the host is certain to be one.
fn visible(text: &str) -> Option<String> {
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
    // A port without a host is rather a password without one, and so is one with a sign.
    let is_number = !host.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if !(is_plain && is_path && (port.is_empty() || is_number)) {
        return None;
    }
    let is_known = host == "localhost" || is_ip_address(host.trim_start_matches('[').trim_end_matches(']'));
    let is_port = port.is_empty() || port.parse::<u16>().is_ok();
    Some(if is_port || is_known { text.into() } else { format!("{host}:***") })
}
