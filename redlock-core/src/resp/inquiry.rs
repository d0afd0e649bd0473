use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::buffers::{Input, Output};
use super::connection::unexpected;
use super::element::{Element, Elements};
use super::frame::Malformed;
use super::settings::Settings;
use crate::Unavailable;
use crate::slots::{Place, SLOTS, SlotMap};

/// A connection on which one thing is asked: where a master is, or who serves the slots of a cluster.
///
/// It is driven as an [`Opening`](super::Opening) is. It speaks RESP2, which every server does, as the user of its settings;
/// database and name count for nothing. `Debug` shows nothing that was sent or received.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Inquiry {
    input: Input,
    output: Output,
    /// The answer to `AUTH` is still to come.
    is_authenticating: bool,
    /// It has come to a result, which was polled.
    is_over: bool,
}

/// The answer to an [`Inquiry`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Statement(Vec<u8>);

impl Inquiry {
    /// Asks a sentinel where the master with this name is.
    #[must_use]
    pub fn master(settings: &Settings, name: &str) -> Self {
        Self::new(settings, &[b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name.as_bytes()])
    }

    /// Asks a member of a cluster which master serves which slots.
    #[must_use]
    pub fn slots(settings: &Settings) -> Self {
        Self::new(settings, &[b"CLUSTER", b"SLOTS"])
    }

    fn new(settings: &Settings, words: &[&[u8]]) -> Self {
        let mut output = Output::default();
        let auth = settings.auth();
        let is_authenticating = auth.is_some();
        if let Some(auth) = auth {
            output.command(auth.into_iter());
        }
        output.command(words.iter().copied());
        Self { input: Input::default(), output, is_authenticating, is_over: false }
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

    /// Returns the answer when it has come, once; `None` as long as that takes, and ever after.
    ///
    /// # Errors
    ///
    /// Returns the refusal of the server in its own words, or [`Cause::Unexpected`](crate::Cause::Unexpected) when it does
    /// not speak RESP, or says more than 64 KiB.
    pub fn poll(&mut self) -> Option<Result<Statement, Unavailable>> {
        if self.is_over {
            return None;
        }
        let result = self.take_answer().transpose()?;
        self.is_over = true;
        Some(result)
    }

    fn take_answer(&mut self) -> Result<Option<Statement>, Unavailable> {
        loop {
            let reply = match self.input.take_reply() {
                Ok(None) => return Ok(None),
                Ok(Some(reply)) => reply,
                Err(Malformed(why)) => return Err(unexpected(why)),
            };
            if let Some(Element::Error(text)) = Elements::of(reply).next() {
                return Err(Unavailable::from_server_error(&String::from_utf8_lossy(text)));
            }
            if !core::mem::take(&mut self.is_authenticating) {
                return Ok(Some(Statement(reply.into())));
            }
        }
    }
}

impl Statement {
    /// Reads where a [master](Inquiry::master) is; `None` if the sentinel does not know it.
    ///
    /// # Errors
    ///
    /// [`Cause::Unexpected`](crate::Cause::Unexpected) when it says something else.
    pub fn as_master(&self) -> Result<Option<Place>, Unavailable> {
        let mut elements = Elements::of(&self.0);
        let read = match elements.next() {
            Some(Element::Nil) => return Ok(None),
            Some(Element::Array(2)) => place(&mut elements),
            _ => None,
        };
        let is_named = |place: &Place| !place.host.is_empty();
        read.filter(is_named).map(Some).ok_or_else(|| unexpected("an answer that names no master, is this a sentinel?"))
    }

    /// Reads which master serves which [slots](Inquiry::slots).
    ///
    /// # Errors
    ///
    /// [`Cause::Unexpected`](crate::Cause::Unexpected) when it says something else.
    pub fn as_slots(&self) -> Result<SlotMap, Unavailable> {
        let mut elements = Elements::of(&self.0);
        slots(&mut elements).ok_or_else(|| unexpected("an answer that names no slots"))
    }
}

fn slots(elements: &mut Elements<'_>) -> Option<SlotMap> {
    let Element::Array(count) = elements.next()? else { return None };
    let mut map = SlotMap::default();
    for _ in 0..count {
        // The first slot, the last one, the master, and its replicas.
        let Element::Array(parts @ 3..) = elements.next()? else { return None };
        let (first, last) = (slot(elements)?, slot(elements)?);
        let Element::Array(facts @ 2..) = elements.next()? else { return None };
        map.add(first, last, place(elements)?);
        elements.leave_out(facts.saturating_sub(2).saturating_add(parts.saturating_sub(3)));
    }
    Some(map)
}

fn slot(elements: &mut Elements<'_>) -> Option<u16> {
    match elements.next()? {
        Element::Integer(slot) => u16::try_from(slot).ok().filter(|slot| *slot < SLOTS),
        _ => None,
    }
}

/// Reads a host and a port. A host that is not there is that of the server that was asked.
fn place(elements: &mut Elements<'_>) -> Option<Place> {
    let host = match elements.next()? {
        Element::Nil => String::new(),
        element => core::str::from_utf8(element.text()?).ok().filter(|host| is_host(host))?.into(),
    };
    let port = match elements.next()? {
        Element::Integer(port) => u16::try_from(port).ok()?,
        element => core::str::from_utf8(element.text()?).ok()?.parse().ok()?,
    };
    Some(Place { host, port })
}

/// Returns whether a text may be the name of a host: it ends up in reports.
fn is_host(text: &str) -> bool {
    text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte))
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::Cause;

    fn answered(mut inquiry: Inquiry, bytes: &[u8]) -> Result<Statement, Unavailable> {
        let mut result = None;
        for byte in bytes {
            assert_eq!(result, None, "it has not said everything");
            inquiry.read_buffer()[0] = *byte;
            inquiry.handle_read(1);
            result = inquiry.poll();
        }
        assert_eq!(inquiry.poll(), None);
        result.unwrap()
    }

    fn master(bytes: &[u8]) -> Result<Option<Place>, Unavailable> {
        answered(Inquiry::master(&Settings::new(), "main"), bytes)?.as_master()
    }

    fn slots(bytes: &[u8]) -> Result<SlotMap, Unavailable> {
        answered(Inquiry::slots(&Settings::new()), bytes)?.as_slots()
    }

    fn place(host: &str, port: u16) -> Place {
        Place { host: host.into(), port }
    }

    #[test]
    fn it_asks_as_its_user() {
        let words = |settings: Settings| Inquiry::slots(&settings).unwritten().escape_ascii().to_string();
        let question = r"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n";
        assert_eq!(words(Settings::new().database(3)), question);
        assert_eq!(words(Settings::new().password("p")), [r"*2\r\n$4\r\nAUTH\r\n$1\r\np\r\n", question].concat());
        let user = r"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n";
        assert_eq!(words(Settings::new().user("u", "p")), [user, question].concat());
        let inquiry = Inquiry::master(&Settings::new().password("p"), "main");
        let answer = answered(inquiry, b"+OK\r\n*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n").unwrap();
        assert_eq!(answer.as_master(), Ok(Some(place("10.0.0.1", 6_379))));
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_server() {
        let inquiry = Inquiry::master(&Settings::new().password("p"), "main");
        let mut refused = inquiry.clone();
        refused.input.copy(b"-WRONGPASS invalid\r\n-NOAUTH required\r\n");
        let why = refused.poll().unwrap().unwrap_err();
        assert_eq!((why.cause(), why.detail()), (Cause::NotAuthenticated, Some("WRONGPASS invalid")));
        assert_eq!(master(b"-ERR unknown command 'SENTINEL'\r\n").unwrap_err().cause(), Cause::UnknownCommand);
    }

    #[test]
    fn a_sentinel_says_where_the_master_is_or_that_it_does_not_know_it() {
        assert_eq!(master(b"*2\r\n$9\r\nredis-one\r\n$4\r\n6379\r\n"), Ok(Some(place("redis-one", 6_379))));
        assert_eq!(master(b"*2\r\n$3\r\n::1\r\n$1\r\n1\r\n"), Ok(Some(place("::1", 1))));
        assert_eq!(master(b"*-1\r\n"), Ok(None));
        for nonsense in [
            &b"+OK\r\n"[..],
            b"*0\r\n",
            b"*2\r\n$0\r\n\r\n$1\r\n1\r\n",
            b"*2\r\n$1\r\nx\r\n$5\r\n65536\r\n",
            b"*2\r\n$1\r\n \r\n$1\r\n1\r\n",
            b"*2\r\n$1\r\nx\r\n*0\r\n",
        ] {
            let told = master(nonsense).map_err(|why| why.cause());
            assert_eq!(told, Err(Cause::Unexpected), "{}", nonsense.escape_ascii());
        }
    }

    #[test]
    fn the_slots_are_read_with_their_masters_and_without_replicas() {
        let one = b"*3\r\n:0\r\n:99\r\n*4\r\n$1\r\na\r\n:7000\r\n$2\r\nid\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n";
        let other = b"*4\r\n:100\r\n:16383\r\n*3\r\n$0\r\n\r\n:7001\r\n$2\r\nid\r\n*2\r\n$1\r\nc\r\n:7002\r\n";
        let map = slots(&[&b"*2\r\n"[..], one, other].concat()).unwrap();
        assert_eq!(map.masters(), [place("a", 7_000), place("", 7_001)]);
        assert_eq!([0, 99, 100, 16_383].map(|slot| map.master_of(slot)), [Some(0), Some(0), Some(1), Some(1)]);
        assert_eq!(slots(b"*0\r\n"), Ok(SlotMap::default()));
    }

    #[test]
    fn slots_that_are_none_are_not_believed() {
        for nonsense in [
            &b"$-1\r\n"[..],
            b"*1\r\n:1\r\n",
            b"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
            b"*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
            b"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\n?\r\n:1\r\n",
            b"*1\r\n*2\r\n:0\r\n:1\r\n",
        ] {
            let told = slots(nonsense).map_err(|why| why.cause());
            assert_eq!(told, Err(Cause::Unexpected), "{}", nonsense.escape_ascii());
        }
    }
}
