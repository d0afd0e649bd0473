//! A server that grants everything and keeps nothing, on sockets.

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::thread;

use redlock_net_tests::commands::{self, next_command};

/// Answers as a server that has no keys and grants everything, until the client is gone.
pub(crate) fn serve(reader: impl Read, writer: impl Write) {
    commands::serve(reader, writer, answer);
}

fn answer(words: &[Vec<u8>]) -> &'static [u8] {
    match words[0].as_slice() {
        b"HELLO" => b"%0\r\n",
        b"SET" => b"+OK\r\n",
        b"INFO" | b"CONFIG" => b"_\r\n",
        _ => b":1\r\n",
    }
}

/// Answers as [`serve`] does until the client is greeted, and never stops talking from then on: tells of each 64 KiB.
pub(crate) fn chat(mut stream: TcpStream, said: &Sender<()>) {
    let pushes = b">1\r\n+x\r\n".repeat(8 * 1024);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(words) = next_command(&mut reader) {
        if stream.write_all(answer(&words)).is_err() {
            return;
        }
        if words[0] == b"CONFIG" {
            while stream.write_all(&pushes).is_ok() {
                // Nobody may want to know it any more.
                let _ = said.send(());
            }
        }
    }
}

/// Starts a server that does this with every connection, and returns its URL.
pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (serve, stream) = (serve.clone(), stream.unwrap());
            thread::spawn(move || serve(stream));
        }
    });
    url
}
