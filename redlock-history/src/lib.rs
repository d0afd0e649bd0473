//! The history of distributed locks: who waited, held and lost which lock, and what each node said, written as JSON lines by
//! any handle of [Redlock for Rust](https://docs.rs/redlock-tokio), and drawn as a picture.
//!
//! # Record
//!
//! Hand a `Recorder` to the builder of a handle, async or blocking:
//!
//! ```ignore
//! let recorder = Recorder::append_to("web-1.jsonl")?;
//! let redlock = Redlock::builder().nodes(nodes).observer(recorder).build()?;
//! ```
//!
//! From a shell, `redlock run NAME --record FILE -- COMMAND` does that.
//!
//! # Draw
//!
//! The recordings of several processes make one picture, on the wall clock. What is drawn of processes on several machines is
//! as exact as their clocks agree.
//!
#![cfg_attr(feature = "recording", doc = "```no_run")]
#![cfg_attr(not(feature = "recording"), doc = "```ignore")]
//! use redlock_history::History;
//!
//! let mut history = History::new();
//! for file in ["web-1.jsonl", "web-2.jsonl"] {
//!     history.read(std::io::BufReader::new(std::fs::File::open(file)?))?;
//! }
//! std::fs::write("lock.svg", history.picture().to_string())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! From a shell, `redlock picture web-1.jsonl web-2.jsonl -o lock.svg` does that.
//!
//! # Features
//!
//! - `recording` (default): all of the above; without it there is only [`drawing`], which depends on nothing.
//!
#![doc = include_str!("format.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod drawing;
#[cfg(feature = "recording")]
mod history;
#[cfg(feature = "recording")]
mod picture;
#[cfg(feature = "recording")]
mod record;
#[cfg(feature = "recording")]
mod recorder;
#[cfg(feature = "recording")]
mod story;

#[cfg(feature = "recording")]
#[cfg_attr(docsrs, doc(cfg(feature = "recording")))]
pub use history::{History, HistoryError};
#[cfg(feature = "recording")]
#[cfg_attr(docsrs, doc(cfg(feature = "recording")))]
pub use recorder::Recorder;
