//! What happened to the store, by what its server reports.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::ACCOUNT;
use crate::Server;

/// The command that is the last of a history.
const END: &str = "history:end";
/// Where the largest fence of the account is kept.
const SEEN: &str = "redlock:seen:{account}";

/// The history of a store: a thread reads and judges it.
pub(super) struct History {
    judge: Arc<Mutex<Judge>>,
    reader: Option<JoinHandle<()>>,
}

/// What is made of what the server reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judge {
    pub(super) attempts: u64,
    pub(super) stale_attempts: u64,
    pub(super) applied: u64,
    pub(super) stale_applied: u64,
    pub(super) lost_steps: u64,
    /// The largest fence that has read or written.
    pub(super) largest: u64,
    number: u64,
}

impl History {
    /// Has the server report from now on.
    pub(super) fn begin(store: &Server) -> Self {
        let mut stream = TcpStream::connect(store.address()).expect("the store is there");
        stream.write_all(b"MONITOR\r\n").expect("the store takes commands");
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        assert_eq!(lines.next().as_deref(), Some("+OK"), "the store reports what it does");
        let judge = Arc::new(Mutex::new(Judge::default()));
        let shared = Arc::clone(&judge);
        let reader = thread::spawn(move || {
            for line in lines {
                if line.contains(END) {
                    return;
                }
                lock(&shared).see(&line);
            }
            panic!("the store has stopped reporting");
        });
        Self { judge, reader: Some(reader) }
    }

    pub(super) fn judge(&self) -> Judge {
        lock(&self.judge).clone()
    }

    /// Waits until all is judged that has happened.
    pub(super) fn end(&mut self, store: &Server) -> Judge {
        store.command(&["GET", END]).expect("the store is there");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the store reports to the end");
        }
        self.judge()
    }
}

impl Judge {
    fn see(&mut self, line: &str) {
        let is_by_script = line.split('"').next().is_some_and(|origin| origin.contains(" lua]"));
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            // A script that is asked for, which may refuse ...
            ["EVAL", _, "2", ACCOUNT, SEEN, fence, written @ ..] if !written.is_empty() => {
                self.attempted(number(fence));
            }
            // ... and what it does.
            ["SET", SEEN, fence] => self.largest = self.largest.max(number(fence)),
            ["SET", ACCOUNT, value] => {
                let (step, fence) = value.split_once(' ').expect("a client writes a number and its fence");
                if !is_by_script {
                    self.attempted(number(fence));
                }
                self.wrote(number(step), number(fence));
            }
            _ => {}
        }
    }

    fn attempted(&mut self, fence: u64) {
        count(&mut self.attempts, true);
        count(&mut self.stale_attempts, fence < self.largest);
    }

    fn wrote(&mut self, number: u64, fence: u64) {
        count(&mut self.applied, true);
        count(&mut self.stale_applied, fence < self.largest);
        count(&mut self.lost_steps, number != self.number.saturating_add(1));
        self.largest = self.largest.max(fence);
        self.number = number;
    }
}

fn count(figure: &mut u64, happened: bool) {
    *figure = figure.saturating_add(u64::from(happened));
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

fn lock(judge: &Mutex<Judge>) -> MutexGuard<'_, Judge> {
    judge.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the words of a line such as `+1764374400.123456 [0 lua] "SET" "key" "value"`, escapes as they are.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_escaped = false;
    for character in line.chars() {
        match (&mut word, character) {
            (None, '"') => word = Some(String::new()),
            (None, _) => {}
            (Some(_), '"') if !is_escaped => words.extend(word.take()),
            (Some(text), character) => {
                is_escaped = character == '\\' && !is_escaped;
                text.push(character);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(lines: &[&str]) -> Judge {
        let mut judge = Judge::default();
        for line in lines {
            judge.see(line);
        }
        judge
    }

    const READ_34: &str = r#"+1.2 [0 lua] "SET" "redlock:seen:{account}" "34""#;
    const ASK_33: &str =
        r#"+1.2 [0 127.0.0.1:1] "EVAL" "a \"\\\\\" b" "2" "account" "redlock:seen:{account}" "33" "2 33""#;
    const WRITE_33: &str = r#"+1.2 [0 lua] "SET" "account" "2 33""#;
    const WRITE_34: &str = r#"+1.2 [0 lua] "SET" "account" "1 34""#;

    #[test]
    fn a_stale_write_that_is_refused_is_an_attempt_only() {
        let judge = judged(&[READ_34, WRITE_34, ASK_33]);
        assert_eq!((judge.attempts, judge.stale_attempts, judge.applied, judge.stale_applied), (1, 1, 1, 0));
    }

    #[test]
    fn a_write_without_a_script_is_attempted_and_done() {
        let judge = judged(&[WRITE_34, r#"+1.2 [0 127.0.0.1:1] "SET" "account" "2 33""#]);
        assert_eq!((judge.attempts, judge.stale_attempts, judge.applied, judge.stale_applied), (1, 1, 2, 1));
    }

    #[test]
    fn a_stale_write_that_is_done_is_found() {
        assert_eq!(judged(&[WRITE_34, WRITE_33]).stale_applied, 1);
        assert_eq!(judged(&[READ_34, WRITE_33]).stale_applied, 1, "a fence that has read counts, too");
    }

    #[test]
    fn a_step_that_is_lost_is_found() {
        assert_eq!(judged(&[WRITE_34]).lost_steps, 0);
        assert_eq!(judged(&[WRITE_34, WRITE_34]).lost_steps, 1);
    }
}
