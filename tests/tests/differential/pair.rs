mod compare;

use std::thread::sleep;
use std::time::{Duration, Instant as SystemInstant};

use redlock_core::fence::{Fence, Fencing};
use redlock_core::{
    Action, Command, Config, Event, Grace, Instant, Lock, NodeTimeout, Options, Owner, Reply, Request, Resource,
    Resources, ScriptForm, Token, WaiterId, model,
};
use redlock_tests::Server;

use self::compare::{ROUNDING, are_alike};
use crate::answer::read;
use crate::script::{CLIENTS, FENCES, RESOURCES, Step, near_the_next_look};
use crate::subscriber::Subscriber;

/// A real server and a model of it, which are told the same.
pub(crate) struct Pair<'a> {
    server: &'a Server,
    model: model::Node,
    config: Config,
    locks: [Option<Lock>; CLIENTS],
    /// What each client has asked for last, and under which token.
    asked: [Option<(Resources, Token)>; CLIENTS],
    subscribers: [Option<Subscriber>; CLIENTS],
    /// How many locks were begun: each draws its tokens from another seed.
    begun: u8,
    /// How long the slowest command took: so uncertain is the moment at which a key was set.
    slowest: Duration,
    epoch: SystemInstant,
}

/// What is asked for in turn.
struct Wanted {
    resources: Resources,
    waits_for: u8,
    keeps_turn: Duration,
}

impl<'a> Pair<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        let patient = NodeTimeout::fixed(Duration::from_secs(10));
        Self {
            server,
            model: model::Node::new(),
            config: Config::builder(["only"]).node_timeout(patient).build().unwrap(),
            locks: [None, None, None],
            asked: [None, None, None],
            subscribers: [None, None, None],
            begun: 0,
            slowest: Duration::ZERO,
            epoch: SystemInstant::now(),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_epoch(self.epoch.elapsed())
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match step {
            Step::Acquire { client, resource, ttl, options, owner } => {
                self.acquire(*client, RESOURCES[*resource].into(), *ttl, *options, owner.clone());
            }
            Step::AcquireAll { client, ttl, options, owner } => {
                self.acquire(*client, Resources::all(RESOURCES), *ttl, *options, owner.clone());
            }
            Step::Raise { client, fence } => self.raise(*client, Fence::new(*fence)),
            Step::Extend { client, ttl } => self.drive(*client, |lock, now| drop(lock.extend(*ttl, now))),
            Step::Release { client } => self.drive(*client, Lock::release),
            Step::AcquireInTurn { client, resource, ttl, proposal, owner } => {
                let wanted =
                    Wanted { resources: RESOURCES[*resource].into(), waits_for: 0, keeps_turn: Duration::ZERO };
                self.acquire_in_turn(*client, wanted, *ttl, proposal.map(Fence::new), owner.clone());
            }
            Step::AcquireAllInTurn { client, waits_for, keeps_turn, ttl, proposal, owner } => {
                let resources = Resources::all(RESOURCES);
                let wanted = Wanted { resources, waits_for: *waits_for, keeps_turn: *keeps_turn };
                self.acquire_in_turn(*client, wanted, *ttl, proposal.map(Fence::new), owner.clone());
            }
            Step::Leave { client, resource } => self.leave(*client, RESOURCES[*resource].into()),
            Step::Subscribe { client } => self.subscribe(*client),
            Step::Inspect { resource } => {
                let command = self.any_command();
                self.execute_script(&command, &Action::inspect(RESOURCES[*resource].into()));
            }
            Step::SetByHand { resource, ttl } => self.set_by_hand(RESOURCES[*resource], *ttl),
            Step::Delete { resource } => self.delete(RESOURCES[*resource]),
            Step::ForgetScripts => self.forget_scripts(),
            Step::Wait(duration) => sleep(*duration),
        }
        for resource in RESOURCES {
            self.compare(resource);
            self.compare_label(&resource.into());
            self.compare_turn(&resource.into());
        }
    }

    fn acquire(&mut self, client: usize, resources: Resources, ttl: Duration, options: Options, owner: Option<Owner>) {
        self.begun += 1;
        let request = Request::new(&self.config, resources, ttl, options).unwrap();
        let request = owner.into_iter().fold(request, Request::owned_by);
        let number = u64::from(self.begun) % FENCES;
        let proposal = if number.is_multiple_of(3) { near_the_next_look(number) } else { number };
        let request = request.at_wall_clock(Duration::from_micros(proposal));
        self.locks[client] = Some(Lock::acquire(&self.config, request, [self.begun; 32], self.now()));
        self.drive(client, |_, _| ());
    }

    /// Takes a step with a client's lock, and carries its commands to both until it has no more.
    fn drive(&mut self, client: usize, verb: impl FnOnce(&mut Lock, Instant)) {
        let Some(mut lock) = self.locks[client].take() else { return };
        verb(&mut lock, self.now());
        while let Some(command) = lock.poll_command() {
            self.asked[client] = command.action.resources().cloned().zip(command.action.token().copied());
            for node in command.nodes.iter() {
                let reply = self.execute(&command);
                lock.handle_reply(command.id, node, reply, self.now());
            }
            while let Some(event) = lock.poll_event() {
                if matches!(event, Event::Acquired { .. }) {
                    let _ = lock.hand_over(self.now());
                }
            }
        }
        self.locks[client] = Some(lock);
    }

    /// Asks for a lock in turn. What comes of it, the lock takes for the reply to the command that it has given out itself.
    fn acquire_in_turn(
        &mut self,
        client: usize,
        wanted: Wanted,
        ttl: Duration,
        proposal: Option<Fence>,
        owner: Option<Owner>,
    ) {
        self.begun += 1;
        let options = Options::new().attempts(1).fenced(proposal.is_some());
        let Wanted { resources, waits_for, keeps_turn } = wanted;
        let request = Request::new(&self.config, resources.clone(), ttl, options).unwrap();
        let request = owner.iter().cloned().fold(request, Request::owned_by);
        let mut lock = Lock::acquire(&self.config, request, [self.begun; 32], self.now());
        let command = lock.poll_command().unwrap();
        let Action::Acquire { token, ttl, .. } = command.action else { panic!("a lock begins with that") };
        self.asked[client] = Some((resources.clone(), token));
        let fencing = proposal.map(|proposal| Fencing::mint(proposal, self.config.fence_retention()));
        let action = Action::acquire_all_in_turn(resources, waits_for, token, ttl, waiter(client));
        let keeps_turn = Grace::from_millis(keeps_turn.as_millis().try_into().unwrap());
        let action = action.keeping_turn(keeps_turn).fenced(fencing).owned_by(owner);
        let reply = self.execute_script(&command, &action);
        lock.handle_reply(command.id, command.nodes.iter().next().unwrap(), reply, self.now());
        self.locks[client] = Some(lock);
        self.drive(client, |_, _| ());
        self.locks[client].as_mut().unwrap().poll_event();
    }

    fn raise(&mut self, client: usize, fence: Fence) {
        let Some((resources, token)) = self.asked[client].clone() else { return };
        let fences = resources.as_slice().iter().map(|_| fence).collect();
        let action = Action::raise(resources, token, Fencing::raise(fences, self.config.fence_retention()));
        let command = self.any_command();
        self.execute_script(&command, &action);
    }

    fn forget_scripts(&mut self) {
        self.server.command(&["SCRIPT", "FLUSH"]).unwrap();
        self.model.forget_scripts();
    }

    fn leave(&mut self, client: usize, resource: Resource) {
        let command = self.any_command();
        self.execute_script(&command, &Action::leave(resource, waiter(client)));
    }

    fn execute_script(&mut self, command: &Command, action: &Action) -> Reply {
        match self.execute(&command.with_action(action.clone(), ScriptForm::Digest)) {
            Reply::UnknownScript => self.execute(&command.with_action(action.clone(), ScriptForm::Source)),
            reply => reply,
        }
    }

    fn subscribe(&mut self, client: usize) {
        if self.subscribers[client].is_none() {
            self.subscribers[client] = Some(Subscriber::start(self.server, &waiter(client)));
            // A connection that is opened brings some of them.
            self.forget_scripts();
            self.model.subscribe(&waiter(client));
        }
    }

    fn any_command(&self) -> Command {
        let request = Request::new(&self.config, "any", Duration::from_secs(1), Options::new()).unwrap();
        Lock::acquire(&self.config, request, [0; 32], self.now()).poll_command().unwrap()
    }

    fn execute(&mut self, command: &Command) -> Reply {
        let command = &with_long_grace(command);
        for resource in command.action.resources().expect("it is of a lock").as_slice() {
            self.outlive(resource.as_bytes());
            self.outlive_turn(resource);
            self.outlive_label(resource);
        }
        let now = self.now();
        let wire = command.wire();
        let words: Vec<&[u8]> = wire.words().collect();
        let real = read(command, self.server.command(&words));
        self.note_time_since(now);
        let modelled = self.model.execute(command, now);
        let tolerance = self.slowest + ROUNDING;
        assert!(are_alike(&real, &modelled, tolerance), "{real:?} instead of {modelled:?} to {command:?}");
        self.compare_call_ups();
        real
    }

    fn set_by_hand(&mut self, resource: &str, ttl: Option<Duration>) {
        let now = self.now();
        let millis = ttl.map(|ttl| ttl.as_millis().to_string());
        let mut words = vec!["SET", resource, "by-hand"];
        words.extend(millis.iter().flat_map(|millis| ["PX", millis.as_str()]));
        self.server.command(&words).unwrap();
        self.note_time_since(now);
        self.model.set(resource.as_bytes(), b"by-hand", ttl, now);
    }

    fn note_time_since(&mut self, begin: Instant) {
        self.slowest = self.slowest.max(self.now().saturating_since(begin));
    }

    fn delete(&mut self, resource: &str) {
        self.server.command(&["DEL", resource]).unwrap();
        self.model.delete(resource.as_bytes());
    }
}

fn waiter(client: usize) -> WaiterId {
    WaiterId::new([u8::try_from(client).unwrap(); 16])
}

/// A turn that goes on for longer than a command takes on a busy machine.
fn with_long_grace(command: &Command) -> Command {
    let mut command = command.clone();
    command.grace = Grace::from_millis(600);
    command
}
