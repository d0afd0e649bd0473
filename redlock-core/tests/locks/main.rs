//! What an adapter relies on when it drives [`redlock_core::Locks`], one file a topic.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod connections;
mod crowds;
mod endings;
mod fences_in_turn;
mod figures;
mod handles;
mod inspections;
mod keep_alive;
mod life;
mod line;
mod naive;
mod observed;
mod one_by_one;
mod replicas;
mod silence;
mod slow;
mod trust;
mod turns;
mod turns_of_several;
mod world;
