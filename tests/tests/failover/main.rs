//! Nodes that fail over: a master that sentinels name, and a whole cluster, each as one node of a quorum.

mod cluster;
mod fixture;
mod sentinel;
