use alloc::vec::Vec;

use crate::{
    Action, Cause, Command, CommandId, Config, Grace, Instant, KeyReport, LockStatus, NodeId, NodeSet, Reply, Resource,
    ScriptForm, Unavailable, ValueDigest,
};

/// One question to all nodes about the key of a lock. Nobody votes: every answer is of use, so it goes on until all nodes
/// have answered, or until the node timeout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Inspection {
    resource: Resource,
    /// One for each node, in the order of the configuration; `None` as long as it is owed.
    reports: Vec<Option<Result<KeyReport, Unavailable>>>,
    /// The nodes that were sent the script's text: they cannot ask for it again.
    has_source: NodeSet,
    deadline: Instant,
    /// The digests of the tokens of this handle.
    ours: Vec<ValueDigest>,
}

impl Inspection {
    /// Begins to ask all nodes, each of which has until `deadline`.
    pub(crate) fn begin(config: &Config, resource: Resource, deadline: Instant) -> Self {
        let reports = config.nodes().iter().map(|_| None).collect();
        Self { resource, reports, has_source: NodeSet::EMPTY, deadline, ours: Vec::new() }
    }

    /// Notes what this handle holds: keys with these digests are its own.
    pub(crate) fn note_ours(&mut self, digests: impl IntoIterator<Item = ValueDigest>) {
        self.ours.extend(digests);
    }

    /// Takes a node's answer; returns whether the node wants to be sent the script's text.
    pub(crate) fn handle_reply(&mut self, node: NodeId, reply: Reply) -> bool {
        let Some(report) = self.reports.get_mut(node.index()) else { return false };
        *report = Some(match reply {
            Reply::Inspected(said) => Ok(said),
            Reply::Unavailable(why) => Err(why),
            Reply::UnknownScript if !self.has_source.contains(node) => {
                self.has_source.insert(node);
                return true;
            }
            _ => Err(Unavailable::new(Cause::Unexpected)),
        });
        false
    }

    /// Counts silence as an answer from the deadline on.
    pub(crate) fn expire(&mut self, now: Instant) {
        if now >= self.deadline {
            for report in self.reports.iter_mut().filter(|report| report.is_none()) {
                *report = Some(Err(Unavailable::new(Cause::NoAnswer)));
            }
        }
    }

    /// Returns the command for a node.
    pub(crate) fn command(&self, node: NodeId) -> Command {
        let form = if self.has_source.contains(node) { ScriptForm::Source } else { ScriptForm::Digest };
        let (nodes, action) = (NodeSet::from_iter([node]), Action::inspect(self.resource.clone()));
        Command {
            id: CommandId::NO_LOCK,
            nodes,
            action,
            send_by: self.deadline,
            form,
            grace: Grace::DEFAULT,
            is_repeated: false,
        }
    }

    /// Returns the moment at which [`Self::expire`] has something to do.
    pub(crate) const fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) const fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Returns whether no answer is owed any more.
    pub(crate) fn is_over(&self) -> bool {
        self.reports.iter().all(Option::is_some)
    }

    /// Returns what the nodes have said.
    pub(crate) fn status(self, config: &Config) -> LockStatus {
        let silent = || Err(Unavailable::new(Cause::NoAnswer));
        let reports: Vec<_> = self.reports.into_iter().map(|report| report.unwrap_or_else(silent)).collect();
        LockStatus::new(config, self.resource, &reports, &self.ours)
    }
}
