use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// The time without a word from the other side after which a TCP connection is probed, and the time between probes.
///
/// A server that is gone without a word is noticed while nothing is sent.
pub const KEEPALIVE: Duration = Duration::from_secs(5);

/// The time for which sent bytes, and probes, may be without an acknowledgement before Linux closes the connection.
///
/// Twice [`KEEPALIVE`]: one lost probe does not end a connection.
pub const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);

/// Sets the options of a TCP connection to a node: small commands are sent at once (`TCP_NODELAY`), and a server that is
/// gone is noticed soon ([`KEEPALIVE`]; on Linux and Android also [`TCP_USER_TIMEOUT`]), as far as the system knows how.
///
/// # Errors
///
/// The operating system's, usually because the connection is broken already.
#[cfg(unix)]
pub fn set_tcp_options(socket: &impl std::os::fd::AsFd) -> io::Result<()> {
    set(&SockRef::from(socket))
}

/// Sets the options of a TCP connection to a node: small commands are sent at once (`TCP_NODELAY`), and a server that is
/// gone is noticed soon ([`KEEPALIVE`]), as far as the system knows how.
///
/// # Errors
///
/// The operating system's, usually because the connection is broken already.
#[cfg(windows)]
pub fn set_tcp_options(socket: &impl std::os::windows::io::AsSocket) -> io::Result<()> {
    set(&SockRef::from(socket))
}

fn set(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    watch(socket);
    Ok(())
}

/// Has the system look whether the server is gone, as well as it can: what it does not notice, a silent connection shows later.
fn watch(socket: &SockRef<'_>) {
    let _ = socket.set_tcp_keepalive(&keepalive());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT));
}

fn keepalive() -> TcpKeepalive {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    #[cfg(any(windows, target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple"))]
    let keepalive = keepalive.with_interval(KEEPALIVE);
    keepalive
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_options_are_set() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        set_tcp_options(&socket).unwrap();
        let socket = SockRef::from(&socket);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        #[cfg(any(target_os = "linux", target_os = "android"))]
        assert_eq!(
            (socket.tcp_keepalive_time().unwrap(), socket.tcp_keepalive_interval().unwrap()),
            (KEEPALIVE, KEEPALIVE)
        );
        #[cfg(any(target_os = "linux", target_os = "android"))]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(TCP_USER_TIMEOUT));
    }

    /// What a socket of another kind does not know stands for what a system does not know.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn an_option_that_is_not_known_is_done_without() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = SockRef::from(&socket);
        assert!(socket.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT)).is_err());
        watch(&socket);
        assert!(socket.keepalive().unwrap());
    }
}
