//! Fences are unique and increase, whatever clocks and keys do, and in whatever order messages come.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use redlock_core::fence::Fence;
use redlock_core::model::Node;
use redlock_core::{
    Action, Command, Config, Event, Instant, Lock, NodeId, NodeSet, Options, Reply, Request, ScriptForm,
};

const CLIENTS: usize = 3;
const TTL: Duration = Duration::from_secs(10);

/// What can happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client begins to acquire; its wall clock says so many microseconds.
    Begin { client: usize, micros: u64 },
    /// A node carries out the oldest command of a client.
    Carry { client: usize, node: usize },
    /// The oldest reply of a node reaches a client.
    Answer { client: usize, node: usize },
    /// A node loses the key, as when it is evicted or a clock jumps.
    Vanish { node: usize },
    /// A client gives back what it has.
    Release { client: usize },
    /// A client leaves it to itself, as one that hangs for ever.
    Forget { client: usize },
}

/// One acquisition, with its messages under way to and from each node.
struct Client {
    lock: Lock,
    commands: Vec<VecDeque<Command>>,
    replies: Vec<VecDeque<(Command, Reply)>>,
    /// The largest fence of all that were granted before it began.
    before: Fence,
    fence: Option<Fence>,
}

struct World {
    config: Config,
    nodes: Vec<Node>,
    clients: Vec<Option<Client>>,
    granted: Vec<Fence>,
    seeds: u8,
}

impl World {
    fn new(size: usize) -> Self {
        let config = Config::builder((0..size).map(|node| format!("{node}"))).build().unwrap();
        let clients = (0..CLIENTS).map(|_| None).collect();
        let mut world = Self { config, nodes: vec![Node::new(); size], clients, granted: Vec::new(), seeds: 0 };
        world.teach();
        world
    }

    /// Lets the nodes know the scripts, so that the steps are about something else.
    fn teach(&mut self) {
        let request = Request::new(&self.config, "lesson", TTL, Options::new().fenced(true)).unwrap();
        let mut lock = Lock::acquire(&self.config, request, [0; 32], Instant::EPOCH);
        let acquire = lock.poll_command().expect("a lock begins with a command");
        let (resources, token) = (acquire.action.resources().unwrap().clone(), *acquire.action.token().unwrap());
        let Action::Acquire { fencing: Some(fencing), .. } = acquire.action.clone() else { panic!("it is fenced") };
        let raise = Action::raise(resources.clone(), token, fencing);
        let release = Action::release(resources, token, NodeSet::EMPTY);
        for action in [acquire.action.clone(), raise, release] {
            let lesson = acquire.with_action(action, ScriptForm::Source);
            self.nodes.iter_mut().for_each(|node| drop(node.execute(&lesson, Instant::EPOCH)));
        }
    }

    /// Everything that can happen now, what is usual more than once.
    fn steps(&self, micros: u64) -> Vec<Step> {
        let mut steps: Vec<Step> = (0..self.nodes.len()).map(|node| Step::Vanish { node }).collect();
        for (index, client) in self.clients.iter().enumerate() {
            let Some(client) = client else {
                steps.extend([Step::Begin { client: index, micros }; 3]);
                continue;
            };
            for node in 0..self.nodes.len() {
                if !client.commands[node].is_empty() {
                    steps.extend([Step::Carry { client: index, node }; 4]);
                }
                if !client.replies[node].is_empty() {
                    steps.extend([Step::Answer { client: index, node }; 4]);
                }
            }
            steps.extend([Step::Release { client: index }, Step::Forget { client: index }]);
        }
        steps
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Begin { client, micros } => self.begin(client, micros),
            Step::Carry { client, node } => {
                if let Some(client) = &mut self.clients[client]
                    && let Some(command) = client.commands[node].pop_front()
                {
                    let reply = self.nodes[node].execute(&command, Instant::EPOCH);
                    client.replies[node].push_back((command, reply));
                }
            }
            Step::Answer { client, node } => {
                if let Some(client) = &mut self.clients[client]
                    && let Some((command, reply)) = client.replies[node].pop_front()
                {
                    client.lock.handle_reply(command.id, NodeId::new(node).unwrap(), reply, Instant::EPOCH);
                }
                self.look_at(client)?;
            }
            Step::Vanish { node } => self.nodes[node].delete(b"job"),
            Step::Release { client } => {
                if let Some(client) = &mut self.clients[client] {
                    client.lock.release(Instant::EPOCH);
                }
                self.look_at(client)?;
            }
            Step::Forget { client } => self.clients[client] = None,
        }
        Ok(())
    }

    fn begin(&mut self, client: usize, micros: u64) {
        self.seeds = self.seeds.wrapping_add(1);
        let options = Options::new().attempts(1).fenced(true);
        let request = Request::new(&self.config, "job", TTL, options).unwrap();
        let request = request.at_wall_clock(Duration::from_micros(micros));
        let links = || (0..self.nodes.len()).map(|_| VecDeque::new()).collect();
        self.clients[client] = Some(Client {
            lock: Lock::acquire(&self.config, request, [self.seeds; 32], Instant::EPOCH),
            commands: links(),
            replies: (0..self.nodes.len()).map(|_| VecDeque::new()).collect(),
            before: self.granted.iter().copied().max().unwrap_or_default(),
            fence: None,
        });
        self.send(client);
    }

    fn send(&mut self, client: usize) {
        let Some(client) = &mut self.clients[client] else { return };
        while let Some(command) = client.lock.poll_command() {
            for node in command.nodes.iter() {
                client.commands[node.index()].push_back(command.clone());
            }
        }
    }

    /// Lets a client take what it was granted, and go when it is over.
    fn look_at(&mut self, index: usize) -> Result<(), TestCaseError> {
        self.send(index);
        let Some(client) = &mut self.clients[index] else { return Ok(()) };
        while let Some(event) = client.lock.poll_event() {
            if matches!(event, Event::Acquired { .. }) && client.lock.hand_over(Instant::EPOCH) {
                let fence = client.lock.fences().expect("it is fenced").as_slice()[0];
                prop_assert!(!self.granted.contains(&fence), "F1: {} was granted twice", fence);
                prop_assert!(fence > client.before, "F2: {} after {}", fence, client.before);
                self.granted.push(fence);
                client.fence = Some(fence);
            }
        }
        self.send(index);
        if self.clients[index].as_ref().is_some_and(|client| client.lock.is_settled()) {
            self.clients[index] = None;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(crate::cases(10_000))]

    #[test]
    fn fences_are_unique_and_increase(
        size in 2..=5_usize,
        choices in prop::collection::vec((any::<prop::sample::Index>(), 0..40_u64), 0..200),
    ) {
        let mut world = World::new(size);
        for (choice, micros) in &choices {
            let steps = world.steps(*micros);
            world.take(*choice.get(&steps))?;
        }
    }
}
