//! The model node of the core against a real server: the same commands must get the same replies, and keys must live
//! equally long.
//!
//! A failing script is shrunk and printed, and its seed is kept beside this file, to be committed.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test that panics has found something")]

use std::io;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant as SystemInstant, SystemTime};

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use redlock_core::fence::{Fence, Fencing};
use redlock_core::slots::key_beside;
use redlock_core::system::socket::{read as read_from, write};
use redlock_core::{
    Action, Answer, Command, Config, Event, Grace, Heard, Hearing, Instant, KeyState, Lock, NodeTimeout, Options,
    Owner, Reply, Request, Resource, Resources, ScriptForm, Token, WaiterId, model, resp,
};
use redlock_tests::{Server, wait_until};

const CLIENTS: usize = 3;
/// The first two share what is kept beside their keys.
const RESOURCES: [&str; 3] = ["job-0", "{job-0}", "a{job}}"];
/// What owners call themselves.
const LABELS: [&str; 3] = ["host-7/billing", "host 8", "büro"];
/// What is proposed as a fence is below that, and so counters are ahead of it now and then; or as near to the number at which
/// a node looks at its clock again.
const FENCES: u64 = 40;
const NEXT_LOOK: u64 = 1_000_000_000;
/// By how much the two may differ about the rest of a key's life, beside the time that a command takes on a busy
/// machine: each rounds to milliseconds in its own way.
const ROUNDING: Duration = Duration::from_millis(3);
/// A key whose end is nearer than this is waited for, because nobody could say which reply is right.
const MARGIN: Duration = Duration::from_millis(150);

#[derive(Clone, Debug)]
enum Step {
    Acquire {
        client: usize,
        resource: usize,
        ttl: Duration,
        options: Options,
        owner: Option<Owner>,
    },
    AcquireAll {
        client: usize,
        ttl: Duration,
        options: Options,
        owner: Option<Owner>,
    },
    Extend {
        client: usize,
        ttl: Duration,
    },
    Release {
        client: usize,
    },
    AcquireInTurn {
        client: usize,
        resource: usize,
        ttl: Duration,
        proposal: Option<u64>,
        owner: Option<Owner>,
    },
    /// Waits for one of all resources.
    AcquireAllInTurn {
        client: usize,
        waits_for: u8,
        ttl: Duration,
        proposal: Option<u64>,
        owner: Option<Owner>,
    },
    /// Raises counters to this, for the keys that the client has asked for last.
    Raise {
        client: usize,
        fence: u64,
    },
    Leave {
        client: usize,
        resource: usize,
    },
    Subscribe {
        client: usize,
    },
    Inspect {
        resource: usize,
    },
    SetByHand {
        resource: usize,
        ttl: Option<Duration>,
    },
    Delete {
        resource: usize,
    },
    ForgetScripts,
    Wait(Duration),
}

fn fence() -> impl Strategy<Value = u64> {
    (0..FENCES, any::<bool>()).prop_map(|(number, is_near)| if is_near { near_the_next_look(number) } else { number })
}

fn near_the_next_look(number: u64) -> u64 {
    NEXT_LOOK - FENCES / 2 + number
}

fn step() -> impl Strategy<Value = Step> {
    let ttl = || (300..900_u64).prop_map(Duration::from_millis);
    let min_hold = || prop_oneof![3 => Just(Duration::ZERO), 1 => ttl()];
    let options = || {
        (min_hold(), any::<bool>())
            .prop_map(|(hold, is_fenced)| Options::new().attempts(1).min_hold(hold).fenced(is_fenced))
    };
    let label = proptest::sample::select(&LABELS[..]).prop_map(|label| Owner::new(label).unwrap());
    let owner = || proptest::option::of(label.clone());
    prop_oneof![
        5 => (0..CLIENTS, 0..RESOURCES.len(), ttl(), options(), owner())
            .prop_map(|(client, resource, ttl, options, owner)| Step::Acquire { client, resource, ttl, options, owner }),
        3 => (0..CLIENTS, ttl(), options(), owner())
            .prop_map(|(client, ttl, options, owner)| Step::AcquireAll { client, ttl, options, owner }),
        2 => (0..CLIENTS, fence()).prop_map(|(client, fence)| Step::Raise { client, fence }),
        4 => (0..CLIENTS, ttl()).prop_map(|(client, ttl)| Step::Extend { client, ttl }),
        4 => (0..CLIENTS).prop_map(|client| Step::Release { client }),
        6 => (0..CLIENTS, 0..RESOURCES.len(), ttl(), proptest::option::of(fence()), owner())
            .prop_map(|(client, resource, ttl, proposal, owner)| {
                Step::AcquireInTurn { client, resource, ttl, proposal, owner }
            }),
        5 => (0..CLIENTS, 0..3_u8, ttl(), proptest::option::of(0..FENCES), owner())
            .prop_map(|(client, waits_for, ttl, proposal, owner)| {
                Step::AcquireAllInTurn { client, waits_for, ttl, proposal, owner }
            }),
        2 => (0..CLIENTS, 0..RESOURCES.len()).prop_map(|(client, resource)| Step::Leave { client, resource }),
        2 => (0..CLIENTS).prop_map(|client| Step::Subscribe { client }),
        3 => (0..RESOURCES.len()).prop_map(|resource| Step::Inspect { resource }),
        1 => (0..RESOURCES.len(), proptest::option::of(ttl()))
            .prop_map(|(resource, ttl)| Step::SetByHand { resource, ttl }),
        1 => (0..RESOURCES.len()).prop_map(|resource| Step::Delete { resource }),
        1 => Just(Step::ForgetScripts),
        3 => (1..300_u64).prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
    ]
}

/// A real server and a model of it, which are told the same.
struct Pair<'a> {
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

impl<'a> Pair<'a> {
    fn new(server: &'a Server) -> Self {
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

    fn take(&mut self, step: &Step) {
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
                let resource = RESOURCES[*resource].into();
                self.acquire_in_turn(*client, resource, 0, *ttl, proposal.map(Fence::new), owner.clone());
            }
            Step::AcquireAllInTurn { client, waits_for, ttl, proposal, owner } => {
                let all = Resources::all(RESOURCES);
                self.acquire_in_turn(*client, all, *waits_for, *ttl, proposal.map(Fence::new), owner.clone());
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
        resources: Resources,
        waits_for: u8,
        ttl: Duration,
        proposal: Option<Fence>,
        owner: Option<Owner>,
    ) {
        self.begun += 1;
        let options = Options::new().attempts(1).fenced(proposal.is_some());
        let request = Request::new(&self.config, resources.clone(), ttl, options).unwrap();
        let request = owner.iter().cloned().fold(request, Request::owned_by);
        let mut lock = Lock::acquire(&self.config, request, [self.begun; 32], self.now());
        let command = lock.poll_command().unwrap();
        let Action::Acquire { token, ttl, .. } = command.action else { panic!("a lock begins with that") };
        self.asked[client] = Some((resources.clone(), token));
        let fencing = proposal.map(|proposal| Fencing::mint(proposal, self.config.fence_retention()));
        let action = Action::acquire_all_in_turn(resources, waits_for, token, ttl, waiter(client));
        let action = action.fenced(fencing).owned_by(owner);
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

    /// Asserts that those have heard that they are called up of whom the model says so, and nobody else.
    fn compare_call_ups(&mut self) {
        while let Some((called, resource)) = self.model.poll_call_up() {
            let client = (0..CLIENTS).find(|client| waiter(*client) == called).unwrap();
            let subscriber = self.subscribers[client].as_mut().expect("nobody else is alive");
            assert_eq!(subscriber.next_message(), resource);
        }
        for subscriber in self.subscribers.iter_mut().flatten() {
            assert!(!subscriber.has_message());
        }
    }

    /// Waits until a turn that ends soon is over for both.
    fn outlive_turn(&mut self, resource: &Resource) {
        while self.model.called_up(resource, self.now()).is_some_and(|(_, left)| left < MARGIN) {
            sleep(Duration::from_millis(1));
        }
        if self.model.called_up(resource, self.now()).is_none() {
            let called = key_beside(resource.as_bytes(), "called");
            assert!(
                wait_until(MARGIN, || self.server.get(&called).unwrap().is_none()),
                "the model says that it is over"
            );
        }
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

    /// Waits until a label that ends soon is gone from both.
    fn outlive_label(&mut self, resource: &Resource) {
        while self.model.label_beside(resource, self.now()).is_some_and(|(.., ttl)| ttl < MARGIN) {
            sleep(Duration::from_millis(1));
        }
        if self.model.label_beside(resource, self.now()).is_none() {
            let label = key_beside(resource.as_bytes(), "owner");
            assert!(
                wait_until(MARGIN, || self.server.get(&label).unwrap().is_none()),
                "the model says that it is gone"
            );
        }
    }

    /// Asserts that both have the same label beside the key, for about the same time.
    fn compare_label(&mut self, resource: &Resource) {
        self.outlive_label(resource);
        let (now, key) = (self.now(), key_beside(resource.as_bytes(), "owner"));
        let label = self.server.get(&key).unwrap();
        let ttl: i64 = self.server.command(&[b"PTTL", key.as_slice()]).unwrap().parse().unwrap();
        let tolerance = self.slowest + self.now().saturating_since(now) + ROUNDING;
        let modelled = self.model.label_beside(resource, now);
        let text = label.map(|label| String::from_utf8(label).unwrap());
        assert_eq!(text.as_deref().map(|text| &text[16..]), modelled.map(|(_, owner, _)| owner.as_str()), "{resource}");
        if let Some((.., expected)) = modelled {
            let real = Duration::from_millis(ttl.try_into().unwrap());
            assert!(real.abs_diff(expected) <= tolerance, "{resource}: {real:?} instead of {expected:?}");
        }
    }

    /// Waits until a key that ends soon is gone from both.
    fn outlive(&mut self, key: &[u8]) {
        while self.model.ttl(key, self.now()).is_some_and(|ttl| ttl < MARGIN) {
            sleep(Duration::from_millis(1));
        }
        if self.model.get(key, self.now()).is_none() {
            assert!(wait_until(MARGIN, || self.server.get(key).unwrap().is_none()), "the model says that it is gone");
        }
    }

    /// Asserts that both have the same value at the key, for about the same time.
    fn compare(&mut self, resource: &str) {
        let key = resource.as_bytes();
        self.outlive(key);
        let now = self.now();
        let (value, ttl) = (self.server.get(key).unwrap(), self.server.command(&["PTTL", resource]).unwrap());
        let tolerance = self.slowest + self.now().saturating_since(now) + ROUNDING;
        assert_eq!(value.as_deref(), self.model.get(key, now), "{resource}");
        let counter = self.server.get(key_beside(resource.as_bytes(), "fence")).unwrap();
        let counter = counter.map(|digits| String::from_utf8(digits).unwrap().parse().unwrap());
        assert_eq!(counter.unwrap_or(0), self.model.counter(&resource.into()).get(), "{resource}");
        match (self.model.ttl(key, now), ttl.parse().unwrap()) {
            (None, -2_i64) | (Some(Duration::MAX), -1) => {}
            (Some(expected), millis) if millis >= 0 => {
                let real = Duration::from_millis(millis.unsigned_abs());
                assert!(real.abs_diff(expected) <= tolerance, "{resource}: {real:?} instead of {expected:?}");
            }
            (expected, millis) => panic!("{resource}: {millis} ms instead of {expected:?}"),
        }
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

/// A connection on which a waiter hears that it is called up.
struct Subscriber {
    socket: TcpStream,
    machine: resp::Connection,
}

impl Subscriber {
    fn start(server: &Server, waiter: &WaiterId) -> Self {
        let socket = TcpStream::connect(server.address()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut opening = resp::Opening::new(&resp::Settings::new());
        let mut socket = socket;
        let machine = wait_for(|| {
            write(&mut opening, &mut socket).unwrap();
            read_from(&mut opening, &mut socket).unwrap();
            opening.poll()
        });
        let mut subscriber = Self { socket, machine: machine.unwrap() };
        assert_eq!(subscriber.machine.hearing(), Hearing::Shared);
        subscriber.machine.subscribe(waiter);
        write(&mut subscriber.machine, &mut subscriber.socket).unwrap();
        assert_eq!(wait_for(|| subscriber.poll()), resp::Event::Heard(Heard::Subscribed));
        subscriber
    }

    fn next_message(&mut self) -> Resource {
        match wait_for(|| self.poll()) {
            resp::Event::Heard(Heard::CalledUp(resource)) => resource,
            other => panic!("{other:?}"),
        }
    }

    fn has_message(&mut self) -> bool {
        self.poll().is_some()
    }

    fn poll(&mut self) -> Option<resp::Event> {
        read_from(&mut self.machine, &mut self.socket).unwrap();
        self.machine.poll_event()
    }
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let mut seen = None;
    assert!(wait_until(Duration::from_secs(10), || {
        seen = seen.take().or_else(&mut look);
        seen.is_some()
    }));
    seen.unwrap()
}

/// Whether two replies say the same, about the rest of a key's life as far as that can be measured.
fn are_alike(one: &Reply, other: &Reply, tolerance: Duration) -> bool {
    let are_near = |one: Option<Duration>, other: Option<Duration>| match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) <= tolerance,
        (one, other) => one == other,
    };
    match (one, other) {
        (Reply::HeldByOther(one), Reply::HeldByOther(other)) => {
            let is_same = (&one.resource, one.place, &one.owner) == (&other.resource, other.place, &other.owner);
            is_same && are_near(one.remaining, other.remaining)
        }
        (Reply::Inspected(one), Reply::Inspected(other)) => match (one.state, other.state) {
            (
                KeyState::Held { digest, remaining },
                KeyState::Held { digest: other_digest, remaining: other_remaining },
            ) => {
                let is_same = (digest, one.waiting, &one.owner) == (other_digest, other.waiting, &other.owner);
                is_same && are_near(remaining, other_remaining)
            }
            _ => one == other,
        },
        (one, other) => one == other,
    }
}

/// Whether the answer is text although it may be a number.
fn asks_for_fences(command: &Command) -> bool {
    match &command.action {
        Action::Acquire { fencing: Some(fencing), .. } | Action::AcquireInTurn { fencing: Some(fencing), .. } => {
            matches!(**fencing, Fencing::Mint { .. })
        }
        _ => false,
    }
}

/// What a transport makes of an answer.
fn read(command: &Command, answer: io::Result<String>) -> Reply {
    match answer {
        Ok(text) if text == "OK" => Reply::from_wire(command, Answer::Ok),
        Ok(text) if text == "(nil)" => Reply::from_wire(command, Answer::Nil),
        Ok(text) => {
            let number = text.parse().ok().filter(|_| !asks_for_fences(command)).map(Answer::Integer);
            Reply::from_wire(command, number.unwrap_or(Answer::Bytes(text.as_bytes())))
        }
        Err(error) => Reply::from_wire(command, Answer::Error(&error.to_string())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_model_node_answers_as_a_real_server_does(steps in proptest::collection::vec(step(), 1..24)) {
        let server = Server::start();
        let mut pair = Pair::new(&server);
        for step in &steps {
            pair.take(step);
        }
    }
}

/// Acquires a free lock as [`acquire_fenced`] does.
fn fence_of(server: &Server, config: &Config, proposal: u64) -> u64 {
    acquire_fenced(server, config, proposal).unwrap()
}

/// Acquires a free lock from a server when the client's wall clock says so many microseconds since 1970; `None` if the server
/// refuses.
fn acquire_fenced(server: &Server, config: &Config, proposal: u64) -> Option<u64> {
    let options = Options::new().attempts(1).fenced(true);
    let request = Request::new(config, "job", Duration::from_secs(10), options).unwrap();
    let request = request.at_wall_clock(Duration::from_micros(proposal));
    let mut lock = Lock::acquire(config, request, [7; 32], Instant::EPOCH);
    while let Some(command) = lock.poll_command() {
        let wire = command.wire();
        let words: Vec<&[u8]> = wire.words().collect();
        let (reply, only) = (read(&command, server.command(&words)), command.nodes.iter().next().unwrap());
        lock.handle_reply(command.id, only, reply, Instant::EPOCH);
    }
    let is_acquired = matches!(lock.poll_event(), Some(Event::Acquired { .. })) && lock.hand_over(Instant::EPOCH);
    server.command(&["DEL", "job"]).unwrap();
    is_acquired.then(|| lock.fences().unwrap().as_slice()[0].get())
}

#[test]
fn a_real_server_believes_a_client_from_the_future_for_a_day_at_most() {
    let (server, config) = (Server::start(), Config::builder(["only"]).build().unwrap());
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let fence_of = |proposal| fence_of(&server, &config, proposal);
    let (second, a_year) = (1_000_000, 365 * 86_400);
    let latest = || now() + 86_400 - 1_000;
    let (from, far) = (latest(), (now() + a_year) * second);
    let (first, next) = (fence_of(far), fence_of(far));
    assert!((from * second..=latest() * second).contains(&first), "{first}");
    assert!((first + 1..=latest() * second + 1).contains(&next), "{next}");
    let last_before_the_next_look = next - next % NEXT_LOOK + NEXT_LOOK - 1;
    assert_eq!(fence_of(last_before_the_next_look), last_before_the_next_look);
    assert_eq!(fence_of(last_before_the_next_look + 9), last_before_the_next_look + 1);
    assert_eq!(fence_of(far), last_before_the_next_look + 2);
}

#[test]
fn a_user_who_may_not_ask_for_the_time_gets_no_fence_and_changes_no_counter() {
    let (server, config) = (Server::start(), Config::builder(["only"]).build().unwrap());
    let before = fence_of(&server, &config, NEXT_LOOK);
    server.command(&["ACL", "SETUSER", "default", "-time"]).unwrap();
    for _ in 0..2 {
        assert_eq!(acquire_fenced(&server, &config, 7 * NEXT_LOOK), None);
        assert_eq!(server.command(&["GET", "redlock:fence:{job}"]).unwrap(), before.to_string());
    }
    server.command(&["DEL", "redlock:fence:{job}"]).unwrap();
    assert_eq!(acquire_fenced(&server, &config, NEXT_LOOK), None);
    assert_eq!(server.command(&["EXISTS", "redlock:fence:{job}"]).unwrap(), "0");
}

#[test]
fn a_real_server_compares_numbers_of_any_length() {
    let (server, config) = (Server::start(), Config::builder(["only"]).build().unwrap());
    let proposals = [33, 5, 100, 99, 1_000, NEXT_LOOK - 1, NEXT_LOOK, 7, 9 * NEXT_LOOK, 10 * NEXT_LOOK, 8 * NEXT_LOOK];
    let mut counter = 0;
    for proposal in proposals {
        counter = proposal.max(counter + 1);
        assert_eq!(fence_of(&server, &config, proposal), counter, "{proposal}");
    }
}
