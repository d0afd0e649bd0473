//! What redis-rs says, in the words of the core: answers, and why there is none.

use redis::{ErrorKind, RedisError, Value};
use redlock_core::system::unanswered;
use redlock_core::{Answer, Cause, Unavailable};

/// Gives `read` what the server answered.
pub(super) fn with_answer<T>(value: &Value, read: impl FnOnce(Answer<'_>) -> T) -> T {
    match value {
        Value::Okay => read(Answer::Ok),
        Value::Nil => read(Answer::Nil),
        Value::Int(number) => read(Answer::Integer(*number)),
        Value::BulkString(bytes) => read(Answer::Bytes(bytes)),
        Value::VerbatimString { text, .. } => read(Answer::Bytes(text.as_bytes())),
        Value::ServerError(error) => {
            read(Answer::Error(&format!("{} {}", error.code(), error.details().unwrap_or_default())))
        }
        _ => read(Answer::Other),
    }
}

/// Why the node cannot be used: what the server said, or `otherwise` with what the operating system said.
pub(super) fn unavailable(error: &RedisError, otherwise: Cause) -> Unavailable {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Unavailable::with_detail(Cause::NotAuthenticated, &error.to_string());
    }
    match (error.code(), error.kind()) {
        (None, ErrorKind::RESP3NotSupported) => Unavailable::from_server_error(WITHOUT_HELLO),
        (Some(code), _) => Unavailable::from_server_error(&format!("{code} {}", error.detail().unwrap_or_default())),
        (None, ErrorKind::Parse | ErrorKind::UnexpectedReturnType) => Unavailable::new(Cause::Unexpected),
        (None, _) if otherwise == Cause::NotSent && is_closed(error) => Unavailable::with_detail(otherwise, CLOSED),
        (None, _) => unanswered(&error.to_string(), otherwise),
    }
}

/// What a server before Redis 7 said, which redis-rs puts into other words.
const WITHOUT_HELLO: &str = "ERR unknown command 'HELLO'";

/// What a server has said before it closed the connection, redis-rs does not tell of a handshake of several commands.
const CLOSED: &str = "the server closed the connection at once, as it does when its max number of clients is reached";

/// A cluster client says the same of members that it could not connect to, and adds why.
fn is_closed(error: &RedisError) -> bool {
    let says_why = error.detail().is_some();
    error.is_connection_dropped() && !says_why && !error.is_connection_refusal() && !error.is_timeout()
}
