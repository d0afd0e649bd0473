//! The answer to `HELLO`.

use alloc::string::String;

use super::element::{Element, Elements};
use crate::Facts;
use crate::facts::short;

/// Reads the answer to `HELLO`; `None` if it is none.
pub(super) fn read(mut elements: Elements<'_>) -> Option<Facts> {
    let Element::Map(count) = elements.next()? else { return None };
    let mut facts = Facts::default();
    facts.is_resp3 = true;
    for _ in 0..count / 2 {
        let key = elements.next()?;
        elements.leave_out(key.nested());
        let value = elements.next()?;
        elements.leave_out(value.nested());
        note(&mut facts, key, value);
    }
    Some(facts)
}

fn note(facts: &mut Facts, key: Element<'_>, value: Element<'_>) {
    let fact = match (key.text(), value) {
        (Some(b"id"), Element::Integer(id)) => return facts.connection_id = Some(id),
        (Some(b"server"), _) => &mut facts.server,
        (Some(b"version"), _) => &mut facts.version,
        (Some(b"role"), _) => &mut facts.role,
        (Some(b"mode"), _) => &mut facts.mode,
        _ => return,
    };
    *fact = value.text().map(|text| short(&String::from_utf8_lossy(text)));
}
