use std::fmt;

/// One thing that happens in a world. Users and nodes are named by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Begin(usize),
    HandOver(usize),
    Extend(usize),
    Release(usize),
    Abandon(usize),
    /// The connection that is wanted is there.
    Open(usize),
    /// The connection that is wanted cannot be opened.
    Fail(usize),
    Break {
        node: usize,
        /// The node carries out later what was under way.
        is_late: bool,
    },
    /// The process learns that a connection is broken.
    Notice(usize),
    /// A node carries out the next command of its connection.
    Execute(usize),
    /// A node carries out a command of a connection that is broken.
    ExecuteLate(usize),
    /// The next reply of a node arrives.
    Deliver(usize),
    /// Time goes on to the next timer.
    Jump,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(user) => write!(f, "user {user} begins to acquire"),
            Self::HandOver(user) => write!(f, "user {user} comes for its lock"),
            Self::Extend(user) => write!(f, "user {user} extends"),
            Self::Release(user) => write!(f, "user {user} releases"),
            Self::Abandon(user) => write!(f, "user {user} abandons"),
            Self::Open(node) => write!(f, "the connection to node {node} is open"),
            Self::Fail(node) => write!(f, "no connection to node {node} can be opened"),
            Self::Break { node, is_late: false } => write!(f, "the connection to node {node} breaks"),
            Self::Break { node, is_late: true } => {
                write!(f, "the connection to node {node} breaks, which has all of it")
            }
            Self::Notice(node) => write!(f, "the process notices that the connection to node {node} is broken"),
            Self::Execute(node) => write!(f, "node {node} carries out a command"),
            Self::ExecuteLate(node) => write!(f, "node {node} carries out a command of a broken connection"),
            Self::Deliver(node) => write!(f, "a reply of node {node} arrives"),
            Self::Jump => f.write_str("time goes on to the next timer"),
        }
    }
}
