//! The servers that the contestants lock on.

use std::fmt;
use std::path::{Path, PathBuf};

use redlock_tests::{Server, Servers};
use serde::Serialize;

use crate::contestant::Failure;

/// Which server to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ServerKind {
    Redis,
    Valkey,
}

impl ServerKind {
    pub(crate) const ALL: [Self; 2] = [Self::Redis, Self::Valkey];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Valkey => "valkey",
        }
    }

    /// Starts `count` of them.
    pub(crate) fn start(self, count: usize) -> Result<Servers, Failure> {
        let (binary, script) = match self {
            Self::Redis => (PathBuf::from("redis-server"), "test.sh"),
            Self::Valkey => (valkey(), "tests/server.sh"),
        };
        let builder = Server::builder().binary(&binary);
        if builder.version().is_none() {
            return Err(format!("there is no {} that runs: {script} gets it", binary.display()).into());
        }
        Ok(builder.start_many(count))
    }
}

/// Where `tests/server.sh` puts it.
fn valkey() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("servers").join("valkey")
}

impl fmt::Display for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}
