mod checks;
mod choices;
mod narration;

use super::action::Action;
use super::client::Client;
use super::clients::{Call, Clients, Outcome};
use super::invariant::Violation;
use super::scenario::{CLIENTS, NODES, QUORUM, Scenario, instant};
use super::search::{Explored, Failure, Worlds, search};
use super::site::{Letter, Site};
use super::sites::{Change, Sites};
use super::symmetry::Permutation;
use super::world::{Seat, World};

/// Visits every world that can be reached, breadth-first, and checks each. There is no bound: an answer means that the
/// search has come to its end.
///
/// # Errors
///
/// [`Failure`] with the first world that breaks a rule.
pub fn explore(scenario: &Scenario) -> Result<Explored, Failure<Violation>> {
    search(Laws::new(scenario))
}

/// What can happen in a world, and what comes of it.
#[derive(Debug)]
struct Laws {
    scenario: Scenario,
    clients: Clients,
    sites: Sites,
}

impl Laws {
    fn new(scenario: &Scenario) -> Self {
        let sites = Sites::new(scenario.node_clock);
        Self { scenario: scenario.clone(), clients: Clients::new(scenario), sites }
    }

    fn client(&self, world: &World, client: usize) -> Option<&Client> {
        match world.seats[client] {
            Seat::Taken(id) => Some(self.clients.get(id)),
            Seat::Empty | Seat::Left => None,
        }
    }
}

impl Worlds for Laws {
    type World = World;
    type Action = Action;
    type Violation = Violation;

    /// The world at tick zero, when the first client has begun: before that nothing of interest happens.
    fn genesis(&mut self) -> Result<World, Violation> {
        let outcome = self.clients.begin(0, 0)?;
        let any = self.clients.message(outcome.sent[0].1);
        let site = |node: usize| Site::new(any, self.scenario.fences.map(|counters| counters[node]));
        let sites: [Site; NODES] = std::array::from_fn(site);
        let mut world = World {
            tick: 0,
            cuts_left: self.scenario.cuts,
            crashes_left: self.scenario.crashes,
            largest_fence: 0,
            seats: [Seat::Empty; CLIENTS],
            sites: sites.map(|site| self.sites.intern(&site, 0)),
        };
        self.settle(&mut world, 0, &outcome)?;
        Ok(world)
    }

    /// The representative of a world's images: the nodes are interchangeable.
    fn canonical(&mut self, world: World) -> World {
        self.representative(&world).0
    }

    fn actions(&self, world: &World) -> Vec<Action> {
        self.choices(world)
    }

    fn apply(&mut self, world: &World, action: Action) -> Result<World, Violation> {
        let mut next = *world;
        let world = &mut next;
        match action {
            Action::Begin { client } => {
                let outcome = self.clients.begin(client, world.tick)?;
                self.settle(world, client, &outcome)?;
            }
            Action::HandOver { client } => self.call(world, client, Call::HandOver)?,
            Action::Extend { client } => self.call(world, client, Call::Extend)?,
            Action::Release { client } => self.call(world, client, Call::Release)?,
            Action::Wake { client } => self.call(world, client, Call::Wake)?,
            Action::Execute { client, node } => self.execute(world, client, node)?,
            Action::Deliver { client, node } => self.deliver(world, client, node)?,
            Action::Cut { client, node } => {
                world.cuts_left = world.cuts_left.saturating_sub(1);
                self.change(world, node, Change::Cut { client })?;
            }
            Action::Crash { node } => {
                world.crashes_left = world.crashes_left.saturating_sub(1);
                self.change(world, node, Change::Crash)?;
            }
            Action::Restart { node } => self.change(world, node, Change::Restart)?,
            Action::Tick => self.tick(world)?,
        }
        Ok(next)
    }

    /// A witness is a world whose holder has the keys of a quorum and no more: that is enough.
    fn check(&self, world: &World, is_over: bool, _: &mut Vec<Action>) -> Result<bool, Violation> {
        Ok(self.check_world(world, is_over)? == Some(QUORUM))
    }

    fn machines(&self) -> usize {
        self.clients.len()
    }

    /// The nodes have the names that they have in the first world, which do not change on the way.
    fn narrate(&mut self, way: &[Action]) -> Vec<String> {
        let mut told = vec!["A begins to acquire".into()];
        let mut world = self.genesis().ok();
        for action in way {
            let Some(before) = world else { break };
            let names = self.representative(&before).1.inverse();
            let action = action.renamed(|node| names.apply(node));
            told.push(self.tell(&before, action));
            world = self.apply(&before, action).ok();
        }
        told
    }
}

impl Laws {
    fn change(&mut self, world: &mut World, node: usize, change: Change) -> Result<(), Violation> {
        let clients = &self.clients;
        let site = &mut world.sites[node];
        *site = self.sites.change(*site, change, world.tick, |message| clients.message(message))?;
        Ok(())
    }

    fn execute(&mut self, world: &mut World, client: usize, node: usize) -> Result<(), Violation> {
        let link = &self.sites.get(world.sites[node]).links[client];
        let Some(&message) = link.commands.front() else { return Ok(()) };
        self.change(world, node, Change::Execute { client, message })?;
        self.skim(world, client)
    }

    fn deliver(&mut self, world: &mut World, client: usize, node: usize) -> Result<(), Violation> {
        let Some(reply) = self.first_reply(world, client, node) else { return Ok(()) };
        self.change(world, node, Change::Deliver { client })?;
        self.call(world, client, Call::Deliver { node, reply })
    }

    fn first_reply(&self, world: &World, client: usize, node: usize) -> Option<Letter> {
        self.sites.get(world.sites[node]).links[client].replies.front().copied()
    }

    fn call(&mut self, world: &mut World, client: usize, call: Call) -> Result<(), Violation> {
        let Seat::Taken(id) = world.seats[client] else { return Ok(()) };
        let outcome = self.clients.step(client, id, call, world.tick)?.clone();
        self.settle(world, client, &outcome)?;
        if let Some(fence) = outcome.fence {
            if fence <= world.largest_fence {
                return Err(Violation::FenceNotLarger);
            }
            world.largest_fence = fence;
        }
        self.skim(world, client)
    }

    /// Sends what a client has to send, and drops a machine that is settled, as a driver does.
    fn settle(&mut self, world: &mut World, client: usize, outcome: &Outcome) -> Result<(), Violation> {
        for &(nodes, message) in &outcome.sent {
            for node in nodes.iter() {
                self.change(world, node.index(), Change::Send { client, message })?;
            }
        }
        world.seats[client] = Seat::Taken(outcome.client);
        let state = self.clients.get(outcome.client);
        if state.lock.is_settled() {
            self.check_farewell(world, client, state)?;
            world.seats[client] = Seat::Left;
            for node in 0..NODES {
                self.change(world, node, Change::Abandon { client })?;
            }
        }
        Ok(())
    }

    /// Takes the replies that the machine does not expect any more, and that make no difference to it.
    ///
    /// A machine knows a reply by the number of its command, numbers are not used again, and what it waits for is
    /// settled when it sends. So a reply that makes no difference now never will, and when it is taken is no choice.
    fn skim(&mut self, world: &mut World, client: usize) -> Result<(), Violation> {
        let Seat::Taken(id) = world.seats[client] else { return Ok(()) };
        for node in 0..NODES {
            while let Some(reply) = self.first_reply(world, client, node) {
                let outcome = self.clients.step(client, id, Call::Deliver { node, reply }, world.tick)?;
                if outcome.client != id || !outcome.sent.is_empty() {
                    break;
                }
                self.change(world, node, Change::Deliver { client })?;
            }
        }
        Ok(())
    }

    /// Timers fire when they are due, unless the scenario has clients that sleep. Those whose timers are not due are
    /// told the time too, so that machines that differ only in the time that they know are one.
    fn tick(&mut self, world: &mut World) -> Result<(), Violation> {
        world.tick = world.tick.saturating_add(1);
        for node in 0..NODES {
            self.change(world, node, Change::Expire)?;
        }
        for client in 0..CLIENTS {
            let timer = self.client(world, client).and_then(|client| client.lock.poll_timeout());
            let is_due = timer.is_some_and(|at| at <= instant(world.tick));
            if !(is_due && self.scenario.late_timers) {
                self.call(world, client, Call::Wake)?;
            }
        }
        Ok(())
    }
}

impl Laws {
    /// The representative of a world's images, and the permutation that leads to it.
    fn representative(&self, world: &World) -> (World, Permutation) {
        let sorted = Permutation::all().filter(|permutation| permutation.of(&world.sites).is_sorted());
        let images = sorted.map(|permutation| (self.image(world, permutation), permutation));
        images.min_by_key(|(image, _)| image.seats).expect("one of the orders is sorted")
    }

    fn image(&self, world: &World, permutation: Permutation) -> World {
        let seat = |seat| match seat {
            Seat::Taken(client) => Seat::Taken(self.clients.image(client, permutation)),
            Seat::Empty | Seat::Left => seat,
        };
        World { seats: world.seats.map(seat), sites: permutation.of(&world.sites), ..*world }
    }
}
