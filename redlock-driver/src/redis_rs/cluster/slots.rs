//! What a member of a cluster says of its slots, as redis-rs hands it on.

use redis::Value;
use redlock_core::slots::{Place, SLOTS, SlotMap};
use redlock_core::{Cause, Unavailable};

/// A master, found by a slot that it serves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) slot: u16,
    /// The name that it has in the cluster.
    pub(super) id: String,
}

/// Reads the answer to `CLUSTER SLOTS`. The members are in the order of the masters of the map.
pub(super) fn read(said: &Value) -> Result<(SlotMap, Vec<Member>), Unavailable> {
    let read = read_ranges(said)
        .ok_or_else(|| Unavailable::with_detail(Cause::Unexpected, "an answer that names no slots"))?;
    if read.1.is_empty() {
        return Err(Unavailable::with_detail(Cause::NotSent, "no master of its cluster serves a slot"));
    }
    Ok(read)
}

fn read_ranges(said: &Value) -> Option<(SlotMap, Vec<Member>)> {
    let Value::Array(ranges) = said else { return None };
    let (mut slots, mut members) = (SlotMap::default(), Vec::new());
    for range in ranges {
        // The first slot, the last one, the master, and its replicas.
        let Value::Array(parts) = range else { return None };
        let [first, last, Value::Array(master), ..] = parts.as_slice() else { return None };
        let [host, port, id, ..] = master.as_slice() else { return None };
        let (first, last) = (slot(first)?, slot(last)?);
        slots.add(first, last, Place { host: text(host)?, port: number(port)? });
        if slots.masters().len() > members.len() {
            members.push(Member { slot: first, id: text(id)? });
        }
    }
    Some((slots, members))
}

fn slot(value: &Value) -> Option<u16> {
    number(value).filter(|slot| *slot < SLOTS)
}

fn number(value: &Value) -> Option<u16> {
    if let Value::Int(number) = value { u16::try_from(*number).ok() } else { None }
}

/// Reads a text; one that is not there is empty.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Nil => Some(String::new()),
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn range(first: i64, last: i64, port: i64) -> Value {
        let server = |port| {
            Value::Array(vec![bulk("10.0.0.1"), Value::Int(port), bulk(&format!("id{port}")), Value::Array(vec![])])
        };
        Value::Array(vec![Value::Int(first), Value::Int(last), server(port), server(7)])
    }

    #[test]
    fn each_master_is_found_by_one_of_its_slots() {
        let said = Value::Array(vec![range(0, 99, 1), range(100, 199, 2), range(200, 16_383, 1)]);
        let (slots, members) = read(&said).unwrap();
        assert_eq!([0, 150, 16_383].map(|slot| slots.master_of(slot)), [Some(0), Some(1), Some(0)]);
        let found: Vec<_> = members.iter().map(|Member { slot, id }| (*slot, id.as_str())).collect();
        assert_eq!(found, [(0, "id1"), (100, "id2")]);
    }

    #[test]
    fn slots_that_are_none_are_not_believed() {
        for said in
            [Value::Nil, Value::Array(vec![bulk("x")]), Value::Array(vec![range(0, 16_384, 1)]), range(-1, 1, 1)]
        {
            assert_eq!(read(&said).unwrap_err().cause(), Cause::Unexpected, "{said:?}");
        }
        assert_eq!(read(&Value::Array(vec![])).unwrap_err().cause(), Cause::NotSent);
    }
}
