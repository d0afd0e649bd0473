//! What clients, and people at the server, do in a random order.

use std::time::Duration;

use proptest::prelude::*;
use redlock_core::{Options, Owner};

pub(crate) const CLIENTS: usize = 3;
/// The first two share what is kept beside their keys.
pub(crate) const RESOURCES: [&str; 3] = ["job-0", "{job-0}", "a{job}}"];
/// What owners call themselves.
const LABELS: [&str; 3] = ["host-7/billing", "host 8", "büro"];
/// What is proposed as a fence is below that, and so counters are ahead of it now and then; or as near to the number at which
/// a node looks at its clock again.
pub(crate) const FENCES: u64 = 40;
pub(crate) const NEXT_LOOK: u64 = 1_000_000_000;
#[derive(Clone, Debug)]
pub(crate) enum Step {
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
        /// For how long it keeps its turn.
        keeps_turn: Duration,
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

pub(crate) fn near_the_next_look(number: u64) -> u64 {
    NEXT_LOOK - FENCES / 2 + number
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let ttl = || (300..900_u64).prop_map(Duration::from_millis);
    let keeps_turn = || prop_oneof![1 => Just(Duration::ZERO), 2 => ttl()];
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
        5 => (0..CLIENTS, 0..3_u8, keeps_turn(), ttl(), proptest::option::of(0..FENCES), owner())
            .prop_map(|(client, waits_for, keeps_turn, ttl, proposal, owner)| {
                Step::AcquireAllInTurn { client, waits_for, keeps_turn, ttl, proposal, owner }
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
