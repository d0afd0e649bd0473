use std::string::ToString;
use std::{format, vec::Vec};

use proptest::prelude::*;

use super::*;

fn tcp(host: &str, port: u16) -> NodeUrl {
    let address = Address::Tcp { host: host.into(), port, tls: false };
    NodeUrl { address, user: None, password: None, database: 0, resp2: false }
}

fn refusal(url: &str) -> String {
    NodeUrl::parse(url).expect_err(url).to_string()
}

#[test]
fn each_url_has_one_meaning() {
    let alice = |host| NodeUrl { user: Some("alice".into()), password: Some("p@ss".into()), ..tcp(host, 7001) };
    let socket = NodeUrl { address: Address::Unix("/run/a b.sock".into()), ..tcp("", 0) };
    let tls = Address::Tcp { host: "h".into(), port: 6380, tls: true };
    for (url, expected) in [
        ("redis://h", tcp("h", DEFAULT_PORT)),
        ("redis://H.Example:7001/", tcp("h.example", 7001)),
        ("valkey://[::1]:7001", tcp("::1", 7001)),
        ("redis://127.0.0.1", tcp("127.0.0.1", DEFAULT_PORT)),
        ("redis://h/3", NodeUrl { database: 3, ..tcp("h", DEFAULT_PORT) }),
        ("redis://h?db=3", NodeUrl { database: 3, ..tcp("h", DEFAULT_PORT) }),
        ("redis://h/?db=3&protocol=2", NodeUrl { database: 3, resp2: true, ..tcp("h", DEFAULT_PORT) }),
        ("redis://alice:p%40ss@h:7001", alice("h")),
        ("redis://:protocol=resp2@h", NodeUrl { password: Some("protocol=resp2".into()), ..tcp("h", DEFAULT_PORT) }),
        ("rediss://h:6380", NodeUrl { address: tls, ..tcp("h", 0) }),
        ("unix:///run/a%20b.sock", socket.clone()),
        ("redis+unix:///run/a%20b.sock?pass=p%26p", NodeUrl { password: Some("p&p".into()), ..socket }),
    ] {
        assert_eq!(NodeUrl::parse(url).as_ref(), Ok(&expected), "{url}");
    }
}

#[test]
fn what_is_not_understood_is_refused_with_the_reason() {
    for (url, reason) in [
        ("", "the node \"\" is not usable: it is empty: write it as redis://127.0.0.1:6379"),
        ("127.0.0.1:7001", "the scheme is missing: write it as redis://"),
        ("localhost", "the scheme is missing"),
        ("http://h", "the scheme is not one of"),
        ("redis-cluster://h", "the scheme is not one of"),
        ("redis://", "the host is missing"),
        ("redis://:7001", "host"),
        ("redis://h:port", "the port is not a number from 1 to 65535"),
        ("redis://h:99999/3", "the port is not a number from 1 to 65535"),
        ("redis://h:0", "the port is not a number from 1 to 65535"),
        ("redis://:word@h:99999", "the port is not a number from 1 to 65535"),
        ("redis://h:1,g:2", "several nodes are given one by one"),
        ("redis://h:1,redis://g:2", "several nodes are given one by one"),
        ("redis://h,redis://g", "several nodes are given one by one"),
        ("redis://h,g", "several nodes are given one by one"),
        ("redis://h;redis://g", "several nodes are given one by one"),
        ("redis://h:1 redis://g:2", "several nodes are given one by one"),
        ("redis://:wo/rd@h", "in a password write"),
        ("redis://bob:wo/rd@h", "in a password write"),
        ("redis://h/db", "not a number from 0 to 255"),
        ("redis://h/256", "not a number from 0 to 255"),
        ("redis://h/-1", "not a number from 0 to 255"),
        ("redis://h/0/", "not a number from 0 to 255"),
        ("redis://h/3?db=3", "name it once"),
        ("redis://h?db=", "not a number"),
        ("redis://h?db=1&db=2", "the parameter db stands there twice"),
        ("redis://h?timeot=5", "the parameter timeot is not known"),
        ("redis://h?password=x", "the parameter password is not known"),
        ("redis://h?protocol=4", "neither resp2 nor resp3"),
        ("redis://h?db=1&timeot=5", "the parameter timeot is not known"),
        ("redis://127.0.0.1:1?timeot=5", "the parameter timeot is not known"),
        ("redis://user:word@h:1?timeot=5", "the parameter timeot is not known"),
        ("redis://bob:12?secret=x", "the parameter number 1 behind the ?"),
        ("redis://bob:12?db=1&secret=x", "the parameter number 2 behind the ?"),
        ("unix:///run/redis.sock?pass=hunter&secret", "the parameter number 2 behind the ?"),
        ("redis://h?&db=1", "the parameter number 1 behind the ?"),
        ("redis://h ", "a blank or a control character"),
        ("redis://:a\tb@h", "a blank or a control character"),
        ("unix:///run/a%0Ab.sock", "the path has a control character"),
        ("redis://h#insecure", "nothing may stand behind a #"),
        ("rediss://h#insecure", "nothing may stand behind a #"),
        ("redis://alice@h", "a user without a password"),
        ("redis://nosuch:@h", "a user without a password"),
        ("redis://:@h", "the password is empty"),
        ("redis://:a%zz@h", "the password has a broken escape"),
        ("redis://:a%4@h", "the password has a broken escape"),
        ("redis://:a%FF@h", "the password is not UTF-8"),
        ("unix://", "the path of the socket is missing"),
        ("unix://run/redis.sock", "a socket has no host"),
        ("unix:///run/redis.sock?db=256", "from 0 to 255"),
        ("unix:///run/redis.sock?user=u", "a user without a password"),
        ("unix:///run/redis.sock?pass=", "must not be empty"),
    ] {
        assert!(refusal(url).contains(reason), "{url}: {}", refusal(url));
    }
}

#[test]
fn what_may_be_a_password_is_not_shown() {
    for (url, shown) in [
        ("redis://:sec#ret@host:6379", "redis://***"),
        ("redis://:p@s:s/w@host", "redis://***@host"),
        ("redis://bob:1234#x@host", "redis://***"),
        ("redis://h?password=se@cret", "redis://***"),
        ("redis://host?pass=secret", "redis://host"),
        ("redis://:secret", "redis://***"),
        ("redis://host:port", "redis://***"),
        ("redis://bob:12?secret=x", "redis://bob:***"),
        ("redis://bob:12#secret", "redis://bob:***"),
        ("redis://bob:12/secret", "redis://bob:***"),
        ("redis://bob:/secret", "redis://bob:***"),
        ("redis://bob/x", "redis://bob/x"),
        ("redis://10.0.0.1:12?x=y", "redis://10.0.0.1:12"),
        ("redis://[::1]:12?x=y", "redis://[::1]:12"),
        ("redis://user:12345678", "redis://user:***"),
        ("redis://h:99999", "redis://h:***"),
        ("redis://10.0.0.1:99999", "redis://10.0.0.1:99999"),
        ("redis://[::1]:99999", "redis://[::1]:99999"),
        ("redis://localhost:99999", "redis://localhost:99999"),
        ("redis://:secret@h:99999", "redis://***@h:***"),
        ("redis://:99999", "redis://***"),
        ("redis://user:+88", "redis://***"),
        ("hunter2", "***"),
        ("secretabc://x@host", "***@host"),
        ("secret@host", "***@host"),
        ("127.0.0.1:7001x", "***"),
        ("127.0.0.1:7001", "127.0.0.1:7001"),
        ("unix:///run/redis?pass=secret", "unix:///run/redis"),
        ("http://host", "http://host"),
        ("", "\"\""),
    ] {
        assert_eq!(without_secrets(url), shown);
    }
}

/// Characters that stand in no message, so that three of them in a row can only come from the password.
fn password() -> impl Strategy<Value = String> {
    prop_oneof!["[QZ89!$~^éß@:/?#%&=+]{3,24}", "[qxzjk&=?#/@:]{3,24}"]
}

/// Every other character with its number.
fn half_encoded(password: &str) -> String {
    let encode = |(place, letter): (usize, char)| {
        let mut buffer = [0; 4];
        let bytes = letter.encode_utf8(&mut buffer).bytes();
        if place % 2 == 0 {
            bytes.map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
        } else {
            letter.into()
        }
    };
    password.chars().enumerate().map(encode).collect()
}

/// Returns whether three characters in a row of what was typed are in the text, beside those that are there whatever
/// the password is: the marks of every URL, and the escapes that the messages recommend.
fn leaks(text: &str, typed: &str) -> bool {
    let letters: Vec<char> = typed.chars().collect();
    letters.windows(3).any(|three| {
        let three: String = three.iter().collect();
        !["rediss://***@host:7001/1", "redis://:***", "unix:///run/redis.sock", ESCAPES]
            .iter()
            .any(|constant| constant.contains(&three))
            && text.contains(&three)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn no_part_of_a_password_is_ever_shown(password in password(), form in 0..12) {
        let typed = if form % 2 == 0 { password.clone() } else { half_encoded(&password) };
        let url = match form / 2 {
            0 => format!("redis://:{typed}@host:7001/1"),
            1 => format!("rediss://user:{typed}@host/x"),
            2 => format!("unix:///run/redis.sock?user=user&pass={typed}"),
            3 => format!("redis://host?password={typed}"),
            // The host is forgotten.
            4 => format!("redis://user:{typed}"),
            _ => format!("redis://:{typed}"),
        };
        let shown = match NodeUrl::parse(&url) {
            // What can be read shows its address, whatever the person meant; and what is behind the last @ is one.
            Ok(_) if form >= 8 => return Ok(()),
            Err(_) if form >= 8 && typed.contains('@') => return Ok(()),
            Ok(read) => format!("{read:?} {}", read.address),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!leaks(&shown, &password) && !leaks(&shown, &typed), "{url} is shown as {shown}");
    }
}
