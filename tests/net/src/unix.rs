//! Unix sockets.

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::thread;

use redlock_driver::net::Network;
use socket2::{Domain, SockAddr, Type};

use crate::client::{connect, expect, write_all};
use crate::server::echo;

fn url(path: &Path) -> String {
    format!("unix://{}", path.display())
}

/// A Unix socket carries bytes both ways.
pub async fn a_unix_socket_carries_bytes_both_ways(network: impl Network) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redis.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || echo(listener.accept().unwrap().0));
    let mut stream = connect(&network, &url(&path)).await.unwrap();
    write_all(&mut stream, b"PING\r\n").await.unwrap();
    expect(&mut stream, b"PING\r\n").await;
    drop(stream);
    server.join().unwrap();
}

/// A path at which there is no socket is an error that names it.
pub async fn a_path_without_a_server_is_an_error(network: impl Network) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redis.sock");
    let error = connect(&network, &url(&path)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), format!("no connection to {} (no such file or directory)", path.display()));
}

/// A server for which too many others wait already is reached as soon as it has taken one of them.
pub async fn a_server_with_a_full_queue_is_reached_when_there_is_room(network: impl Network) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redis.sock");
    let listener = with_short_queue(&path);
    let mut waiting = Vec::new();
    let full = loop {
        match network.connect_unix(&path).await {
            Ok(socket) => waiting.push(socket),
            Err(error) => break error,
        }
        assert!(waiting.len() < 100, "the queue has no end");
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock, "{full}");

    let url = url(&path);
    let mut opening = pin!(connect(&network, &url));
    assert!(poll_fn(|context| Poll::Ready(opening.as_mut().poll(context).is_pending())).await);
    let server = thread::spawn(move || {
        for _ in waiting {
            drop(listener.accept().unwrap());
        }
        echo(listener.accept().unwrap().0);
    });
    let mut stream = opening.await.unwrap();
    write_all(&mut stream, b"PING\r\n").await.unwrap();
    expect(&mut stream, b"PING\r\n").await;
    drop(stream);
    server.join().unwrap();
}

fn with_short_queue(path: &Path) -> UnixListener {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(path).unwrap()).unwrap();
    socket.listen(1).unwrap();
    socket.into()
}
