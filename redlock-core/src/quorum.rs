/// The majority rule over a fixed number of nodes, as a pure function with three outcomes.
///
/// Source: *Distributed Locks with Redis*, "The Redlock Algorithm", step 3: the lock is acquired only if the client
/// acquired it in the majority of the instances, at least N/2 + 1. An even number of nodes is allowed; a tie is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Quorum {
    nodes: usize,
}

/// The verdict of a number of votes on a question that needs a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verdict {
    /// A quorum has agreed; nothing can change that.
    Won,
    /// Too many have refused for a quorum to agree.
    Lost,
    /// The votes that are still out decide.
    Undecided,
}

impl Quorum {
    pub(crate) const fn of(nodes: usize) -> Self {
        Self { nodes }
    }

    /// Returns the number of nodes that are a quorum.
    pub(crate) const fn size(self) -> usize {
        (self.nodes / 2).saturating_add(1)
    }

    /// Decides as soon as the verdict is fixed, either way.
    pub(crate) const fn verdict(self, agreed: usize, refused: usize) -> Verdict {
        if agreed >= self.size() {
            Verdict::Won
        } else if self.is_blocked_by(refused) {
            Verdict::Lost
        } else {
            Verdict::Undecided
        }
    }

    /// Returns whether this many nodes, by saying no or nothing, leave too few for a quorum.
    pub(crate) const fn is_blocked_by(self, refused: usize) -> bool {
        self.nodes.saturating_sub(refused) < self.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line of the table: one letter a node (`+` agreed, `-` refused, `.` not answered), then the verdict.
    #[test]
    fn verdicts_follow_the_table() {
        let table = include_str!("../testdata/quorum.txt");
        let mut rows = 0;
        for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (votes, expected) = line.split_once(' ').unwrap();
            let count = |letter| votes.chars().filter(|&vote| vote == letter).count();
            let verdict = Quorum::of(votes.len()).verdict(count('+'), count('-'));
            assert_eq!(format!("{verdict:?}").to_lowercase(), expected.trim(), "{line}");
            rows += 1;
        }
        assert!(rows >= 30, "the table was read: {rows} rows");
    }
}
