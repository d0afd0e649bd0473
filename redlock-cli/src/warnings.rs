use std::collections::HashSet;

use redlock_tokio::Redlock;
use redlock_tokio::health::Warning;

use crate::output;

/// What was said about servers that can cost locks, so that it is said once.
#[derive(Debug, Default)]
pub(crate) struct Warnings(HashSet<String>);

impl Warnings {
    /// Says on stderr of each server what only a person can mend: it is not to be seen from a lock that was acquired.
    pub(crate) fn tell(&mut self, redlock: &Redlock) {
        for node in redlock.health().nodes {
            for warning in node.warnings.iter().filter(|warning| is_about_the_setup(warning)) {
                let text = format!("warning: {}: {warning}", node.name);
                if self.0.insert(text.clone()) {
                    output::complain(&text);
                }
            }
        }
    }
}

/// Returns whether a warning is about how the servers were chosen and set up, and not about how they are at the moment.
const fn is_about_the_setup(warning: &Warning) -> bool {
    matches!(
        warning,
        Warning::SameServer { .. } | Warning::Replica | Warning::Evicts { .. } | Warning::Cluster | Warning::FailsOver
    )
}
