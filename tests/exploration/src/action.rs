/// One thing that happens in a world. Clients and nodes are named by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Begin {
        client: usize,
    },
    HandOver {
        client: usize,
    },
    Extend {
        client: usize,
    },
    Release {
        client: usize,
    },
    /// The client's timer fires.
    Wake {
        client: usize,
    },
    /// A node carries out the command that is the first on the way to it.
    Execute {
        client: usize,
        node: usize,
    },
    /// A client takes the reply that is the first on the way to it.
    Deliver {
        client: usize,
        node: usize,
    },
    /// A connection breaks.
    Cut {
        client: usize,
        node: usize,
    },
    Crash {
        node: usize,
    },
    Restart {
        node: usize,
    },
    Tick,
}

impl Action {
    /// The same action with the node under another name.
    pub(super) fn renamed(self, name: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::Execute { client, node } => Self::Execute { client, node: name(node) },
            Self::Deliver { client, node } => Self::Deliver { client, node: name(node) },
            Self::Cut { client, node } => Self::Cut { client, node: name(node) },
            Self::Crash { node } => Self::Crash { node: name(node) },
            Self::Restart { node } => Self::Restart { node: name(node) },
            other => other,
        }
    }
}
