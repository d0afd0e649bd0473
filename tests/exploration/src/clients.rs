use redlock_core::{Command, NodeSet};

use super::client::{Client, Input, Said, small};
use super::interner::{Interner, QuickMap};
use super::invariant::{Step, Violation};
use super::scenario::{Scenario, instant, node_id};
use super::site::Letter;
use super::symmetry::{PERMUTATIONS, Permutation};

/// The states of the clients that were met, numbered, with what every call makes of them.
///
/// The machine is a pure function of its calls: to remember what a call made of it changes nothing, but only the first
/// call of a kind costs the time of the real machine.
#[derive(Debug)]
pub(super) struct Clients {
    scenario: Scenario,
    states: Interner<Client>,
    /// For each state, what it were if the nodes had other places.
    images: Vec<[u32; PERMUTATIONS]>,
    messages: Interner<Command>,
    steps: QuickMap<(u32, Call, u8), u32>,
    outcomes: Vec<Outcome>,
}

/// An [`Input`] that names its command by the number of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    HandOver,
    Extend,
    Release,
    Wake,
    Deliver { node: usize, reply: Letter },
}

/// What a call made of a client.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) client: u32,
    /// The messages, in order, and where they go.
    pub(super) sent: Vec<(NodeSet, u16)>,
    /// The fence with which the lock was handed over, if it was and is fenced.
    pub(super) fence: Option<u32>,
}

impl Clients {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.clone(),
            states: Interner::new(),
            images: Vec::new(),
            messages: Interner::new(),
            steps: QuickMap::default(),
            outcomes: Vec::new(),
        }
    }

    /// Lets a client begin. It cannot tell the nodes apart yet.
    pub(super) fn begin(&mut self, index: usize, tick: u8) -> Result<Outcome, Violation> {
        let (client, said) = Client::begin(index, &self.scenario, instant(tick));
        let id = self.states.intern(&client);
        self.note_images([id; PERMUTATIONS])?;
        Ok(Outcome { client: id, sent: self.post(&said), fence: None })
    }

    /// Calls a client. At the first time its images are called too: they must do the same under the nodes' other names.
    pub(super) fn step(&mut self, index: usize, client: u32, call: Call, tick: u8) -> Result<&Outcome, Violation> {
        let outcome = match self.steps.get(&(client, call, tick)) {
            Some(&known) => known,
            None => self.step_anew(index, client, call, tick)?,
        };
        Ok(&self.outcomes[outcome as usize])
    }

    pub(super) fn get(&self, client: u32) -> &Client {
        self.states.get(client)
    }

    /// What the client were if the nodes had other places.
    pub(super) fn image(&self, client: u32, permutation: Permutation) -> u32 {
        self.images[client as usize][permutation.index()]
    }

    pub(super) fn message(&self, message: u16) -> &Command {
        self.messages.get(message.into())
    }

    /// How many states of clients were met.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    fn step_anew(&mut self, index: usize, client: u32, call: Call, tick: u8) -> Result<u32, Violation> {
        let images = self.images[client as usize];
        let first = self.call(index, client, call, tick)?;
        let mut after = [first.client; PERMUTATIONS];
        for permutation in Permutation::all().skip(1) {
            let image = images[permutation.index()];
            let outcome = self.call(index, image, call.permuted(permutation), tick)?;
            let expected = first.sent.iter().map(|&(nodes, message)| (permuted(nodes, permutation), message));
            if !expected.eq(outcome.sent.iter().copied()) {
                return Err(Violation::UnlikeImage);
            }
            after[permutation.index()] = outcome.client;
        }
        self.note_images(after)?;
        let id = u32::try_from(self.outcomes.len()).expect("fewer outcomes than a u32 can count");
        self.outcomes.push(first);
        self.steps.insert((client, call, tick), id);
        Ok(id)
    }

    /// Calls the real machine.
    fn call(&mut self, index: usize, client: u32, call: Call, tick: u8) -> Result<Outcome, Violation> {
        let (before, now, input) = (self.states.get(client), instant(tick), self.input(call));
        let mut after = before.clone();
        let said = after.call(input, now);
        Step { role: self.scenario.roles[index], before, after: &after, said: &said, now }.check()?;
        let fence = after.lock.fences().filter(|_| said.handed_over).map(|fences| small(fences.as_slice()[0]));
        Ok(Outcome { client: self.states.intern(&after), sent: self.post(&said), fence })
    }

    fn input(&self, call: Call) -> Input {
        match call {
            Call::HandOver => Input::HandOver,
            Call::Extend => Input::Extend,
            Call::Release => Input::Release,
            Call::Wake => Input::Wake,
            Call::Deliver { node, reply } => {
                Input::Deliver { id: self.message(reply.message).id, node, answer: reply.answer }
            }
        }
    }

    /// Numbers the messages. Whom a command goes to is written on the envelope, not in the message.
    fn post(&mut self, said: &Said) -> Vec<(NodeSet, u16)> {
        let mut post = |command: &Command| {
            let message = self.messages.intern(&command.with_nodes(NodeSet::EMPTY));
            (command.nodes, u16::try_from(message).expect("fewer messages than a u16 can count"))
        };
        said.commands.iter().map(&mut post).collect()
    }

    /// Notes that these states are images of each other, in the order of the permutations.
    fn note_images(&mut self, orbit: [u32; PERMUTATIONS]) -> Result<(), Violation> {
        self.images.resize(self.states.len(), [u32::MAX; PERMUTATIONS]);
        for from in Permutation::all() {
            let mut images = [0; PERMUTATIONS];
            for to in Permutation::all() {
                images[to.index()] = orbit[from.then(to).index()];
            }
            let noted = &mut self.images[orbit[from.index()] as usize];
            if *noted == [u32::MAX; PERMUTATIONS] {
                *noted = images;
            } else if *noted != images {
                return Err(Violation::UnlikeImage);
            }
        }
        Ok(())
    }
}

impl Call {
    fn permuted(self, permutation: Permutation) -> Self {
        match self {
            Self::Deliver { node, reply } => Self::Deliver { node: permutation.apply(node), reply },
            other => other,
        }
    }
}

/// A set of nodes after they have changed places.
fn permuted(nodes: NodeSet, permutation: Permutation) -> NodeSet {
    nodes.iter().map(|node| node_id(permutation.apply(node.index()))).collect()
}
