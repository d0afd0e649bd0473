//! What Redlock takes from the operating system: the clock of a holder and unguessable bytes; and what adapters say and
//! read in its words.
//!
//! The machines of this crate know nothing of it; everything that drives them, async or not, takes it from here.
//!
//! ```
//! use redlock_core::system::{NoEntropy, now, seed};
//!
//! let started_at = now();
//! let first = seed()?;
//! assert!(now() >= started_at);
//! assert_ne!(seed()?, first);
//! # Ok::<(), NoEntropy>(())
//! ```

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the one place that reads a clock and draws")]

pub mod addresses;
mod clock;
mod entropy;
#[cfg(feature = "net")]
mod net;
mod secrets;
#[cfg(feature = "url")]
#[cfg_attr(docsrs, doc(cfg(feature = "url")))]
pub mod seeds;
pub mod socket;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub mod tls;
#[cfg(feature = "url")]
#[cfg_attr(docsrs, doc(cfg(feature = "url")))]
pub mod url;
mod words;

pub use clock::{now, wall_clock};
pub use entropy::{NoEntropy, seed};
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
pub use net::{KEEPALIVE, TCP_USER_TIMEOUT, set_tcp_options};
pub use secrets::without_secrets;
pub use words::{not_sent, perhaps_tls, plain_words, reworded, unanswered};
