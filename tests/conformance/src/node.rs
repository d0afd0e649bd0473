use std::time::Duration;

/// One independent node of yours, and what can be done to it.
///
/// Cases start nodes, look at their keys, and put them through faults. What cannot be done to yours, you say in
/// [`cannot`](Self::cannot); the cases that need it are then not run, with your reason.
///
/// The methods are called on the thread that runs the case, which may be the runtime's only one: they must not wait for
/// its tasks.
///
/// # Panics
///
/// What does not work out should panic: the case fails with your message.
pub trait TestNode: Send + Sync + 'static {
    /// Starts a node without keys, and returns when connections can be made. Dropping it ends it.
    #[must_use]
    fn start() -> Self
    where
        Self: Sized;

    /// Starts a node whose keys outlive [`kill`](Self::kill) and [`restart`](Self::restart).
    ///
    /// Provided: as [`start`](Self::start).
    #[must_use]
    fn start_durable() -> Self
    where
        Self: Sized,
    {
        Self::start()
    }

    /// For how long the key called `name` still lives; `None` without the key. Of a node that is paused or killed,
    /// `None` too if it cannot be asked; the answer must not take more than a second or two.
    /// A name may have blanks, line breaks and other special characters in it.
    ///
    /// Ask the node itself rather than through your transport: a transport that answers without having asked is found
    /// out by this.
    fn ttl(&self, name: &str) -> Option<Duration>;

    /// Lets the node hang, as `SIGSTOP` does: connections stay and new ones are taken or not, but nothing is answered
    /// before [`resume`](Self::resume).
    fn pause(&self) {
        unsupported("pause")
    }

    /// Lets a paused node go on: what it was sent meanwhile, it carries out now, in order.
    fn resume(&self) {
        unsupported("resume")
    }

    /// Ends the node, be it paused or not: connections break with all that was not answered, what it has not carried
    /// out is lost, and new ones are refused.
    fn kill(&self) {
        unsupported("kill")
    }

    /// Starts a killed node again, at the same address and not paused.
    fn restart(&self) {
        unsupported("restart")
    }

    /// Deletes all keys, as an operator or another program would.
    fn wipe(&self) {
        unsupported("wipe")
    }

    /// Sets a key for a minute with a value that is none of ours, as another program would; says whether there was no
    /// such key.
    fn set_if_absent(&self, name: &str) -> bool {
        let _ = name;
        unsupported("set_if_absent")
    }

    /// Why something cannot be done, for the table; `None` if it can.
    ///
    /// Provided: everything can be done.
    #[must_use]
    fn cannot(need: Need) -> Option<&'static str>
    where
        Self: Sized,
    {
        let _ = need;
        None
    }
}

fn unsupported(method: &str) -> ! {
    panic!("TestNode::{method} is not implemented, and TestNode::cannot does not say so")
}

/// What a case needs beyond a node that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// [`TestNode::pause`] and [`TestNode::resume`].
    Pause,
    /// [`TestNode::kill`] and [`TestNode::restart`].
    Restart,
    /// Keys that outlive a restart: [`TestNode::start_durable`].
    Durability,
    /// [`TestNode::wipe`].
    Wipe,
    /// Keys of other programs: [`TestNode::set_if_absent`].
    ForeignKeys,
    /// That an extension or a release can be dropped while it is under way; a call that blocks cannot.
    DroppedCalls,
    /// Ten thousand calls at the same time, which are too many threads.
    ManyCalls,
}
