//! One connection as a pure machine: what an adapter relies on, one file a topic.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod dialects;
mod hostile;
mod life;
mod opening;
mod peer;
mod replies;
mod server;
mod subscriptions;
