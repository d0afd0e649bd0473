//! Real Redis and Valkey processes for the tests of this workspace.
//!
//! The server is `redis-server`, or the binary whose path is in the environment variable `REDLOCK_SERVER`; the script
//! `tests/server.sh` fetches Valkey's and that of an old Redis.
//!
//! Every [`Server`] has a [port](Port) of the loopback interface and a temporary directory of its own, and is gone when
//! it is dropped. It can be paused, killed and restarted; its keys outlive that only if it is
//! [persistent](ServerBuilder::persistent), and its port is nobody else's meanwhile.
//!
//! ```
//! use redlock_tests::Servers;
//!
//! let mut masters = Servers::start(3);
//! masters[0].command(&["SET", "resource", "token"])?;
//! masters[0].kill();
//! masters[1].pause();
//! assert_eq!(masters[2].command(&["PING"])?, "PONG");
//! masters[0].restart();
//! assert_eq!(masters[0].command(&["EXISTS", "resource"])?, "0");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What does not work out panics, with the server's log where it explains why.
//!
//! [`paused_holders`] lets processes contend for a lock on such servers, and pauses them.
//!
//! [`lost_counters`] needs no server: it measures what becomes of fences when nodes lose their counters.

#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "nobody outside of this workspace builds on it"
)]

mod connection;
pub mod lost_counters;
mod middlebox;
pub mod paused_holders;
mod port;
mod process;
mod reply;
mod server;
mod servers;
mod wait;

pub use connection::{command_at, command_with_password_at};
pub use middlebox::Middlebox;
pub use port::Port;
pub use server::{Server, ServerBuilder};
pub use servers::Servers;
pub use wait::wait_until;
