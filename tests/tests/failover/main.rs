//! Nodes that fail over: a master that sentinels name, and a whole cluster, each as one node of a quorum.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

mod cluster;
mod fixture;
mod kind;
mod redis_rs;
mod sentinel;
mod tls;
