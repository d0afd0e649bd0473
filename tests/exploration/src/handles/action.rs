use super::link::Way;

/// One thing that happens in a world. Users and handles are named by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Begin(usize),
    Release(usize),
    /// A user does not wait any longer.
    GiveUp(usize),
    /// A node carries out the next command of a handle.
    Execute(Way),
    /// The next reply arrives.
    Deliver(Way),
    /// A node takes a subscription.
    Subscribe(Way),
    /// The next call-up arrives, or that a subscription stands.
    Hear(Way),
    /// A call-up is lost.
    LoseCallUp(Way),
    Break {
        way: Way,
        /// The node has carried out what was under way.
        is_late: bool,
    },
    /// Time goes on to the next timer, and all handles do what is due.
    Jump,
}
