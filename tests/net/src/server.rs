//! Servers in threads.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// A server that does something with its first connection, and then ends.
pub(crate) struct Server<T> {
    pub(crate) port: u16,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Server<T> {
    pub(crate) fn start(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        Self::start_at("127.0.0.1:0", serve).unwrap()
    }

    /// Returns nothing where the machine has no such address.
    pub(crate) fn start_at(address: &str, serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> Option<Self> {
        let listener = TcpListener::bind(address).ok()?;
        let port = listener.local_addr().unwrap().port();
        let thread = thread::spawn(move || serve(listener.accept().unwrap().0));
        Some(Self { port, thread })
    }

    /// Waits until it has ended.
    pub(crate) fn join(self) -> T {
        self.thread.join().unwrap()
    }
}

/// Sends back what comes, until there is no more.
pub(crate) fn echo(mut stream: impl Read + Write) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => stream.write_all(&buffer[..length]).unwrap(),
        }
    }
}
