use crate::round::Round;
use crate::{Config, Instant, NodeOutcomes, NodeSet, OperationId, Ttl, lease};

/// One extension: a round of compare-and-lengthen on all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extension {
    pub(crate) operation: OperationId,
    pub(crate) round: Round,
    pub(crate) ttl: Ttl,
    /// The moment at which it began, before its first byte was sent.
    started_at: Instant,
    /// The deadline of the lock when it began: past it nothing of the extension is sent.
    pub(crate) send_by: Instant,
    /// The nodes that have confirmed a later extension: that they lacked the keys at this one is over.
    pub(crate) recovered: NodeSet,
    /// It has come to its result.
    pub(crate) is_over: bool,
}

impl Extension {
    /// Begins at `started_at` with a round on all nodes.
    pub(crate) const fn new(
        operation: OperationId,
        round: Round,
        ttl: Ttl,
        started_at: Instant,
        send_by: Instant,
    ) -> Self {
        Self { operation, round, ttl, started_at, send_by, recovered: NodeSet::EMPTY, is_over: false }
    }

    /// Returns the deadline that the extension gives, or what each node said to one that has failed, as soon as that is
    /// fixed.
    pub(crate) fn result(&self, config: &Config) -> Option<Result<Instant, NodeOutcomes>> {
        let (votes, tally) = (config.votes(), self.round.tally());
        let failed = tally.gone().saturating_add(tally.unavailable);
        let may_be_gone = self.gone().saturating_add(tally.pending);
        if tally.done >= votes.size() {
            Some(Ok(lease::deadline(config, self.started_at, self.ttl.get()).unwrap_or(self.send_by)))
        } else if votes.is_blocked_by(failed) && !votes.is_blocked_by(may_be_gone) {
            Some(Err(self.round.report(config)))
        } else {
            None
        }
    }

    pub(crate) fn keys_gone(&self, config: &Config) -> Option<NodeOutcomes> {
        config.votes().is_blocked_by(self.gone()).then(|| self.round.report(config))
    }

    /// Counts the nodes that lack the keys since this extension, as far as is known.
    const fn gone(&self) -> usize {
        self.round.gone().without(self.recovered).len()
    }
}
