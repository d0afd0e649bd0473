//! Nodes inside the process, as the authors of transports have them in the examples of the suite.

#[allow(dead_code, reason = "a program of its own has a `main`")]
#[path = "../../conformance/examples/asynchronous.rs"]
pub(crate) mod asynchronous;
#[allow(dead_code, reason = "a program of its own has a `main`")]
#[path = "../../conformance/examples/blocking.rs"]
pub(crate) mod blocking;
