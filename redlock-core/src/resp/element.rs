//! The contents of a reply whose bounds are known.

use super::frame::{CRLF, Header, number};

/// Goes through the elements of a complete reply, one after the other, whatever they are nested in.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a>(&'a [u8]);

/// One element of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element<'a> {
    Status(&'a [u8]),
    Error(&'a [u8]),
    Integer(i64),
    Text(&'a [u8]),
    Nil,
    /// So many elements follow that belong to it.
    Array(u64),
    /// So many elements follow that belong to it, keys and values in turn.
    Map(u64),
    /// So many elements follow that belong to it. It is the answer to nothing.
    Push(u64),
    /// One that no answer to a command of this crate has.
    Other,
}

impl<'a> Elements<'a> {
    pub(super) const fn of(reply: &'a [u8]) -> Self {
        Self(reply)
    }

    /// Leaves out the next values with all that is nested in them.
    pub(super) fn leave_out(&mut self, values: u64) {
        let mut missing = values;
        while missing > 0 {
            match self.step() {
                Some(Step::Attribute(count)) => missing = missing.saturating_add(count),
                Some(Step::Element(element)) => missing = missing.saturating_sub(1).saturating_add(element.nested()),
                None => return,
            }
        }
    }

    fn step(&mut self) -> Option<Step<'a>> {
        let (kind, content, header) = self.take()?;
        Some(Step::Element(match (kind, header) {
            (_, Header::Attribute(count)) => return Some(Step::Attribute(count)),
            (b'>', Header::Aggregate(count)) => Element::Push(count),
            (b'%', Header::Aggregate(count)) => Element::Map(count),
            (_, Header::Aggregate(count)) => Element::Array(count),
            (b'$' | b'*' | b'_', Header::Scalar) => Element::Nil,
            (b'$', _) => Element::Text(content),
            // It says in front what kind of text it is: `txt:`.
            (b'=', _) => content.get(4..).map_or(Element::Other, Element::Text),
            (b'-' | b'!', _) => Element::Error(content),
            (b'+', _) => Element::Status(content),
            (b':', _) => number(content).map_or(Element::Other, Element::Integer),
            _ => Element::Other,
        }))
    }

    /// Returns the next line with its kind, and the text behind it if there is one.
    fn take(&mut self) -> Option<(u8, &'a [u8], Header)> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = (self.0.get(..end)?.strip_suffix(b"\r")?, self.0.get(end.saturating_add(1)..)?);
        let header = Header::read(line).ok()?;
        let (kind, mut content) = line.split_first()?;
        self.0 = rest;
        if let Header::Text(len) = header {
            content = rest.get(..len)?;
            self.0 = rest.get(len.saturating_add(CRLF.len())..)?;
        }
        Some((*kind, content, header))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    /// Returns the next element; attributes, which stand before an element and are about it, are left out.
    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            match self.step()? {
                Step::Attribute(count) => self.leave_out(count),
                Step::Element(element) => return Some(element),
            }
        }
    }
}

enum Step<'a> {
    /// So many elements follow that are about the value behind them.
    Attribute(u64),
    Element(Element<'a>),
}

impl<'a> Element<'a> {
    /// Returns the number of elements that are nested in it, at the first level.
    pub(super) const fn nested(self) -> u64 {
        match self {
            Self::Array(count) | Self::Map(count) | Self::Push(count) => count,
            _ => 0,
        }
    }

    /// Returns what it says, of a text or a status.
    pub(super) const fn text(self) -> Option<&'a [u8]> {
        match self {
            Self::Text(text) | Self::Status(text) => Some(text),
            _ => None,
        }
    }
}
