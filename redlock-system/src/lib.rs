//! What Redlock takes from the operating system: the clock of a holder and unguessable bytes.
//!
//! `redlock-core` knows neither; everything that drives it, async or not, takes them from here.
//!
//! ```
//! let started_at = redlock_system::now();
//! let seed = redlock_system::seed()?;
//! assert!(redlock_system::now() >= started_at);
//! assert_ne!(redlock_system::seed()?, seed);
//! # Ok::<(), redlock_system::NoEntropy>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod entropy;
mod secrets;
#[cfg(feature = "url")]
#[cfg_attr(docsrs, doc(cfg(feature = "url")))]
pub mod url;
mod words;

pub use clock::now;
pub use entropy::{NoEntropy, seed};
pub use secrets::without_secrets;
pub use words::plain_words;
