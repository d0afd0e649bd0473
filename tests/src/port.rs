use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A port of the loopback interface that nobody had, and that the system gives to nobody else as long as this lives,
/// whether a server listens on it or not.
///
/// Without that, the port of a server that was killed can become that of another test's, and then its clients lock
/// there. Only Linux lets a server listen on a port that is kept like this; elsewhere it is not kept.
#[derive(Debug)]
pub struct Port {
    number: u16,
    // Bound, and never listening: whoever asks for this very port may have it, who asks for any gets another one.
    _kept: Option<Socket>,
}

impl Port {
    /// Takes a free port.
    ///
    /// # Panics
    ///
    /// If none is free.
    #[must_use]
    pub fn free() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
        socket.set_reuse_address(true).expect("a socket can share its address");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port is free");
        let address = socket.local_addr().ok().and_then(|address| address.as_socket());
        let number = address.expect("a bound socket has an address").port();
        Self { number, _kept: cfg!(target_os = "linux").then_some(socket) }
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// What the system does when it looks for a port for somebody: nothing of it may be in use.
    fn is_given_to_others(port: u16) -> bool {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
        match socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AddrInUse => false,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_port_is_kept_until_it_is_dropped() {
        let port = Port::free();
        let number = port.number();
        assert!(!is_given_to_others(number));
        drop(port);
        assert!(is_given_to_others(number));
    }

    #[test]
    fn a_server_may_listen_on_it_and_without_one_nobody_can_connect() {
        let port = Port::free();
        let address = (Ipv4Addr::LOCALHOST, port.number());
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let server = TcpListener::bind(address).unwrap();
        TcpStream::connect(address).unwrap();
        drop(server);
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert!(!is_given_to_others(port.number()));
    }
}
