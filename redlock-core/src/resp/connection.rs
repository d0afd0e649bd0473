use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::buffers::{Input, Output};
use super::element::{Element, Elements};
use super::frame::Malformed;
use crate::wire::{Question, is_denied};
use crate::{Answer, Cause, Command, Dialect, Facts, Heard, Hearing, Reply, Unavailable, WaiterId};

/// A connection that is open. Made by [`Opening::poll`](super::Opening::poll).
///
/// `Debug` shows nothing that was sent or received.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Connection {
    input: Input,
    output: Output,
    /// What was asked and not answered, the oldest first.
    questions: VecDeque<Asked>,
    facts: Facts,
    dialect: Dialect,
    /// It has subscribed in RESP2, so nothing else is said over it.
    is_apart: bool,
    is_broken: bool,
}

/// What was asked, as far as it tells how to read the answer.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Asked {
    Command(Question),
    Subscription,
}

/// An event of a [`Connection`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// The reply to the oldest command that was not answered.
    Reply(Reply),
    /// What the waiter hears that [has subscribed](Connection::subscribe) on this connection.
    Heard(Heard),
    /// Something else that nobody asked for, as RESP3 allows it.
    Push(Push),
    /// The server does not speak RESP, exceeds a bound, or answers what nobody asked. No further event comes.
    Broken(Unavailable),
}

/// Something that a server says without being asked.
///
/// `Debug` shows its kind only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Push(Vec<Vec<u8>>);

impl Push {
    /// Returns its kind: `message` for a message on a channel that was subscribed to.
    #[must_use]
    pub fn kind(&self) -> &[u8] {
        self.0.first().map_or(&[], Vec::as_slice)
    }

    /// Returns what it says, in order: of a message, its channel and its contents. What is no text is empty.
    pub fn contents(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.get(1..).unwrap_or_default().iter().map(Vec::as_slice)
    }

    /// Returns the call-up of a waiter, if that is what it says.
    fn call_up(&self) -> Option<Heard> {
        match self.0.as_slice() {
            [kind, channel, contents] if kind == b"message" => Heard::from_message(channel, contents),
            _ => None,
        }
    }

    fn read(mut elements: Elements<'_>, count: u64) -> Self {
        let texts = (0..count).map_while(|_| {
            let element = elements.next()?;
            elements.leave_out(element.nested());
            Some(element.text().unwrap_or_default().to_vec())
        });
        Self(texts.collect())
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Push").field(&String::from_utf8_lossy(self.kind())).finish()
    }
}

/// # What is sent
impl Connection {
    pub(super) fn new(input: Input, output: Output, mut facts: Facts) -> Self {
        let dialect = dialect(&facts);
        facts.releases_by_command = dialect != Dialect::Scripts;
        Self { input, output, questions: VecDeque::new(), facts, dialect, is_apart: false, is_broken: false }
    }

    /// Encodes a command behind all earlier ones, in the way that this server can carry out best.
    pub fn send(&mut self, command: &Command) {
        self.output.command(command.wire_in(self.dialect).words());
        self.questions.push_back(Asked::Command(Question::of(command, self.dialect)));
    }

    /// Subscribes a waiter behind all commands: [`Event::Heard`] says what comes of it, and then when it is called up.
    ///
    /// Where the waiter can hear only [apart](Hearing::Apart), nothing else may have been sent over the connection before
    /// without an answer, nor be sent afterwards.
    pub fn subscribe(&mut self, waiter: &WaiterId) {
        self.output.command(waiter.subscription().iter().map(String::as_bytes));
        self.questions.push_back(Asked::Subscription);
        self.is_apart = self.hearing() == Hearing::Apart;
    }

    /// Returns the bytes that are to be written next.
    #[must_use]
    pub fn unwritten(&self) -> &[u8] {
        self.output.unwritten()
    }

    /// Notes that the first `len` of the unwritten bytes were written.
    pub fn handle_written(&mut self, len: usize) {
        self.output.written(len);
    }
}

/// # What is received
impl Connection {
    /// Returns room for the bytes that are read next, at least 4 KiB; then call [`handle_read`](Self::handle_read).
    pub fn read_buffer(&mut self) -> &mut [u8] {
        self.input.room()
    }

    /// Takes the first `len` bytes of the [`read_buffer`](Self::read_buffer), which were filled.
    pub fn handle_read(&mut self, len: usize) {
        if !self.is_broken {
            self.input.filled(len);
        }
    }

    /// Takes bytes that were read elsewhere. They are kept until the events in them are polled.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        if !self.is_broken {
            self.input.copy(bytes);
        }
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        if self.is_broken {
            return None;
        }
        let event = match self.input.take_reply() {
            Ok(None) => return None,
            Ok(Some(reply)) => read(reply, &mut self.questions, &mut self.dialect, self.is_apart),
            Err(Malformed(why)) => Event::Broken(unexpected(why)),
        };
        if let Event::Broken(_) = event {
            self.is_broken = true;
            self.input = Input::default();
        }
        Some(event)
    }
}

/// # Getters
impl Connection {
    /// Returns the number of commands and subscriptions that were not answered.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.questions.len()
    }

    /// Returns what the server said about itself.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns how a waiter can hear that it is called up: over the connection itself if it speaks RESP3, in which a server
    /// may say something without being asked, and else over a second one.
    #[must_use]
    pub const fn hearing(&self) -> Hearing {
        if self.facts.is_resp3() { Hearing::Shared } else { Hearing::Apart }
    }

    /// Returns how releases are worded on this connection.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("facts", &self.facts).field("owed", &self.owed()).finish_non_exhaustive()
    }
}

/// Reads one reply, which is complete. On a connection for a waiter alone arrays are pushes: RESP2 knows no other.
fn read(reply: &[u8], asked: &mut VecDeque<Asked>, dialect: &mut Dialect, is_apart: bool) -> Event {
    let mut elements = Elements::of(reply);
    match elements.next() {
        None => Event::Broken(unexpected("a reply that says nothing")),
        Some(Element::Push(count)) => read_push(Push::read(elements, count), asked),
        Some(Element::Array(count)) if is_apart => read_push(Push::read(elements, count), asked),
        Some(element) => match asked.pop_front() {
            None => Event::Broken(unexpected("an answer that nobody asked for")),
            Some(Asked::Command(question)) => with_answer(element, |answer| {
                if question == Question::DeleteIfEqual && matches!(answer, Answer::Error(text) if is_denied(text)) {
                    *dialect = Dialect::Scripts;
                }
                Event::Reply(question.reply(answer))
            }),
            Some(Asked::Subscription) => Event::Heard(Heard::Deaf(with_answer(element, no_subscription))),
        },
    }
}

fn read_push(push: Push, asked: &mut VecDeque<Asked>) -> Event {
    // What says that a subscription stands comes in its place among the answers.
    if push.kind() == b"subscribe" && asked.front() == Some(&Asked::Subscription) {
        asked.pop_front();
        return Event::Heard(Heard::Subscribed);
    }
    push.call_up().map_or(Event::Push(push), Event::Heard)
}

/// Returns why a waiter has not subscribed, by what the server has answered in the place of a push.
fn no_subscription(answer: Answer<'_>) -> Unavailable {
    match answer {
        Answer::Error(text) => Unavailable::from_server_error(text),
        _ => Unavailable::new(Cause::Unexpected),
    }
}

/// Gives `read` what an element says.
pub(super) fn with_answer<T>(element: Element<'_>, read: impl FnOnce(Answer<'_>) -> T) -> T {
    match element {
        Element::Status(b"OK") => read(Answer::Ok),
        Element::Nil => read(Answer::Nil),
        Element::Integer(number) => read(Answer::Integer(number)),
        Element::Text(text) => read(Answer::Bytes(text)),
        Element::Error(text) => read(Answer::Error(&String::from_utf8_lossy(text))),
        _ => read(Answer::Other),
    }
}

pub(super) fn unexpected(why: &str) -> Unavailable {
    Unavailable::with_detail(Cause::Unexpected, why)
}

/// Returns what a server can do by its name and version.
fn dialect(facts: &Facts) -> Dialect {
    match (facts.server(), facts.version_numbers()) {
        (Some("valkey"), Some(version)) if version >= (9, 0, 0) => Dialect::DelIfEq,
        (Some("redis"), Some(version)) if version >= (8, 4, 0) => Dialect::DelEx,
        _ => Dialect::Scripts,
    }
}
