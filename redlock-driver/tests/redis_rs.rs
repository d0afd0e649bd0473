//! Connections over redis-rs, to a server of a few answers.

#![cfg(feature = "redis-tokio-comp")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

use std::future::poll_fn;
use std::net::TcpListener;
use std::thread;

use redlock_driver::redis_rs::{RedisTransport, redis};
use redlock_driver::transport::{Connection as _, Heard, Transport as _, WaiterId};
use redlock_net_tests::commands::serve;

fn answer(words: &[Vec<u8>]) -> &'static [u8] {
    match words[0].as_slice() {
        b"HELLO" => b"%0\r\n",
        b"INFO" | b"CONFIG" => b"_\r\n",
        b"SUBSCRIBE" => b"-ERR not now\r\n",
        _ => b":1\r\n",
    }
}

/// A handle that waits asks again every second, for as long as the connection lasts.
#[tokio::test]
async fn a_subscription_that_is_refused_again_and_again_costs_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/?protocol=resp3", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        serve(&stream, &stream, answer);
    });

    let mut transport = RedisTransport::new(redis::Client::open(url).unwrap());
    let (mut connection, waiter) = (transport.connect().await.unwrap(), WaiterId::new([7; 16]));
    for _ in 0..20_000 {
        connection.subscribe(&waiter);
        let heard = poll_fn(|context| connection.poll_heard(context)).await;
        assert!(matches!(heard, Heard::Deaf(_)), "{heard:?}");
    }
}
