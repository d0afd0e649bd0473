//! The transport: a plain TCP connection that carries the words of the core.

use std::future::Future;
use std::io;

use redlock_tokio::transport::{Answer, Command, Connection, Probe, Reply, Transport};
use redlock_tokio::{Cause, Unavailable};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// What is longer is no answer to a lock's command.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// The way to a server without password or TLS.
pub(crate) struct Tcp {
    pub(crate) address: String,
}

impl Transport for Tcp {
    type Connection = TcpConnection;

    async fn connect(&mut self) -> Result<TcpConnection, Unavailable> {
        let stream = TcpStream::connect(&self.address).await.map_err(|error| not_sent(&error))?;
        stream.set_nodelay(true).map_err(|error| not_sent(&error))?;
        let mut stream = BufReader::new(stream);
        check_releases(&mut stream).await?;
        let (requests, queue) = mpsc::unbounded_channel();
        tokio::spawn(carry(stream, queue));
        Ok(TcpConnection { requests })
    }
}

/// An open connection. A task of its own keeps the order: what is sent goes through a queue.
pub(crate) struct TcpConnection {
    requests: mpsc::UnboundedSender<Request>,
}

struct Request {
    batch: Vec<Command>,
    replies: oneshot::Sender<Vec<Reply>>,
}

impl Connection for TcpConnection {
    fn send(
        &mut self,
        batch: Vec<Command>,
    ) -> impl Future<Output = Result<Vec<Reply>, Unavailable>> + Send + use<> + 'static {
        let (sender, replies) = oneshot::channel();
        // When the task has ended, the request is dropped, and with it the sender that the future waits for.
        let _ = self.requests.send(Request { batch, replies: sender });
        async { replies.await.map_err(|_| Unavailable::new(Cause::Disconnected)) }
    }

    fn closed(&mut self) -> impl Future<Output = ()> + Send + use<> + 'static {
        let requests = self.requests.clone();
        async move { requests.closed().await }
    }
}

/// Makes sure that the server can release what it grants: without that it must not have a vote.
async fn check_releases(stream: &mut BufReader<TcpStream>) -> Result<(), Unavailable> {
    for probe in Probe::ALL {
        let bytes = encode(probe.words().iter().map(|word| word.as_bytes()));
        stream.write_all(&bytes).await.map_err(|error| not_sent(&error))?;
        let checked = read_answer(stream, |answer| probe.check(answer)).await;
        checked.map_err(|error| not_sent(&error))??;
    }
    Ok(())
}

/// Writes what comes through the queue and reads the answers, until either end is closed.
async fn carry(mut stream: BufReader<TcpStream>, mut queue: mpsc::UnboundedReceiver<Request>) -> io::Result<()> {
    loop {
        let request = tokio::select! {
            request = queue.recv() => request,
            _ = stream.fill_buf() => None, // Closed by the server, or an answer that nobody asked for.
        };
        let Some(Request { batch, replies: sender }) = request else { return Ok(()) };
        let bytes: Vec<u8> = batch.iter().flat_map(|command| encode(command.wire().words())).collect();
        stream.write_all(&bytes).await?;
        let mut replies = Vec::with_capacity(batch.len());
        for command in &batch {
            replies.push(read_answer(&mut stream, |answer| Reply::from_wire(command, answer)).await?);
        }
        let _ = sender.send(replies);
    }
}

/// The words of a command as Redis reads them: how many, and each with its length.
fn encode<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// Reads one answer and leaves its meaning to the core.
async fn read_answer<T>(stream: &mut BufReader<TcpStream>, read: impl FnOnce(Answer<'_>) -> T) -> io::Result<T> {
    let (mut answer, mut source) = (Vec::new(), stream.take(LONGEST_ANSWER));
    while !is_whole(&answer) {
        if source.read_until(b'\n', &mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let nonsense = || io::Error::from(io::ErrorKind::InvalidData);
    let (line, text) = first_line(&answer).ok_or_else(nonsense)?;
    let answer = match line.split_at_checked(1).ok_or_else(nonsense)? {
        ("+", "OK") => Answer::Ok,
        ("$", "-1") => Answer::Nil,
        ("$", _) => Answer::Bytes(text.strip_suffix(b"\r\n").ok_or_else(nonsense)?),
        (":", number) => number.parse().map(Answer::Integer).map_err(|_| nonsense())?,
        ("-", error) => Answer::Error(error),
        _ => return Err(nonsense()),
    };
    Ok(read(answer))
}

/// Returns whether an answer is complete: a line, and the text after it if the line is the length of one.
fn is_whole(answer: &[u8]) -> bool {
    let Some((line, text)) = first_line(answer) else { return false };
    let length = line.strip_prefix('$').and_then(|length| length.parse().ok());
    length.is_none_or(|length: usize| text.len() >= length.saturating_add(2))
}

/// Splits the first line off an answer.
fn first_line(answer: &[u8]) -> Option<(&str, &[u8])> {
    let mut parts = answer.splitn(2, |byte| *byte == b'\n');
    let (line, text) = (parts.next()?.strip_suffix(b"\r")?, parts.next()?);
    Some((std::str::from_utf8(line).ok()?, text))
}

/// Without a connection nothing was sent.
fn not_sent(error: &io::Error) -> Unavailable {
    Unavailable::with_detail(Cause::NotSent, &error.to_string())
}
