//! The command `redlock` as a process, on real servers.

mod bench;
mod help;
mod if_free;
mod losing;
mod run;
mod signals;
mod status;
mod terminal;
mod token;
mod tool;
