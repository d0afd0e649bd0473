//! What a user of [`redlock_core::Lock`] relies on, one file a topic.

mod acquire;
mod adopt;
mod contract;
mod extend;
mod fencing;
mod harness;
mod keepers;
mod loss;
mod min_hold;
mod overlap;
mod release;
mod retry;
mod scripts;
mod several;
mod time;
