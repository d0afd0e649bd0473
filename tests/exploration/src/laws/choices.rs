//! What can happen in a world.

use super::Laws;
use crate::action::Action;
use crate::scenario::{CLIENTS, NODES, TICK, instant};
use crate::world::{Seat, World};

impl Laws {
    pub(super) fn choices(&self, world: &World) -> Vec<Action> {
        let mut actions = Vec::with_capacity(16);
        for client in 0..CLIENTS {
            self.client_actions(world, client, &mut actions);
        }
        for node in 0..NODES {
            self.site_actions(world, node, &mut actions);
        }
        if self.time_can_pass(world) {
            actions.push(Action::Tick);
        }
        actions
    }

    fn client_actions(&self, world: &World, client: usize, actions: &mut Vec<Action>) {
        let now = instant(world.tick);
        let Some(state) = self.client(world, client) else {
            let may_begin = world.seats[client] == Seat::Empty && world.tick <= self.scenario.last_begin;
            actions.extend(may_begin.then_some(Action::Begin { client }));
            return;
        };
        let may_release = !state.was_released && (self.scenario.roles[client].cancels || !state.lock.is_acquiring());
        let may_extend = state.extensions_left > 0 && state.lock.is_held(now);
        let is_due = state.lock.poll_timeout().is_some_and(|at| at <= now);
        let choices = [
            (state.is_won(), Action::HandOver { client }),
            (may_extend, Action::Extend { client }),
            (may_release, Action::Release { client }),
            (is_due, Action::Wake { client }),
        ];
        actions.extend(choices.into_iter().filter_map(|(may, action)| may.then_some(action)));
    }

    fn site_actions(&self, world: &World, node: usize, actions: &mut Vec<Action>) {
        let site = self.sites.get(world.sites[node]);
        for (client, link) in site.links.iter().enumerate() {
            let choices = [
                (!link.commands.is_empty(), Action::Execute { client, node }),
                (!link.replies.is_empty(), Action::Deliver { client, node }),
                (world.cuts_left > 0 && !link.is_idle() && !site.is_down, Action::Cut { client, node }),
            ];
            actions.extend(choices.into_iter().filter_map(|(may, action)| may.then_some(action)));
        }
        if site.is_down {
            actions.push(Action::Restart { node });
        } else if world.crashes_left > 0 {
            actions.push(Action::Crash { node });
        }
    }

    /// Time passes while somebody waits for it. A client that sleeps through a tick wakes before the next.
    fn time_can_pass(&self, world: &World) -> bool {
        let timers = (0..CLIENTS).filter_map(|client| self.client(world, client)?.lock.poll_timeout());
        let earliest = timers.min();
        let is_slept_through = earliest.is_some_and(|at| at.saturating_add(TICK) <= instant(world.tick));
        let may_begin = world.seats.contains(&Seat::Empty) && world.tick < self.scenario.last_begin;
        let busy = |site: &u32| self.sites.get(*site).links.iter().filter(|link| !link.is_idle()).count();
        let slow_links: usize = world.sites.iter().map(busy).sum();
        (earliest.is_some() || may_begin) && !is_slept_through && slow_links <= self.scenario.slow_links
    }
}
