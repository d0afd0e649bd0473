use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::time::Duration;

use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use socket2::SockRef;

/// A connected socket that does not block, of the kinds that servers listen on.
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// What a socket can be told to wait for at least: less is taken for no limit at all.
const SHORTEST_WAIT: Duration = Duration::from_micros(1);

/// Does the same with whatever kind of socket it is.
macro_rules! on_socket {
    ($socket:expr, $stream:ident => $work:expr) => {
        match $socket {
            Socket::Tcp($stream) => $work,
            #[cfg(unix)]
            Socket::Unix($stream) => $work,
        }
    };
}

impl Socket {
    /// Returns what tells of something to read, for the thread that waits for all nodes at once.
    pub(super) fn source(&mut self) -> &mut dyn Source {
        on_socket!(self, stream => stream)
    }

    /// Waits until there is something to read, for about `timeout` at most. It may come back early.
    pub(super) fn wait_readable(&self, timeout: Duration) -> io::Result<()> {
        let socket = on_socket!(self, stream => SockRef::from(stream));
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(timeout.max(SHORTEST_WAIT)))?;
        let waited = socket.peek(&mut [MaybeUninit::uninit()]);
        socket.set_nonblocking(true)?;
        match waited {
            Err(error) if !is_early(error.kind()) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Returns whether an error only says that there is nothing to read yet. A signal ends the waiting, too, whatever is said of
/// other system calls.
const fn is_early(error: io::ErrorKind) -> bool {
    matches!(error, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        on_socket!(self, stream => stream.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        on_socket!(self, stream => stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn even_the_shortest_wait_has_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = Socket::Tcp(TcpStream::from_std(stream));
        let (sender, waited) = mpsc::channel();
        thread::spawn(move || sender.send(socket.wait_readable(Duration::from_nanos(1))));
        waited.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
    }
}
