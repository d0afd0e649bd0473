use redlock_core::WaiterId;

/// Who hears that they are called up by a node, and over which connections.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Vec<(WaiterId, Connection)>);

/// One connection of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) link: usize,
    pub(crate) epoch: u32,
}

impl Subscriptions {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a waiter who hears over a connection.
    pub(crate) fn add(&mut self, waiter: WaiterId, connection: Connection) {
        let subscription = (waiter, connection);
        if !self.0.contains(&subscription) {
            self.0.push(subscription);
        }
    }

    /// Returns the connections over which a waiter hears.
    pub(crate) fn of(&self, waiter: &WaiterId) -> Vec<Connection> {
        self.0.iter().filter(|(other, _)| other == waiter).map(|(_, connection)| *connection).collect()
    }

    /// Ends those of the connections that match; returns the waiters who hear nothing any more.
    pub(crate) fn end(&mut self, has_ended: impl Fn(Connection) -> bool) -> Vec<WaiterId> {
        let (ended, left): (Vec<_>, _) = self.0.drain(..).partition(|(_, connection)| has_ended(*connection));
        self.0 = left;
        ended.into_iter().map(|(waiter, _)| waiter).filter(|waiter| self.of(waiter).is_empty()).collect()
    }
}
