//! Random values for property tests of your own code, with [proptest]: no Redis, no network, no clock.
//!
//! [proptest]: https://docs.rs/proptest
//!
//! | what you build on this crate | what to draw |
//! | --- | --- |
//! | a service that uses locks | [`seed`] for its locks, [`nodes`] that can be reached, [`ttl`], and [`model::Node`]s |
//! | a driver of your own | [`request`]s, and [`step`]s by which messages cross, get lost and are overtaken by time |
//! | a transport of your own | [`command`]s to carry, [`reply`]s to hand back |
//!
//! Every strategy shrinks towards the plainest case: three nodes, default settings, short times, nothing lost.
//!
//! [`model::Node`]: crate::model::Node
//!
//! # A property of your own code
//!
//! Two workers must never run the same job at once, whichever nodes they reach and however late they look at the
//! clock. The model nodes answer at once; proptest says who works when. Should it find a sequence of turns that breaks
//! the property, it shows the shortest one that still does.
//!
//! ```
#![doc = include_str!("../examples/property_test.rs")]
//! ```
//!
//! Put the body of `main` into a `#[test]`, or run it as it stands:
//! `cargo run -p redlock-core --example property_test --features proptest,model`.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::lease::DRIFT_MARGIN;
use crate::token::TokenSecret;
use crate::{
    Action, Cause, Command, CommandId, Config, DEFAULT_DRIFT_FACTOR, DEFAULT_WAIT, Grace, Hold, Instant, MIN_TTL,
    NodeId, NodeSet, NodeTimeout, Options, Owner, Reply, Request, Resource, RetryDelay, ScriptForm, Ttl, Unavailable,
    WaiterId,
};

/// The longest name that is drawn, in bytes: beyond it nothing new can go wrong.
const MAX_NAME_LEN: usize = 64;

/// The causes, those that a driver reports before those that a server does. `NotTrusted` is left out: it goes the way of
/// `NotAuthenticated`, and a longer list would change what committed seeds stand for.
const CAUSES: [Cause; 15] = [
    Cause::NoAnswer,
    Cause::NotSent,
    Cause::Disconnected,
    Cause::Loading,
    Cause::ReadOnly,
    Cause::OutOfMemory,
    Cause::NotAuthenticated,
    Cause::NoPermission,
    Cause::Busy,
    Cause::Cluster,
    Cause::CrossSlot,
    Cause::NoDatabase,
    Cause::UnknownCommand,
    Cause::Refused,
    Cause::Unexpected,
];

/// Generates a config over one to seven nodes.
pub fn config() -> impl Strategy<Value = Config> {
    let nodes = prop_oneof![4 => Just(3), 2 => Just(5), 2 => 1..=7_usize];
    let drift_factor = prop_oneof![Just(DEFAULT_DRIFT_FACTOR), 0.0..0.1];
    (nodes, drift_factor, node_timeout()).prop_filter_map("within all bounds", |(nodes, drift_factor, timeout)| {
        let names = (0..nodes).map(|node| alloc::format!("node-{node}"));
        Config::builder(names).drift_factor(drift_factor).node_timeout(timeout).build().ok()
    })
}

/// Generates a request that the config allows: any name, any TTL, patient or not, with a label or without.
pub fn request(config: &Config) -> impl Strategy<Value = Request> + use<> {
    let config = config.clone();
    let owner = proptest::option::weighted(0.2, owner());
    let parts = (resource(&config), ttl(&config), options(), owner);
    parts.prop_filter_map("within all bounds", move |(name, ttl, options, owner)| {
        let request = Request::new(&config, name, ttl, options).ok()?;
        Some(owner.into_iter().fold(request, Request::owned_by))
    })
}

/// Generates the label of an owner: any text that can be one.
pub fn owner() -> impl Strategy<Value = Owner> {
    let readable = vec(select(&b"abcdef0123456789:/-. "[..]), 1..=32);
    let readable = readable.prop_map(|bytes| bytes.into_iter().map(char::from).collect());
    let any = vec(any::<char>(), 1..=Owner::MAX_LEN).prop_map(|letters| letters.into_iter().collect());
    prop_oneof![3 => readable, 1 => any].prop_filter_map("can be printed", |label: String| Owner::new(label).ok())
}

/// Generates the name of something to lock, readable or not.
pub fn resource(config: &Config) -> impl Strategy<Value = Resource> + use<> {
    let longest = config.max_name_len().min(MAX_NAME_LEN);
    let readable = vec(select(&b"abcdef0123456789:{}-"[..]), 1..=longest);
    prop_oneof![readable, vec(any::<u8>(), 1..=longest)].prop_map(Resource::from)
}

/// Generates a TTL that the config allows and that leaves some validity: of every order of magnitude equally often.
pub fn ttl(config: &Config) -> impl Strategy<Value = Duration> + use<> {
    let config = config.clone();
    let longest = nanos(config.max_ttl());
    let shortest = nanos(MIN_TTL.saturating_add(DRIFT_MARGIN)).min(longest);
    let magnitude = 0..=longest.checked_div(shortest).unwrap_or(1).ilog2();
    magnitude
        .prop_flat_map(move |magnitude| shortest..=shortest.saturating_mul(2 << magnitude).min(longest))
        .prop_map(Duration::from_nanos)
        .prop_filter("leaves some validity", move |&ttl| Ttl::new(&config, ttl).is_ok())
}

/// Generates the seed of one lock. It does not shrink: two locks with equal seeds would have equal tokens, and be one.
pub fn seed() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>().no_shrink()
}

/// Generates some nodes of the config, all or none of them too: those that can be reached, for instance.
pub fn nodes(config: &Config) -> impl Strategy<Value = NodeSet> + use<> {
    let all: Vec<NodeId> = config.nodes().iter().collect();
    let missing = prop_oneof![Just(0), any::<u32>()];
    missing.prop_map(move |missing| all.iter().copied().filter(|node| missing >> node.index() & 1 == 0).collect())
}

/// Generates one node of the config.
pub fn node(config: &Config) -> impl Strategy<Value = NodeId> + use<> {
    select(config.nodes().iter().collect::<Vec<_>>())
}

/// Generates any command that a [`Lock`](crate::Lock) may send, for what carries commands.
pub fn command(config: &Config) -> impl Strategy<Value = Command> + use<> {
    let form = select(&[ScriptForm::Digest, ScriptForm::Source][..]);
    (0..16_u32, nodes(config), action(config), any::<u64>(), form).prop_map(
        |(earlier, nodes, action, send_by, form)| {
            let id = (0..earlier).fold(CommandId::FIRST, |id, _| id.next());
            let send_by = Instant::from_epoch(Duration::from_nanos(send_by));
            let form = if action.is_plain() { ScriptForm::Digest } else { form };
            Command { id, nodes, action, send_by, form, grace: Grace::DEFAULT, is_repeated: false }
        },
    )
}

/// Generates anything that a node may say, whether it fits the command or not.
pub fn reply() -> impl Strategy<Value = Reply> {
    let unavailable = CAUSES.map(|cause| Reply::Unavailable(Unavailable::new(cause)));
    let answers = [
        (12, Reply::Done),
        (2, Reply::CalledUp),
        (6, Reply::HeldByOther(Hold::UNKNOWN)),
        (6, Reply::Missing),
        (3, Reply::UnknownScript),
    ];
    let weighted = answers.into_iter().flat_map(|(weight, reply)| core::iter::repeat_n(reply, weight));
    select(weighted.chain(unavailable).collect::<Vec<_>>())
}

/// A next step between some clients and the nodes. A driver's connections carry messages in order, each way;
/// nothing else is certain about when they arrive.
///
/// Every selection of the steps is possible, so leave out those that have nothing to do, and those that you do not know.
///
/// ```
/// use core::time::Duration;
/// use proptest::{collection::vec, prelude::*};
/// use redlock_core::{Config, strategy};
///
/// let config = Config::builder(["one", "two", "three"]).build()?;
/// let steps = vec(strategy::step(2, &config, Duration::from_millis(50)), 0..100);
/// proptest!(|(steps in steps)| prop_assert!(steps.len() < 100));
/// # Ok::<(), redlock_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The node carries out the oldest command of the client that has not reached it.
    Execute {
        /// The client, counted from zero.
        client: usize,
        /// The node.
        node: NodeId,
    },
    /// The oldest reply of the node that is under way reaches the client.
    Answer {
        /// The client, counted from zero.
        client: usize,
        /// The node.
        node: NodeId,
    },
    /// The connection breaks and is made again. What was under way is lost, and the client does not know how far it got: hand
    /// it [`Cause::Disconnected`] for every command that it has no reply to.
    Disconnect {
        /// The client, counted from zero.
        client: usize,
        /// The node.
        node: NodeId,
    },
    /// The client looks at the clock, be it in time for its timer or late.
    Wake {
        /// The client, counted from zero.
        client: usize,
    },
    /// Time passes, and nobody looks.
    Elapse(Duration),
}

/// Generates one step between the first `clients` clients, at least one, and the nodes of the config; time passes by no
/// more than `pause` at once. Messages arrive more often than they get lost.
pub fn step(clients: usize, config: &Config, pause: Duration) -> impl Strategy<Value = Step> + use<> {
    let connection = || (0..clients, node(config));
    prop_oneof![
        8 => connection().prop_map(|(client, node)| Step::Execute { client, node }),
        8 => connection().prop_map(|(client, node)| Step::Answer { client, node }),
        1 => connection().prop_map(|(client, node)| Step::Disconnect { client, node }),
        2 => (0..clients).prop_map(|client| Step::Wake { client }),
        4 => (0..=nanos(pause)).prop_map(|elapsed| Step::Elapse(Duration::from_nanos(elapsed))),
    ]
}

fn node_timeout() -> impl Strategy<Value = NodeTimeout> {
    let fixed = (1..=500_u64).prop_map(|millis| NodeTimeout::fixed(Duration::from_millis(millis)));
    prop_oneof![Just(NodeTimeout::DEFAULT), fixed]
}

/// Generates options: any of the settings, within their bounds.
pub fn options() -> impl Strategy<Value = Options> {
    let millis = |range: core::ops::RangeInclusive<u64>| range.prop_map(Duration::from_millis);
    let wait = prop_oneof![Just(DEFAULT_WAIT), millis(0..=1_000)];
    let attempts = proptest::option::of(1..=4_u32);
    let retry_delay =
        prop_oneof![Just(RetryDelay::DEFAULT), millis(1..=100).prop_map(|base| RetryDelay::new(base, base))];
    let min_validity = prop_oneof![4 => Just(Duration::ZERO), 1 => millis(0..=50)];
    (wait, attempts, retry_delay, min_validity).prop_map(|(wait, attempts, retry_delay, min_validity)| {
        let options = Options::new().wait(wait).retry_delay(retry_delay).min_validity(min_validity);
        attempts.map_or(options, |attempts| options.attempts(attempts))
    })
}

fn action(config: &Config) -> impl Strategy<Value = Action> + use<> {
    let checked = config.clone();
    let ttl = ttl(config).prop_filter_map("within all bounds", move |ttl| Ttl::new(&checked, ttl).ok());
    let token = (any::<[u8; TokenSecret::LEN]>(), 1..=u32::MAX)
        .prop_map(|(secret, attempt)| TokenSecret::new(secret).token(attempt));
    let waiter = any::<[u8; 32]>().prop_map(|seed| WaiterId::from_seed(&seed));
    let action = |(kind, resource, token, ttl, homes, waiter): (u8, Resource, _, _, _, _)| match kind {
        0 => Action::acquire(resource.into(), token, ttl),
        1 => Action::acquire_in_turn(resource, token, ttl, waiter),
        2 => Action::extend(resource.into(), token, ttl),
        3 => Action::leave(resource, waiter),
        4 => Action::keep(resource.into(), token, ttl),
        5 => Action::inspect(resource),
        _ => Action::release(resource.into(), token, homes),
    };
    let action = (0..7_u8, resource(config), token, ttl, nodes(config), waiter).prop_map(action);
    (action, proptest::option::of(owner())).prop_map(|(action, owner)| action.owned_by(owner))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
