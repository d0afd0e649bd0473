use std::fmt;

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

pub(super) const fn client_name(client: usize) -> &'static str {
    ["A", "B"][client]
}

pub(super) const fn node_name(node: usize) -> &'static str {
    ["a", "b", "c"][node]
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Begin { client } => write!(f, "{} begins to acquire", client_name(client)),
            Self::HandOver { client } => write!(f, "{} comes for its lock", client_name(client)),
            Self::Extend { client } => write!(f, "{} extends", client_name(client)),
            Self::Release { client } => write!(f, "{} releases", client_name(client)),
            Self::Wake { client } => write!(f, "the timer of {} fires", client_name(client)),
            Self::Execute { client, node } => {
                write!(f, "node {} carries out a command of {}", node_name(node), client_name(client))
            }
            Self::Deliver { client, node } => {
                write!(f, "{} takes a reply of node {}", client_name(client), node_name(node))
            }
            Self::Cut { client, node } => {
                write!(f, "the connection of {} to node {} breaks", client_name(client), node_name(node))
            }
            Self::Crash { node } => write!(f, "node {} crashes", node_name(node)),
            Self::Restart { node } => write!(f, "node {} is back with its data", node_name(node)),
            Self::Tick => f.write_str("time passes"),
        }
    }
}
