//! TCP, and the names of hosts.

use std::hint::spin_loop;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::channel;
use std::time::Duration;

use redlock_driver::net::{self, Network};
use socket2::{Domain, Socket, Type};

use crate::client::{connect, expect, expect_nothing, read, write_all};
use crate::server::{Server, echo};

/// IPv4 and IPv6 carry bytes both ways.
pub async fn both_families_carry_bytes_both_ways(network: impl Network) {
    for host in ["127.0.0.1", "[::1]"] {
        // Some machines have no IPv6.
        let Some(server) = Server::start_at(&format!("{host}:0"), echo) else { continue };
        let mut stream = connect(&network, &format!("redis://{host}:{}", server.port)).await.unwrap();
        write_all(&mut stream, b"PING\r\n").await.unwrap();
        expect(&mut stream, b"PING\r\n").await;
        drop(stream);
        server.join();
    }
}

/// A name is looked up, and the address at which somebody listens is used.
pub async fn a_name_is_looked_up(network: impl Network) {
    let server = Server::start(echo);
    let mut stream = connect(&network, &format!("redis://localhost:{}", server.port)).await.unwrap();
    write_all(&mut stream, b"PING\r\n").await.unwrap();
    expect(&mut stream, b"PING\r\n").await;
}

/// A name that nobody can have is an error which says so.
pub async fn an_unknown_name_is_an_error(network: impl Network) {
    // No label of a name is that long, so no name server is asked.
    let name = "a".repeat(64);
    let error = connect(&network, &format!("redis://{name}")).await.unwrap_err().to_string();
    let reason = error.strip_prefix(&format!("the name {name} cannot be looked up: ")).unwrap();
    assert!(!reason.contains("failed to lookup"), "{error}");
}

/// A port at which nobody listens is an error that names it.
pub async fn a_port_where_nobody_listens_is_an_error(network: impl Network) {
    // Bound, and never listening: nobody else gets it meanwhile.
    let kept = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    kept.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = kept.local_addr().unwrap().as_socket().unwrap().port();
    let error = connect(&network, &format!("redis://127.0.0.1:{port}")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(error.to_string(), format!("no connection to 127.0.0.1:{port} (connection refused)"));
}

/// A read of nothing does not wait, and whoever waits for something is woken by it, time and again.
pub async fn a_read_does_not_wait_and_whoever_waits_is_woken(network: impl Network) {
    let (sender, receiver) = channel();
    let server = Server::start(move |mut stream| {
        while receiver.recv().is_ok() {
            stream.write_all(b"x").unwrap();
        }
    });
    let mut stream = connect(&network, &format!("redis://127.0.0.1:{}", server.port)).await.unwrap();
    for _ in 0..100 {
        expect_nothing(&mut stream);
        sender.send(()).unwrap();
        expect(&mut stream, b"x").await;
    }
    drop(sender);
    server.join();
}

/// A write without room does not wait, and whoever waits for room is woken.
pub async fn a_write_does_not_wait_and_whoever_waits_is_woken(network: impl Network) {
    let (sender, receiver) = channel();
    let server = Server::start(move |mut stream| {
        receiver.recv().unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap()
    });
    let mut stream = connect(&network, &format!("redis://127.0.0.1:{}", server.port)).await.unwrap();
    let mut accepted = fill(&mut stream);
    sender.send(()).unwrap();
    let more = vec![0; 1 << 20];
    write_all(&mut stream, &more).await.unwrap();
    accepted += more.len();
    drop(stream);
    assert_eq!(server.join(), accepted);
}

/// Writes until there is no room, and returns how much had room.
fn fill(socket: &mut impl net::Socket) -> usize {
    let bytes = vec![0; 1 << 16];
    let mut accepted = 0;
    loop {
        match socket.write(&bytes) {
            Ok(length) => accepted += length,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return accepted;
            }
        }
    }
}

/// Bytes that are sent one by one arrive in order.
pub async fn single_bytes_arrive_in_order(network: impl Network) {
    let server = Server::start(echo);
    let mut stream = connect(&network, &format!("redis://127.0.0.1:{}", server.port)).await.unwrap();
    let bytes: Vec<u8> = (0..=255).collect();
    for byte in &bytes {
        write_all(&mut stream, &[*byte]).await.unwrap();
    }
    expect(&mut stream, &bytes).await;
}

/// Bytes that come in the very moment in which those before them are read are not missed.
///
/// Nobody can choose that moment, so the server tries many. It hangs up when it waits in vain.
pub async fn bytes_that_come_while_others_are_read_wake_as_well(network: impl Network) {
    let server = Server::start(|mut stream| {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut pause = (0..2_000).cycle();
        while stream.read_exact(&mut [0]).is_ok() {
            stream.write_all(b"a").unwrap();
            for _ in 0..pause.next().unwrap() {
                spin_loop();
            }
            stream.write_all(b"b").unwrap();
        }
    });
    let mut stream = connect(&network, &format!("redis://127.0.0.1:{}", server.port)).await.unwrap();
    for _ in 0..20_000 {
        write_all(&mut stream, b"?").await.unwrap();
        expect(&mut stream, b"ab").await;
    }
    drop(stream);
    server.join();
}

/// A connection that the server closes is read to its end.
pub async fn the_end_of_a_connection_is_read(network: impl Network) {
    let server = Server::start(|mut stream| stream.write_all(b"bye").unwrap());
    let mut stream = connect(&network, &format!("redis://127.0.0.1:{}", server.port)).await.unwrap();
    expect(&mut stream, b"bye").await;
    assert_eq!(read(&mut stream, &mut [0; 16]).await.unwrap(), 0);
}
