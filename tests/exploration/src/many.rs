//! Exhaustive exploration of [`Locks`](redlock_core::Locks), the machine of many locks: what two [`Lock`]s are in the
//! worlds beside, one process with all its connections is here.
//!
//! A [`Scenario`] says how many nodes and users there are and how much may go wrong. Inside it everything happens in
//! every order: calls of the users, connections that open, fail and break, commands that are carried out, replies that
//! arrive, and time that jumps to the next timer.
//!
//! [`Lock`]: redlock_core::Lock
//!
//! ```
//! use redlock_exploration::many::{Scenario, explore};
//!
//! println!("{}", explore(&Scenario { users: 1, jumps: 0, ..Scenario::new() }).unwrap());
//! ```
//!
//! # What it takes for granted
//!
//! - A connection that breaks loses the commands that were not carried out, or the node carries them out later, when it
//!   likes, and nobody gets the replies. Replies that were given may still arrive until the process notices the break.
//! - No time passes between two jumps.
//! - The clocks of the process and of the nodes agree.
//!
//! # How it knows what is right
//!
//! - A reply is handed to a copy of the lock that it is meant for as well: that lock must become equal to the copy, and
//!   all others must stay as they are.
//! - Where no message is under way, the world goes on without any more trouble until nothing is left to do: then every
//!   user was told, no lock is left and no key is.

mod action;
mod checks;
mod choices;
mod finish;
mod scenario;
mod site;
mod state;
mod user;
mod violation;
mod worlds;

pub use scenario::Scenario;
pub use violation::Violation;
pub use worlds::explore;
