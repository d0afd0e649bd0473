//! What must be true in every world.

use super::Laws;
use crate::client::{Attempt, Client};
use crate::invariant::Violation;
use crate::scenario::{CLIENTS, QUORUM, TTL, instant};
use crate::world::{Seat, World};

impl Laws {
    /// Checks what must be true in every world; `is_over`: nothing can happen in it any more. The answer is on how many
    /// nodes the holder has its key, if there is a holder.
    pub(super) fn check_world(&self, world: &World, is_over: bool) -> Result<Option<usize>, Violation> {
        let now = instant(world.tick);
        let clients = (0..CLIENTS).filter_map(|client| self.client(world, client));
        let mut holders = clients.filter(|client| client.lock.is_held(now));
        let keys = holders.next().map(|holder| self.count_keys(world, holder));
        if holders.next().is_some() {
            return Err(Violation::TwoHolders);
        }
        if keys.is_some_and(|keys| keys < QUORUM) {
            return Err(Violation::NoQuorumBehindHolder);
        }
        if is_over {
            self.check_end(world)?;
        }
        Ok(keys)
    }

    /// The keys that are there now. That they are until the deadline (I2) shows in the worlds that follow.
    fn count_keys(&self, world: &World, holder: &Client) -> usize {
        let token = holder.token().as_bytes();
        world.sites.iter().filter(|site| self.sites.value(**site) == Some(token)).count()
    }

    /// I11: a machine that is settled has told every node that has a key of it, or the key's TTL is over.
    pub(super) fn check_farewell(&self, world: &World, client: usize, state: &Client) -> Result<(), Violation> {
        let now = instant(world.tick);
        let is_over = |attempt: &Attempt| attempt.released_at.is_some_and(|at| at.saturating_add(TTL) <= now);
        let fresh: Vec<_> = state.attempts.iter().filter(|attempt| !is_over(attempt)).collect();
        let has_key = |site: u32| fresh.iter().any(|attempt| self.sites.value(site) == Some(attempt.token.as_bytes()));
        let is_told = |site: u32| !self.sites.get(site).links[client].commands.is_empty();
        let is_settled = world.sites.iter().all(|&site| !has_key(site) || is_told(site));
        if is_settled { Ok(()) } else { Err(Violation::SettledTooEarly) }
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
