//! Commands for which a socket has not enough room at once.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use redlock_blocking::{NodeTimeout, Redlock, ReleaseVerdict};

use crate::link::{SOON, TTL};

/// Answers as a server that has no keys and grants everything.
fn serve(stream: UnixStream) {
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone().unwrap()), stream);
    while let Some(words) = next_command(&mut reader) {
        let answer = match words[0].as_slice() {
            b"HELLO" => "%0\r\n",
            b"SET" => "+OK\r\n",
            b"INFO" | b"CONFIG" => "_\r\n",
            _ => ":1\r\n",
        };
        writer.write_all(answer.as_bytes()).unwrap();
    }
}

/// Reads a command, which is an array of texts.
fn next_command(reader: &mut impl BufRead) -> Option<Vec<Vec<u8>>> {
    let count = next_number(reader)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut word = vec![0; next_number(reader)? + 2];
        reader.read_exact(&mut word).ok()?;
        word.truncate(word.len() - 2);
        words.push(word);
    }
    Some(words)
}

fn next_number(reader: &mut impl BufRead) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.get(1..)?.trim_end().parse().ok()
}

#[test]
fn a_command_that_the_socket_takes_in_parts_is_sent_as_a_whole() {
    let path = std::env::temp_dir().join(format!("redlock-long-commands-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(|| serve(stream.unwrap()));
        }
    });

    let name = vec![b'x'; 1_000_000];
    let builder =
        Redlock::builder().node(format!("unix://{}", path.display())).node_timeout(NodeTimeout::fixed(SOON / 2));
    let redlock = builder.max_name_len(name.len()).build().unwrap();
    let guard = redlock.try_lock(name, TTL).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(guard.release().verdict, ReleaseVerdict::Released);
}
