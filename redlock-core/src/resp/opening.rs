use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use smallvec::{SmallVec, smallvec};

use super::buffers::{Input, Output};
use super::connection::{Connection, unexpected, with_answer};
use super::element::{Element, Elements};
use super::frame::Malformed;
use super::hello;
use super::settings::Settings;
use crate::wire::{COMMON, is_denied};
use crate::{Answer, Cause, Facts, Probe, Unavailable};

/// A connection that is being opened.
///
/// All is asked in one round trip, in which the node also gets the scripts that every lock needs, and says what there is to
/// say about itself, as far as this user may ask. Only a server that does
/// not know `HELLO`, or an ACL that forbids it, takes a second one, in RESP2. `Debug` shows nothing that was sent or received.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Opening {
    settings: Settings,
    input: Input,
    output: Output,
    /// What was asked and not answered, the oldest first.
    steps: VecDeque<Step>,
    facts: Facts,
    /// It has come to a result, which was polled.
    is_over: bool,
}

/// What is asked of a server before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// To speak RESP3, as this user.
    Hello,
    /// Something that must succeed.
    Must,
    /// Something of which the answer does not matter.
    May,
    Probe(Probe),
    /// What it says of itself ([`INFO`](SECTIONS)).
    Info,
    /// When it writes to the disk (`CONFIG GET *appendfsync*`).
    Settings,
}

/// What there is to know of a server. All that it can say may be longer than a reply: it has a line for each of its databases.
/// Before version 7 one command asks for one section.
const SECTIONS: [&[u8]; 4] = [b"server", b"replication", b"memory", b"persistence"];

impl Opening {
    /// Begins to open a connection: the first bytes wait to be written.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut opening = Self {
            settings: settings.clone(),
            input: Input::default(),
            output: Output::default(),
            steps: VecDeque::new(),
            facts: Facts::default(),
            is_over: false,
        };
        if settings.resp2 {
            opening.greet_in_resp2();
        } else {
            opening.greet_in_resp3();
        }
        opening
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

    /// Returns room for the bytes that are read next, at least 4 KiB; then call [`handle_read`](Self::handle_read).
    pub fn read_buffer(&mut self) -> &mut [u8] {
        self.input.room()
    }

    /// Takes the first `len` bytes of the [`read_buffer`](Self::read_buffer), which were filled.
    pub fn handle_read(&mut self, len: usize) {
        if !self.is_over {
            self.input.filled(len);
        }
    }

    /// Takes bytes that were read elsewhere. They are kept until [`poll`](Self::poll) has looked at them.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        if !self.is_over {
            self.input.copy(bytes);
        }
    }

    /// Returns the connection when it is open, once; `None` as long as that takes, and ever after.
    ///
    /// # Errors
    ///
    /// Returns the first refusal of the server in its own words, or [`Cause::Unexpected`] when it does not speak RESP.
    pub fn poll(&mut self) -> Option<Result<Connection, Unavailable>> {
        if self.is_over {
            return None;
        }
        let result = match self.take_answers() {
            Ok(false) => return None,
            result => result,
        };
        self.is_over = true;
        self.steps.clear();
        let (input, output) = (core::mem::take(&mut self.input), core::mem::take(&mut self.output));
        Some(result.map(|_| Connection::new(input, output, core::mem::take(&mut self.facts))))
    }

    /// Takes the answers that have come. Returns whether all have.
    fn take_answers(&mut self) -> Result<bool, Unavailable> {
        while let Some(step) = self.steps.front().copied() {
            let told = match self.input.take_reply() {
                Ok(None) => return Ok(false),
                Ok(Some(reply)) => read(step, reply)?,
                Err(Malformed(why)) => return Err(unexpected(why)),
            };
            if let Told::Push = told {
                continue;
            }
            self.steps.pop_front();
            match told {
                Told::Nothing | Told::Push => {}
                Told::Facts(facts) => self.facts = *facts,
                Told::Info(info) => self.facts.note_info(&info),
                Told::Settings(settings) => {
                    for (name, value) in settings {
                        self.facts.note_setting(&name, &value);
                    }
                }
                Told::SpeaksNoResp3 => self.fall_back(),
            }
        }
        Ok(true)
    }

    fn greet_in_resp3(&mut self) {
        self.output.command(hello(&self.settings).iter().copied());
        self.steps.push_back(Step::Hello);
        self.select_and_probe();
    }

    fn greet_in_resp2(&mut self) {
        let Self { settings, output, steps, .. } = self;
        if let Some(auth) = settings.auth() {
            output.command(auth.into_iter());
            steps.push_back(Step::Must);
        }
        if let Some(name) = &settings.name {
            output.command([&b"CLIENT"[..], b"SETNAME", name.as_bytes()].into_iter());
            steps.push_back(Step::May);
        }
        self.select_and_probe();
    }

    fn select_and_probe(&mut self) {
        let Self { settings, output, steps, .. } = self;
        if settings.database != 0 {
            let database = crate::wire::Decimal::new(settings.database.into());
            output.command([&b"SELECT"[..], database.as_bytes()].into_iter());
            steps.push_back(Step::Must);
        }
        for probe in Probe::ALL {
            output.command(probe.words().iter().map(|word| word.as_bytes()));
            steps.push_back(Step::Probe(probe));
        }
        // The first release then needs no second round trip; where that is forbidden, the node asks for the text.
        for script in COMMON {
            output.command([&b"SCRIPT"[..], b"LOAD", script.source.as_bytes()].into_iter());
            steps.push_back(Step::May);
        }
        for section in SECTIONS {
            output.command([&b"INFO"[..], section].into_iter());
            steps.push_back(Step::Info);
        }
        output.command([&b"CONFIG"[..], b"GET", b"*appendfsync*"].into_iter());
        steps.push_back(Step::Settings);
    }

    /// Begins again in RESP2. What was asked behind `HELLO` was asked as nobody, or as somebody else.
    fn fall_back(&mut self) {
        self.steps.iter_mut().for_each(|step| *step = Step::May);
        self.greet_in_resp2();
    }
}

fn hello(settings: &Settings) -> SmallVec<[&[u8]; 7]> {
    let mut words: SmallVec<[&[u8]; 7]> = smallvec![&b"HELLO"[..], &b"3"[..]];
    if let Some(password) = &settings.password {
        let user = settings.user.as_deref().unwrap_or("default");
        words.extend([&b"AUTH"[..], user.as_bytes(), password.as_bytes()]);
    }
    if let Some(name) = &settings.name {
        words.extend([&b"SETNAME"[..], name.as_bytes()]);
    }
    words
}

/// What an answer has told.
enum Told {
    Nothing,
    /// It was no answer.
    Push,
    Facts(Box<Facts>),
    Info(String),
    Settings(Vec<(String, String)>),
    SpeaksNoResp3,
}

fn read(step: Step, reply: &[u8]) -> Result<Told, Unavailable> {
    let mut elements = Elements::of(reply);
    let element = elements.next().unwrap_or(Element::Other);
    if let Element::Push(_) = element {
        return Ok(Told::Push);
    }
    if let (Step::Hello, Element::Map(_)) = (step, element) {
        let facts = hello::read(Elements::of(reply)).ok_or_else(|| unexpected("an answer to HELLO that is none"));
        return facts.map(|facts| Told::Facts(Box::new(facts)));
    }
    match step {
        Step::Info => return Ok(element.text().map_or(Told::Nothing, |info| Told::Info(lossy(info)))),
        Step::Settings => {
            let mut next = || elements.next().filter(|_| element.nested() > 0)?.text().map(lossy);
            return Ok(Told::Settings(core::iter::from_fn(|| Some((next()?, next()?))).collect()));
        }
        Step::Hello | Step::Must | Step::May | Step::Probe(_) => {}
    }
    with_answer(element, |answer| match (step, answer) {
        (Step::May, _) | (Step::Must, Answer::Ok) => Ok(Told::Nothing),
        (Step::Probe(probe), answer) => probe.check(answer).map(|()| Told::Nothing),
        (Step::Hello, Answer::Error(text)) if forbids_hello(text) => Ok(Told::SpeaksNoResp3),
        (_, Answer::Error(text)) => Err(Unavailable::from_server_error(text)),
        _ => Err(Unavailable::new(Cause::Unexpected)),
    })
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Returns whether an error says that `HELLO`, or what it asks for, is not to be had here.
fn forbids_hello(text: &str) -> bool {
    text.starts_with("NOPROTO") || is_denied(text)
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("settings", &self.settings).finish_non_exhaustive()
    }
}
