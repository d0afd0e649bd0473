//! How the parts of a health report are written as data.

use alloc::string::ToString as _;
use core::time::Duration;

use serde::Serializer;
use serde::ser::SerializeMap as _;

use crate::{Facts, Unavailable};

pub(super) fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde hands over what the field is")]
pub(super) fn optional_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.serialize_some(&duration.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}

pub(super) fn text<S: Serializer>(why: &Unavailable, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&why.to_string())
}

#[expect(clippy::ref_option, reason = "serde hands over what the field is")]
pub(super) fn optional_text<S: Serializer>(why: &Option<Unavailable>, serializer: S) -> Result<S::Ok, S::Error> {
    match why {
        Some(why) => serializer.serialize_some(&why.to_string()),
        None => serializer.serialize_none(),
    }
}

pub(super) fn facts<S: Serializer>(facts: &Facts, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("server", &facts.server())?;
    map.serialize_entry("version", &facts.version())?;
    map.serialize_entry("role", &facts.role())?;
    map.serialize_entry("mode", &facts.mode())?;
    map.serialize_entry("run_id", &facts.run_id())?;
    map.serialize_entry("uptime", &facts.uptime().map(|uptime| uptime.as_secs_f64()))?;
    map.serialize_entry("maxmemory_policy", &facts.eviction_policy())?;
    map.serialize_entry("is_durable", &facts.is_durable())?;
    map.end()
}
