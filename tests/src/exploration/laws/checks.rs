//! What must be true in every world.

use super::Laws;
use crate::exploration::client::Client;
use crate::exploration::invariant::Violation;
use crate::exploration::scenario::{CLIENTS, NODES, instant};
use crate::exploration::world::{Seat, World};

impl Laws {
    /// Checks what must be true in every world. `is_over`: nothing can happen in it any more.
    pub(in crate::exploration) fn check(&self, world: &World, is_over: bool) -> Result<(), Violation> {
        let now = instant(world.tick);
        let clients = (0..CLIENTS).filter_map(|client| self.client(world, client));
        let mut holders = clients.filter(|client| client.lock.is_held(now));
        if let Some(holder) = holders.next() {
            self.check_quorum(world, holder)?;
        }
        if holders.next().is_some() {
            return Err(Violation::TwoHolders);
        }
        if is_over { self.check_end(world) } else { Ok(()) }
    }

    /// I2: a quorum has the key now. That it has it until the deadline shows in the worlds that follow.
    fn check_quorum(&self, world: &World, holder: &Client) -> Result<(), Violation> {
        let token = holder.token().as_bytes();
        let keys = world.sites.iter().filter(|site| self.sites.value(**site) == Some(token)).count();
        if keys > NODES / 2 { Ok(()) } else { Err(Violation::NoQuorumBehindHolder) }
    }

    /// I11. A connection that breaks may take the release with it that was to undo a late SET; only then it is the TTL
    /// that undoes it.
    fn check_end(&self, world: &World) -> Result<(), Violation> {
        let is_whole = world.cuts_left == self.scenario.cuts && world.crashes_left == self.scenario.crashes;
        if world.seats.iter().any(|seat| matches!(seat, Seat::Taken(_))) {
            Err(Violation::NeverSettled)
        } else if is_whole && world.sites.iter().any(|site| self.sites.value(*site).is_some()) {
            Err(Violation::LeftKeyBehind)
        } else {
            Ok(())
        }
    }
}
