//! One connection to a Redis or Valkey server as a pure state machine: bytes in, bytes out.
//!
//! It encodes commands, reads replies in their order, and opens the connection: protocol, user, database, and the
//! [probes](crate::Probe) that tell whether the node can release what it grants, all in one round trip. Sockets, TLS and
//! time are its owner's.
//!
//! ```text
//!   Settings ─▶ Opening ──────────────▶ Connection ◀── send(Command)
//!                 │ │ HELLO, SELECT,        │ │
//!                 │ │ probes, and back      │ └─▶ poll_event: Reply, Heard, Broken
//!                 ▼ ▲                       ▼ ▲
//!       unwritten   read_buffer   unwritten   read_buffer
//!                 │ │                       │ │
//!                 ▼ ▲        a socket       ▼ ▲
//! ```
//!
//! **After every call: write what is [unwritten](Connection::unwritten), and poll all events.**
//!
//! ```
//! use core::time::Duration;
//! use redlock_core::resp::{Event, Opening, Settings};
//! use redlock_core::{Config, Instant, Lock, Options, Reply, Request};
//!
//! let mut opening = Opening::new(&Settings::new());
//! let greeting = opening.unwritten().to_vec();
//! assert!(greeting.starts_with(b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"));
//! opening.handle_written(greeting.len()); // to the server
//!
//! // From the server: the answers to HELLO, to the two probes and to the two scripts.
//! opening.handle_bytes(b"%1\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n:1\r\n:1\r\n+loaded\r\n+loaded\r\n");
//! opening.handle_bytes(&b"_\r\n".repeat(5)); // And it may not be asked what there is to know of it.
//! let mut connection = opening.poll().expect("all was answered")?;
//! assert_eq!(connection.facts().server(), Some("valkey"));
//!
//! let config = Config::builder(["only"]).build()?;
//! let request = Request::new(&config, "job", Duration::from_secs(10), Options::new())?;
//! let mut lock = Lock::acquire(&config, request, [7; 32], Instant::EPOCH);
//! connection.send(&lock.poll_command().expect("a lock begins with a command"));
//! assert!(connection.unwritten().starts_with(b"*6\r\n$3\r\nSET\r\n$3\r\njob\r\n"));
//!
//! connection.handle_bytes(b"+OK\r\n");
//! assert_eq!(connection.poll_event(), Some(Event::Reply(Reply::Done)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Call-ups
//!
//! Whoever waits [subscribes](Connection::subscribe): in RESP3 over the same connection, in RESP2 over one that does nothing
//! else; [`Connection::hearing`] tells which.
//!
//! # Bounds
//!
//! A reply may have 64 KiB and be nested eight deep; whatever is longer, deeper or no RESP at all breaks the connection
//! with [`Cause::Unexpected`](crate::Cause::Unexpected). Nothing is allocated because a server announces a size, and
//! nothing at all for the replies to commands. The buffer of the bytes that were read has 80 KiB at most, if they are
//! read into the [`read_buffer`](Connection::read_buffer) and all events are polled. That of the bytes to be written
//! grows with the most that was unwritten at once, and shrinks back to 16 KiB when all is written. Every byte is looked
//! at once, however small the pieces are in which it comes. Only the first line of a text, of 23 bytes at most, is looked
//! at again with each piece of the text.
//!
//! Source: the [RESP specification][resp].
//!
//! [resp]: https://redis.io/docs/latest/develop/reference/protocol-spec/

mod buffers;
mod connection;
mod element;
mod frame;
mod hello;
mod inquiry;
mod opening;
mod settings;

pub use self::connection::{Connection, Event, Push};
pub use self::inquiry::{Inquiry, Statement};
pub use self::opening::Opening;
pub use self::settings::Settings;
