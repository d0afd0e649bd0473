use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::Write as _;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::floor::{self, COMPARE_AND_DELETE, Held, Tally, Tokens};
use super::floor_redis::millis;
use super::{Contestant, Failure};
use crate::executor::Tokio;

/// The commands of a lock by hand over one socket per node. What many tasks want to send goes out in one write.
pub(crate) struct FloorRaw {
    nodes: Vec<Arc<Node>>,
    tokens: Tokens,
    release: String,
}

impl Contestant for FloorRaw {
    type Executor = Tokio;
    type Held = Held;

    async fn connect(urls: &[String]) -> Result<Self, Failure> {
        let (mut nodes, mut release) = (Vec::new(), String::new());
        for url in urls {
            let mut connection = floor::open(url, &floor::connection_config()).await?;
            release = floor::load(&mut connection, COMPARE_AND_DELETE).await?;
            let stream = TcpStream::connect(url.trim_start_matches("redis://")).await?;
            stream.set_nodelay(true)?;
            let node = Arc::<Node>::default();
            tokio::spawn(carry(node.clone(), stream));
            nodes.push(node);
        }
        Ok(Self { nodes, tokens: Tokens::new(), release })
    }

    async fn lock(&self, key: &str, ttl: Duration) -> Option<Held> {
        let held = Held { key: key.into(), token: self.tokens.next() };
        let ttl = millis(ttl).to_string();
        let set = packed(&[b"SET", key.as_bytes(), &held.token, b"NX", b"PX", ttl.as_bytes()]);
        if self.majority(&set).await {
            return Some(held);
        }
        self.unlock(held).await;
        None
    }

    async fn unlock(&self, held: Held) {
        self.majority(&packed(&[b"EVALSHA", self.release.as_bytes(), b"1", held.key.as_bytes(), &held.token])).await;
    }
}

impl FloorRaw {
    /// Whether a majority of all nodes says yes.
    async fn majority(&self, command: &[u8]) -> bool {
        let round = Arc::new(Round { tally: Mutex::new(Tally::new(self.nodes.len())), waker: AtomicWaker::new() });
        for node in &self.nodes {
            node.submit(command, &round);
        }
        poll_fn(|context| {
            round.waker.register(context.waker());
            round.verdict().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// A command that is with all nodes.
struct Round {
    tally: Mutex<Tally>,
    waker: AtomicWaker,
}

impl Round {
    fn count(&self, yes: bool) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let was_settled = tally.verdict().is_some();
        tally.count(yes);
        let is_settled = tally.verdict().is_some();
        drop(tally);
        if is_settled && !was_settled {
            self.waker.wake();
        }
    }

    fn verdict(&self) -> Option<bool> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).verdict()
    }
}

/// The way to a node's task.
#[derive(Default)]
struct Node {
    outbox: Mutex<Outbox>,
    filled: Notify,
}

/// Commands that are not yet sent, and the rounds that they belong to.
#[derive(Default)]
struct Outbox {
    bytes: Vec<u8>,
    rounds: Vec<Arc<Round>>,
}

impl Node {
    fn submit(&self, command: &[u8], round: &Arc<Round>) {
        let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = outbox.bytes.is_empty();
        outbox.bytes.extend_from_slice(command);
        outbox.rounds.push(round.clone());
        drop(outbox);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Takes everything that there is to send, and leaves empty buffers.
    fn collect(&self, bytes: &mut Vec<u8>, rounds: &mut VecDeque<Arc<Round>>) {
        bytes.clear();
        let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        mem::swap(bytes, &mut outbox.bytes);
        rounds.extend(outbox.rounds.drain(..));
    }
}

/// The task of a node: sends what there is and gives each answer to its round, until the server is gone.
async fn carry(node: Arc<Node>, stream: TcpStream) {
    let (mut reader, mut writer) = stream.into_split();
    let (mut bytes, mut input) = (Vec::new(), Vec::new());
    let mut rounds = VecDeque::new();
    loop {
        tokio::select! {
            () = node.filled.notified() => {
                // Lets the tasks go first that are about to send something too.
                yield_now().await;
                node.collect(&mut bytes, &mut rounds);
                if writer.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            read = reader.read_buf(&mut input) => {
                if !matches!(read, Ok(1..)) {
                    return;
                }
                let done = settle(&input, &mut rounds);
                input.drain(..done);
            }
        }
    }
}

/// Gives whole answers to their rounds; yields how many bytes they had. All answers here are lines.
fn settle(input: &[u8], rounds: &mut VecDeque<Arc<Round>>) -> usize {
    let mut done = 0;
    while let Some(length) = input[done..].iter().position(|byte| *byte == b'\n') {
        let line = &input[done..=done + length];
        if let Some(round) = rounds.pop_front() {
            round.count(matches!(line, b"+OK\r\n" | b":1\r\n"));
        }
        done += line.len();
    }
    done
}

/// A command in the protocol of Redis.
fn packed(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(192);
    pack(words.iter().copied(), &mut bytes);
    bytes
}

/// Appends a command in the protocol of Redis.
pub(crate) fn pack<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>, bytes: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = write!(bytes, "*{}\r\n", words.len());
    for word in words {
        let _ = write!(bytes, "${}\r\n", word.len());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_packed_as_redis_reads_it() {
        assert_eq!(packed(&[b"GET", b"a"]), b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
    }

    #[test]
    fn each_whole_answer_goes_to_its_round() {
        let round = || Arc::new(Round { tally: Mutex::new(Tally::new(1)), waker: AtomicWaker::new() });
        let rounds: Vec<_> = [(); 4].map(|()| round()).into();
        let mut waiting = rounds.clone().into();
        assert_eq!(settle(b"+OK\r\n$-1\r\n:1\r\n:0", &mut waiting), 14);
        let verdicts: Vec<_> = rounds.iter().map(|round| round.verdict()).collect();
        assert_eq!(verdicts, [Some(true), Some(false), Some(true), None]);
        assert_eq!(waiting.len(), 1);
    }
}
