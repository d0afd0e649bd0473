//! Exhaustive exploration of several handles that want one lock, wait in the queue of its home, and are called up.
//!
//! Each handle is the real [`Locks`](redlock_core::Locks), each node the model of a server, with its wait queue and its
//! subscriptions. A [`Scenario`] says how many there are and how much may go wrong. Inside it everything happens in every
//! order: calls of the users, commands that are carried out, replies and call-ups that arrive, in time or late, and time
//! that goes on.
//!
//! ```
//! use redlock_exploration::handles::{Scenario, explore};
//!
//! println!("{}", explore(&Scenario { jumps: 0, ..Scenario::new() }).unwrap());
//! ```
//!
//! # What it takes for granted
//!
//! - Commands and replies of a handle and a node come in order, and so do call-ups; a call-up and a reply may overtake each
//!   other, as over two connections.
//! - A connection that breaks is noticed by both ends at once, and opened again at once.
//! - The clocks of all handles and nodes agree, and time goes on to the next timer only.
//!
//! # How it knows what is right
//!
//! - No two users hold the lock at the same time.
//! - Where nothing is under way from or to a handle, no node keeps a free name for it, unless its call-up was lost.
//! - Where nothing is under way at all, nobody waits for a lock that nobody holds, unless something came late or was lost:
//!   then it asks when its longest wait between two attempts is over.
//! - From there, the world goes on without any more trouble until nothing is left to do. Then every user has had the lock or
//!   has given up, and no lock, no key and no turn is left.

mod action;
mod checks;
mod choices;
mod finish;
mod link;
mod narration;
mod scenario;
mod state;
mod violation;
mod worlds;

pub use scenario::{Late, Scenario};
pub use violation::Violation;
pub use worlds::explore;
