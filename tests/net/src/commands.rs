//! A server's side of a connection, as far as it takes to answer.

use std::io::{BufRead, BufReader, Read, Write};

/// Answers each command by its words, until the client is gone.
pub fn serve(reader: impl Read, mut writer: impl Write, answer: impl Fn(&[Vec<u8>]) -> &'static [u8]) {
    let mut reader = BufReader::new(reader);
    while let Some(words) = next_command(&mut reader) {
        if writer.write_all(answer(&words)).is_err() {
            return;
        }
    }
}

/// Reads a command, which is an array of texts; `None` when the client is gone.
pub fn next_command(reader: &mut impl BufRead) -> Option<Vec<Vec<u8>>> {
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
