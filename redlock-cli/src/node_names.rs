use std::fmt;

use redlock_core::system::url::NodeUrl;
use serde::{Deserialize, Serialize};

/// The nodes of a lock by address and database, as a token file names them: without users and passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct NodeNames(Vec<String>);

impl NodeNames {
    pub(crate) fn of(urls: &[String]) -> Self {
        Self(urls.iter().map(|url| NodeUrl::parse(url).map_or_else(|error| error.node, |url| name(&url))).collect())
    }

    /// Returns of each of the nodes that were `asked` whether it is one of these.
    pub(crate) fn contain(&self, asked: &Self) -> impl Iterator<Item = bool> {
        asked.0.iter().map(|name| self.0.contains(name))
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether nobody can hold the lock any more when so many nodes have no key. A file that names no node leaves the
    /// verdict to those that were asked.
    pub(crate) const fn are_without_quorum(&self, gone: usize) -> bool {
        self.0.len().saturating_sub(gone) <= self.0.len() / 2
    }
}

impl fmt::Display for NodeNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

fn name(url: &NodeUrl) -> String {
    match url.database {
        0 => url.address.to_string(),
        database => format!("{}/{database}", url.address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_database_and_no_password() {
        let urls = ["redis://user:secret@a", "rediss://B:7/3", "redis://a?db=2", "unix:///run/a?db=1&pass=secret"];
        assert_eq!(NodeNames::of(&urls.map(Into::into)).to_string(), "a:6379, b:7/3, a:6379/2, /run/a/1");
    }

    #[test]
    fn a_lock_is_over_when_no_quorum_can_have_it() {
        for (nodes, gone) in [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)] {
            let names = NodeNames(vec![String::new(); nodes]);
            assert!(names.are_without_quorum(gone), "{nodes}");
            assert!(gone == 0 || !names.are_without_quorum(gone - 1), "{nodes}");
        }
    }
}
