//! Nodes that have forgotten what they had granted, and nodes that are not to be used.

mod disks;
mod health;
mod replicas;

use core::time::Duration;

use redlock_core::health::{NodeHealth, Warning};
use redlock_core::{
    AcquireError, Action, Cause, Command, Config, ConfigBuilder, Facts, Hold, Instant, LockKey, Locks, NodeId, Options,
    Outcome, Reply, Request, RestartGuard, RetryDelay, Rule, Unavailable,
};

const TTL: Duration = Duration::from_secs(10);

/// For how long a node has no vote: the TTL with 1 % and 2 ms for the drift.
const GUARD: u64 = 10_102;

fn at(millis: u64) -> Instant {
    Instant::from_epoch(Duration::from_millis(millis))
}

/// What a server says of itself.
fn told(info: &str) -> Facts {
    let mut facts = Facts::default();
    facts.note_info(info);
    facts
}

/// Three nodes, which do what they are asked to do.
struct World {
    locks: Locks,
    nodes: Vec<NodeId>,
}

impl World {
    fn new(settings: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Self {
        let config = settings(Config::builder(["a", "b", "c"])).build().unwrap();
        Self { nodes: config.nodes().iter().collect(), locks: Locks::new(config) }
    }

    fn of_three(settings: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Self {
        let mut world = Self::new(settings);
        for (node, run) in ["a1", "b1", "c1"].into_iter().enumerate() {
            world.connect(node, &running(run, 1_000), at(0));
        }
        world
    }

    fn connect(&mut self, node: usize, info: &str, now: Instant) {
        self.connect_to(node, told(info), now);
    }

    fn connect_to(&mut self, node: usize, facts: Facts, now: Instant) {
        let node = self.nodes[node];
        assert!(self.locks.poll_connect(node));
        self.locks.handle_connected(node, facts, false, now);
        self.answer(node, now);
    }

    /// The node is started again: it says another name and a short uptime.
    fn reconnect(&mut self, node: usize, info: &str, now: Instant) {
        self.reconnect_to(node, told(info), now);
    }

    fn reconnect_to(&mut self, node: usize, facts: Facts, now: Instant) {
        self.locks.handle_disconnected(self.nodes[node], &Unavailable::new(Cause::Disconnected), now);
        if self.locks.refusal(self.nodes[node]).is_some() {
            let due = self.locks.poll_timeout().unwrap();
            self.locks.handle_timeout(due.max(now));
        }
        self.connect_to(node, facts, now);
    }

    /// Lets a node do all that it is asked to do.
    fn answer(&mut self, node: NodeId, now: Instant) -> Vec<Command> {
        let mut batch = Vec::new();
        self.locks.poll_batch(node, &mut batch, now);
        for _ in &batch {
            self.locks.handle_reply(node, Reply::Done, now);
        }
        batch
    }

    fn lock(&mut self, ttl: Duration, now: Instant) -> Result<LockKey, AcquireError> {
        let request = Request::new(self.locks.config(), "job", ttl, Options::new().attempts(1)).unwrap();
        let key = self.locks.acquire(request, [7; 32], now).unwrap();
        for node in self.nodes.clone() {
            self.answer(node, now);
        }
        self.locks.hand_over(key, now).unwrap().map(|_| key)
    }

    /// Takes the lock, and gives it back.
    fn takes(&mut self, now: Instant) -> Result<(), Vec<Option<Cause>>> {
        let taken = self.lock(TTL, now).map_err(|error| causes(&error));
        let key = taken?;
        self.give_back(key, now);
        Ok(())
    }

    /// Returns which nodes were asked to release it.
    fn give_back(&mut self, key: LockKey, now: Instant) -> Vec<bool> {
        self.locks.abandon(key, now);
        self.nodes.clone().into_iter().map(|node| !self.answer(node, now).is_empty()).collect()
    }

    /// Holds the lock on two nodes of three: both must have a vote.
    fn needs(&mut self, nodes: [usize; 2]) -> &mut Self {
        let missing = (0..3).find(|node| !nodes.contains(node)).unwrap();
        self.locks.give_up(self.nodes[missing], &Unavailable::new(Cause::NotSent), at(0));
        self
    }
}

fn running(run_id: &str, uptime: u64) -> String {
    format!(
        "redis_version:7.0.15\r\nrun_id:{run_id}\r\nuptime_in_seconds:{uptime}\r\nrole:master\r\nredis_mode:standalone\r\n"
    )
}

fn causes(error: &AcquireError) -> Vec<Option<Cause>> {
    let AcquireError::Unavailable(attempts) = error else { panic!("{error}") };
    let cause = |outcome: &Outcome| match outcome {
        Outcome::Unavailable(why) => Some(why.cause()),
        _ => None,
    };
    attempts.nodes.iter().map(|(_, _, outcome)| cause(&outcome)).collect()
}

const RESTARTED: Option<Cause> = Some(Cause::Restarted);
const GIVEN_UP: Option<Cause> = Some(Cause::NotSent);

/// Begins to take the lock, and answers for the nodes until nothing is to be sent at this moment.
fn try_for_long(world: &mut World, now: Instant, answer: impl Fn(NodeId, &Command) -> Reply) {
    let hour = Duration::from_secs(3_600);
    let options = Options::new().retry_delay(RetryDelay::new(hour, hour));
    let request = Request::new(world.locks.config(), "job", TTL, options).unwrap();
    world.locks.acquire(request, [8; 32], now).unwrap();
    while let Some(node) = world.locks.poll_ready() {
        let mut batch = Vec::new();
        world.locks.poll_batch(node, &mut batch, now);
        for command in batch {
            world.locks.handle_reply(node, answer(node, &command), now);
        }
    }
}

#[test]
fn a_node_without_a_vote_is_told_to_release_once() {
    let mut world = World::of_three(|config| config);
    world.takes(at(0)).unwrap();
    world.reconnect(1, &running("b2", 0), at(1_000));
    world.needs([0, 1]);
    try_for_long(&mut world, at(2_000), |_, _| Reply::Done);
    world.locks.handle_timeout(at(2_100));
    assert!(!world.locks.has_batch(world.nodes[1]), "it has done so");
}

#[test]
fn a_node_that_refuses_locks_and_releases_what_there_may_be_goes_on_to_be_reported() {
    let mut world = World::of_three(|config| config);
    let refusing = world.nodes[1];
    try_for_long(&mut world, at(0), |node, command| match command.action {
        Action::Release { .. } => Reply::Missing,
        _ if node == refusing => Reply::Unavailable(Unavailable::new(Cause::OutOfMemory)),
        _ => Reply::HeldByOther(Hold::UNKNOWN),
    });
    let health = world.locks.health(at(0));
    let refuses = |warning: &Warning| matches!(warning, Warning::Refuses { .. });
    assert!(health.nodes[1].warnings.iter().any(refuses), "{:?}", health.nodes[1].warnings);
}

#[test]
fn a_node_that_was_started_again_has_no_vote_until_all_it_can_have_granted_has_expired() {
    let mut world = World::of_three(|config| config);
    world.takes(at(0)).unwrap();
    world.reconnect(1, &running("b2", 0), at(1_000));
    world.needs([0, 1]);
    let ends = 1_000 + GUARD;
    assert_eq!(world.takes(at(ends - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(ends)), Ok(()));
}

#[test]
fn its_time_begins_with_its_start_and_not_with_the_connection() {
    let mut world = World::of_three(|config| config);
    world.takes(at(0)).unwrap();
    world.locks.handle_disconnected(world.nodes[1], &Unavailable::new(Cause::Disconnected), at(1_000));
    // An uptime of four seconds may be one of three, or of less.
    world.connect(1, &running("b2", 4), at(5_000));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(2_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(2_000 + GUARD)), Ok(()));
}

#[test]
fn its_time_begins_with_its_start_also_if_commands_were_sent_in_vain_since() {
    for is_said in [false, true] {
        let mut world = World::of_three(|config| config);
        world.takes(at(0)).unwrap();
        let request = Request::new(world.locks.config(), "job", TTL, Options::new()).unwrap();
        let key = world.locks.acquire(request, [8; 32], at(3_000)).unwrap();
        world.locks.poll_batch(world.nodes[1], &mut Vec::new(), at(3_000));
        world.locks.abandon(key, at(3_000));
        if is_said {
            world.locks.handle_unanswered(world.nodes[1], 1, &Unavailable::new(Cause::Disconnected), at(5_000));
        }
        world.reconnect(1, &running("b2", 4), at(5_000));
        world.needs([0, 1]);
        assert_eq!(world.takes(at(2_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]), "{is_said}");
        assert_eq!(world.takes(at(2_000 + GUARD)), Ok(()), "{is_said}");
    }
}

#[test]
fn another_server_that_was_running_all_the_time_knows_nothing_of_what_its_predecessor_had_granted() {
    let mut world = World::of_three(|config| config);
    world.takes(at(5_000)).unwrap();
    world.reconnect(1, &running("other", 1_000_000), at(6_000));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(6_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(6_000 + GUARD)), Ok(()));
}

fn with_disk(run_id: &str, uptime: u64, is_durable: bool) -> Facts {
    let mut facts = told(&format!("{}aof_enabled:1\r\n", running(run_id, uptime)));
    facts.note_setting("appendfsync", if is_durable { "always" } else { "everysec" });
    facts
}

/// Until the connection ended, the predecessor may have granted locks to others. This handle had no question.
#[test]
fn another_server_that_was_started_before_its_predecessor_ended_knows_nothing_of_that_either() {
    for is_durable in [true, false] {
        let run = |run_id, uptime| with_disk(run_id, uptime, is_durable);
        let mut world = World::of_three(|config| config);
        world.reconnect_to(1, run("b1", 1_000), at(0));
        world.takes(at(0)).unwrap();
        world.reconnect_to(1, run("other", 8), at(20_000));
        world.needs([0, 1]);
        assert_eq!(world.takes(at(20_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]), "{is_durable}");
        assert_eq!(world.takes(at(20_000 + GUARD)), Ok(()), "{is_durable}");
    }
}

/// Nobody watched the connection, as in a blocking handle that is idle, and it is found broken long after the start of the server.
#[test]
fn a_server_that_was_started_again_while_nobody_looked_is_no_other_one() {
    for is_durable in [true, false] {
        let run = |run_id, uptime| with_disk(run_id, uptime, is_durable);
        let mut world = World::of_three(|config| config);
        world.reconnect_to(1, run("b1", 1_000), at(0));
        world.takes(at(0)).unwrap();
        let why = Unavailable::new(Cause::Disconnected);
        world.locks.handle_found_disconnected(world.nodes[1], &why, at(10_000), at(20_000));
        world.connect_to(1, run("b2", 8), at(20_000));
        world.needs([0, 1]);
        let has_vote_from = if is_durable { 20_000 } else { 13_000 + GUARD };
        if !is_durable {
            assert_eq!(world.takes(at(has_vote_from - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
        }
        assert_eq!(world.takes(at(has_vote_from)), Ok(()), "{is_durable}");
    }
}

#[test]
fn a_lock_that_was_taken_without_its_vote_is_released_there_and_held_by_the_others() {
    let mut world = World::of_three(|config| config);
    world.takes(at(0)).unwrap();
    world.reconnect(1, &running("b2", 0), at(1_000));
    let key = world.lock(TTL, at(1_000)).expect("two others have a vote");
    assert_eq!(world.give_back(key, at(1_000)), [true, true, true], "the node has a key, too");
}

#[test]
fn a_lock_that_is_held_lives_on_when_a_node_was_started_again() {
    let mut world = World::of_three(|config| config);
    let key = world.lock(TTL, at(0)).unwrap();
    world.reconnect(1, &running("b2", 0), at(1_000));
    world.needs([0, 1]);
    let extension = world.locks.extend(key, TTL, at(2_000)).unwrap();
    for node in [world.nodes[0], world.nodes[1]] {
        world.answer(node, at(2_000));
    }
    assert!(world.locks.take_extended(key, extension).unwrap().is_ok(), "its holder gives the key back to the node");
}

#[test]
fn a_connection_that_broke_without_a_restart_costs_no_vote() {
    let mut world = World::of_three(|config| config);
    world.takes(at(0)).unwrap();
    world.reconnect(1, &running("b1", 1_001), at(1_000));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(1_000)), Ok(()));
}

#[test]
fn the_longest_ttl_that_was_used_decides() {
    let mut world = World::of_three(|config| config);
    let key = world.lock(TTL, at(0)).unwrap();
    world.locks.extend(key, TTL * 6, at(0)).unwrap();
    world.give_back(key, at(0));
    world.reconnect(1, &running("b2", 0), at(1_000));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(61_000)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(61_602)), Ok(()));
}

#[test]
fn others_may_use_longer_ttls_than_this_handle() {
    let mut world = World::of_three(|config| config.restart_guard(RestartGuard::SEEN.longest_ttl(TTL * 6)));
    world.reconnect(1, &running("b2", 0), at(1_000));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(61_601)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(61_602)), Ok(()));
}

#[test]
fn a_node_that_forgets_nothing_keeps_its_vote() {
    let durable = |says: &str, settings: fn(ConfigBuilder) -> ConfigBuilder| {
        let mut world = World::of_three(settings);
        for (run, uptime, now) in [("b1", 1_000, at(1_000)), ("b2", 0, at(3_000))] {
            let mut facts = told(&format!("{}{says}", running(run, uptime)));
            facts.note_setting("appendfsync", "always");
            world.takes(now).unwrap();
            world.reconnect_to(1, facts, now);
        }
        world.needs([0, 1]).takes(at(3_000)).is_ok()
    };
    assert!(durable("aof_enabled:1\r\n", |config| config));
    assert!(durable("", |config| config.durable("b")));
    assert!(durable("", |config| config.restart_guard(RestartGuard::OFF)));
    assert!(!durable("", |config| config.durable("a")));
}

#[test]
fn a_strict_handle_trusts_no_node_that_is_young() {
    let strict = |config: ConfigBuilder| config.restart_guard(RestartGuard::STRICT);
    let (mut world, hour) = (World::new(strict), 3_600_000);
    world.connect(0, &running("a1", 1_000), at(hour));
    world.connect(1, &running("b1", 1), at(hour));
    world.connect(2, "", at(hour));
    assert_eq!(world.takes(at(hour)), Err(vec![None, RESTARTED, RESTARTED]));
    assert_eq!(world.takes(at(hour + GUARD - 1)), Err(vec![None, RESTARTED, RESTARTED]));
    assert_eq!(world.takes(at(hour + GUARD)), Ok(()));
    world.reconnect(2, "", at(hour + GUARD));
    world.needs([0, 2]);
    assert_eq!(world.takes(at(hour + GUARD)), Err(vec![None, GIVEN_UP, RESTARTED]), "it may have been started again");
}

#[test]
fn a_handle_that_is_not_strict_trusts_what_it_has_not_seen() {
    let mut world = World::new(|config| config);
    for (node, run) in ["a1", "b1", "c1"].into_iter().enumerate() {
        world.connect(node, &running(run, 0), at(0));
    }
    assert_eq!(world.takes(at(0)), Ok(()));
}

#[test]
fn one_server_that_is_named_twice_votes_once() {
    let mut world = World::new(|config| config);
    for (node, run) in ["same", "b1", "same"].into_iter().enumerate() {
        world.connect(node, &running(run, 1_000), at(0));
    }
    world.takes(at(0)).expect("two servers are a quorum of three");
    let health = world.locks.health(at(0));
    assert_eq!(health.voters(), 2);
    assert!(health.to_string().contains("c: it is the same server as a: name each server once"), "{health}");
    world.needs([0, 2]);
    assert_eq!(world.takes(at(0)), Err(vec![None, GIVEN_UP, Some(Cause::Unsuitable)]));
    world.reconnect(2, &running("c1", 0), at(1_000));
    assert_eq!(world.takes(at(60_000)), Ok(()), "it is another server now");
}

#[test]
fn servers_that_hide_their_run_are_not_one() {
    let mut world = World::new(|config| config);
    (0..3).for_each(|node| world.connect(node, &running("", 1_000), at(0)));
    assert!(world.locks.health(at(0)).nodes.iter().all(NodeHealth::has_vote));
    world.lock(TTL, at(0)).unwrap();
}

type Setting = fn(ConfigBuilder, Rule) -> ConfigBuilder;

#[test]
fn a_node_is_used_with_a_warning_or_refused() {
    let replica = format!("{}role:slave\r\n", running("c1", 1_000));
    let evicts = format!("{}maxmemory:1000\r\nmaxmemory_policy:allkeys-lru\r\n", running("c1", 1_000));
    let cluster = format!("{}redis_mode:cluster\r\n", running("c1", 1_000));
    let cases: [(String, Setting, Warning, &str); 3] = [
        (replica, ConfigBuilder::on_replica, Warning::Replica, "name its master"),
        (evicts, ConfigBuilder::on_eviction, evicting(), "set noeviction"),
        (cluster, ConfigBuilder::on_cluster, Warning::Cluster, "name independent masters"),
    ];
    for (info, setting, warning, remedy) in cases {
        for rule in [Rule::Warn, Rule::Refuse] {
            let mut world = World::of_three(|config| setting(config, rule));
            world.reconnect(2, &info, at(0));
            // A replica may have been promoted until it grants something.
            world.takes(at(0)).unwrap();
            let health = world.locks.health(at(60_000));
            assert_eq!(health.nodes[2].warnings.as_slice(), std::slice::from_ref(&warning));
            assert!(health.to_string().contains(remedy), "{health}");
            let taken = world.needs([0, 2]).takes(at(60_000));
            match rule {
                Rule::Warn => assert_eq!(taken, Ok(())),
                Rule::Refuse => assert_eq!(taken, Err(vec![None, GIVEN_UP, Some(Cause::Unsuitable)])),
            }
        }
    }
}

#[test]
fn a_failover_is_a_restart_and_has_a_warning_of_its_own() {
    let mut world = World::of_three(|config| config.on_cluster(Rule::Refuse));
    let durable = |run: &str| {
        let mut facts = told(&format!("{}aof_enabled:1\r\n", running(run, 1_000)));
        facts.note_setting("appendfsync", "always");
        facts.with_failover()
    };
    world.reconnect_to(2, durable("c1"), at(1_000));
    let health = world.locks.health(at(1_000));
    assert_eq!((&health.nodes[2].warnings[..], health.is_good()), (&[Warning::FailsOver][..], false));
    assert!(health.nodes[2].has_vote() && health.to_string().contains("it fails over to a server"), "{health}");
    world.lock(TTL, at(1_000)).unwrap();

    world.reconnect_to(2, durable("c2"), at(2_000));
    let quarantine = world.locks.health(at(2_000)).nodes[2].quarantine;
    assert_eq!(quarantine, Some(Duration::from_millis(GUARD)), "its disk is not that of its predecessor");
}

/// It was started after the last answer of its predecessor to this handle, which may have granted locks to others for longer.
#[test]
fn a_successor_has_no_vote_for_the_whole_time_however_young_it_is() {
    let mut world = World::of_three(|config| config);
    let master = |run: &str, uptime: u64| told(&running(run, uptime)).with_failover();
    world.reconnect_to(1, master("b1", 1_000), at(0));
    world.takes(at(0)).unwrap();
    world.reconnect_to(1, master("b2", 3), at(9_000));
    world.needs([0, 1]);
    assert_eq!(world.takes(at(9_000 + GUARD - 1)), Err(vec![None, RESTARTED, GIVEN_UP]));
    assert_eq!(world.takes(at(9_000 + GUARD)), Ok(()));
}

#[test]
fn a_cluster_that_was_named_as_one_is_used_although_members_of_clusters_are_refused() {
    let mut world = World::of_three(|config| config.on_cluster(Rule::Refuse));
    let member = told(&format!("{}redis_mode:cluster\r\n", running("c2", 1_000)));
    world.reconnect_to(2, Facts::of_cluster(&[member]), at(1_000));
    let health = world.locks.health(at(1_000));
    assert_eq!((&health.nodes[2].warnings[..], &health.nodes[2].unsuitable), (&[Warning::FailsOver][..], &None));
}

/// The warning of a server that evicts.
fn evicting() -> Warning {
    let mut world = World::of_three(|config| config);
    world.reconnect(0, &format!("{}maxmemory_policy:allkeys-lru\r\n", running("a1", 1_000)), at(0));
    world.locks.health(at(0)).nodes[0].warnings[0].clone()
}
