use alloc::string::String;

use super::short;

/// What a server has said of how it writes to its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Disk {
    has_append_only_file: Option<bool>,
    /// The append-only file is to be rewritten, or the last try has failed. A server that was told to have one while it was running
    /// has none until the first rewrite has ended.
    awaits_rewrite: bool,
    fsync: Option<String>,
    /// Whether it goes on to do so while it rewrites its append-only file.
    fsync_on_rewrite: Option<bool>,
}

impl Disk {
    /// Reads a line of `INFO`.
    pub(super) fn note_info(&mut self, name: &str, value: &str) {
        match name {
            "aof_enabled" => self.has_append_only_file = Some(value == "1"),
            "aof_rewrite_in_progress" | "aof_rewrite_scheduled" => self.awaits_rewrite |= value == "1",
            "aof_last_bgrewrite_status" => self.awaits_rewrite |= value != "ok",
            _ => {}
        }
    }

    /// Reads a setting.
    pub(super) fn note_setting(&mut self, name: &str, value: &str) {
        match name {
            "appendfsync" => self.fsync = Some(short(value)),
            "no-appendfsync-on-rewrite" => self.fsync_on_rewrite = Some(value != "yes"),
            _ => {}
        }
    }

    /// Returns whether everything is on it before it is answered.
    pub(super) fn keeps_all(&self) -> Option<bool> {
        match (self.has_append_only_file, self.fsync.as_deref()) {
            (Some(false), _) => Some(false),
            (Some(true), _) if self.awaits_rewrite => Some(false),
            (_, Some(fsync)) if fsync != "always" || self.fsync_on_rewrite == Some(false) => Some(false),
            (Some(true), Some(_)) => Some(true),
            _ => None,
        }
    }
}
