use redlock_core::Command;

use super::interner::{Interner, QuickMap};
use super::invariant::Violation;
use super::scenario::{NodeClock, RESOURCE};
use super::site::Site;

/// The states of nodes and their connections that were met, numbered, with what every change makes of them.
#[derive(Debug)]
pub(super) struct Sites {
    clock: NodeClock,
    states: Interner<Site>,
    /// The value of the key in each state.
    values: Vec<Option<Vec<u8>>>,
    changes: QuickMap<(u32, Change, u8), u32>,
}

/// What can happen to a node and its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Change {
    /// The node carries out the first command of a client, which is this message.
    Execute {
        client: usize,
        message: u16,
    },
    /// The first reply to a client is taken.
    Deliver {
        client: usize,
    },
    Send {
        client: usize,
        message: u16,
    },
    Abandon {
        client: usize,
    },
    Cut {
        client: usize,
    },
    Crash,
    Restart,
    /// Keys expire whose time is over.
    Expire,
}

impl Sites {
    pub(super) fn new(clock: NodeClock) -> Self {
        Self { clock, states: Interner::new(), values: Vec::new(), changes: QuickMap::default() }
    }

    pub(super) fn intern(&mut self, site: &Site, tick: u8) -> u32 {
        let id = self.states.intern(site);
        if self.values.len() < self.states.len() {
            let mut node = site.node.clone();
            self.values.push(node.get(RESOURCE.as_bytes(), self.clock.at(tick)).map(<[u8]>::to_vec));
        }
        id
    }

    pub(super) fn get(&self, site: u32) -> &Site {
        self.states.get(site)
    }

    /// The value of the key.
    pub(super) fn value(&self, site: u32) -> Option<&[u8]> {
        self.values[site as usize].as_deref()
    }

    /// `command`: which message has which content.
    pub(super) fn change<'a>(
        &mut self,
        site: u32,
        change: Change,
        tick: u8,
        command: impl FnOnce(u16) -> &'a Command,
    ) -> Result<u32, Violation> {
        if let Some(&known) = self.changes.get(&(site, change, tick)) {
            return Ok(known);
        }
        let (mut state, now) = (self.get(site).clone(), self.clock.at(tick));
        match change {
            Change::Execute { client, message } => state.execute(client, command(message), now)?,
            Change::Deliver { client } => drop(state.links[client].replies.pop_front()),
            Change::Send { client, message } => state.send(client, message),
            Change::Abandon { client } => state.abandon(client),
            Change::Cut { client } => state.cut(client),
            Change::Crash => state.crash(),
            Change::Restart => state.restart(),
            Change::Expire => drop(state.node.ttl(RESOURCE.as_bytes(), now)),
        }
        let after = self.intern(&state, tick);
        self.changes.insert((site, change, tick), after);
        Ok(after)
    }
}
