use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// A thread that does something at an interval, until this is dropped.
///
/// The thread waits for a message that never comes: the end of the channel wakes it at once. So nothing here is
/// synchronised by hand.
pub(crate) struct Collector {
    _alive: Sender<()>,
}

impl Collector {
    pub(crate) fn start(interval: Duration, collect: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (alive, end) = mpsc::channel();
        thread::Builder::new().name("redlock-cache".into()).spawn(move || {
            while end.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                collect();
            }
        })?;
        Ok(Self { _alive: alive })
    }
}
