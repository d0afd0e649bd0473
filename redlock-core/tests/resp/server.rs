//! A server that can delete by value, as far as a lock needs it: newer ones cannot be had everywhere.

use redlock_core::resp::Connection;

use crate::peer::{commands, connected_to, written};

/// One key, and all commands that came.
pub(crate) struct Server {
    connection: Connection,
    pub(crate) key: Option<(String, String)>,
    pub(crate) log: Vec<String>,
}

impl Server {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self { connection: connected_to(name, version), key: None, log: Vec::new() }
    }

    /// Answers all that is sent over the connection.
    pub(crate) fn serve(&mut self, send: impl FnOnce(&mut Connection)) -> &mut Connection {
        send(&mut self.connection);
        for line in commands(&written(&mut self.connection)) {
            // The text of a script has many words.
            let words: Vec<&str> = line.split(' ').collect();
            let answer = self.answer(&words);
            self.connection.handle_bytes(answer.as_bytes());
            self.log.push(words[0].to_owned());
        }
        &mut self.connection
    }

    fn answer(&mut self, words: &[&str]) -> &'static str {
        match *words {
            ["SET", key, value, "NX", ..] => self.set(key, value),
            ["DELIFEQ", key, value] | ["DELEX", key, "IFEQ", value] => self.delete(key, value, ":0\r\n", ":0\r\n"),
            ["EVALSHA", ..] => "-NOSCRIPT No matching script.\r\n",
            ["EVAL", .., "1", key, value] | ["EVAL", .., "1", key, value, _] => {
                self.delete(key, value, ":-1\r\n", ":0\r\n")
            }
            _ => "-ERR unknown command\r\n",
        }
    }

    fn set(&mut self, key: &str, value: &str) -> &'static str {
        if self.key.is_some() {
            return "_\r\n";
        }
        self.key = Some((key.to_owned(), value.to_owned()));
        "+OK\r\n"
    }

    fn delete(&mut self, key: &str, value: &str, other: &'static str, missing: &'static str) -> &'static str {
        match &self.key {
            Some((there, kept)) if there == key && kept == value => {
                self.key = None;
                ":1\r\n"
            }
            Some((there, _)) if there == key => other,
            _ => missing,
        }
    }
}
