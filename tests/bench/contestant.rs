//! Who is measured: each takes and gives back locks in the way that its own documentation shows.

mod async_std_native;
mod blocking_native;
mod floor;
mod floor_publish;
mod floor_queue;
mod floor_raw;
mod floor_redis;
mod redlock;
mod rslock;
mod tokio_fred;
mod tokio_native;
mod tokio_redis;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use self::async_std_native::AsyncStdNative;
pub(crate) use self::blocking_native::BlockingNative;
pub(crate) use self::floor_publish::FloorPublish;
pub(crate) use self::floor_queue::FloorQueue;
pub(crate) use self::floor_raw::{FloorRaw, pack};
pub(crate) use self::floor_redis::FloorRedis;
pub(crate) use self::redlock::Redlock;
pub(crate) use self::rslock::Rslock;
pub(crate) use self::tokio_fred::TokioFred;
pub(crate) use self::tokio_native::{TokioFenced, TokioNative, TokioTraced};
pub(crate) use self::tokio_redis::TokioRedis;
use crate::executor::Executor;
use crate::workload::Workload;

/// What everybody's locks live for.
pub(crate) const TTL: Duration = Duration::from_secs(10);

/// Why a client cannot go on.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A way to lock things on several servers. Nothing is boxed between it and the workload, because that would cost each
/// contestant a different share.
pub(crate) trait Contestant: Send + Sized + Sync + 'static {
    type Executor: Executor;
    type Held: Send + 'static;

    /// Its callers wait for each other inside of one process.
    const IS_ONE_PROCESS: bool = false;

    fn connect(urls: &[String]) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Tries as hard as the contestant does by itself; `None` when it gives up.
    fn lock(&self, key: &str, ttl: Duration) -> impl Future<Output = Option<Self::Held>> + Send;

    fn unlock(&self, held: Self::Held) -> impl Future<Output = ()> + Send;

    /// Returns what has become of its fenced locks ever since.
    fn fenced(&self) -> Fenced {
        Fenced::default()
    }
}

/// Numbers of fenced locks.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Fenced {
    pub(crate) acquired: u64,
    /// Of these, those that took a second round.
    pub(crate) commit_rounds: u64,
}

impl Fenced {
    pub(crate) const fn and(self, other: Self) -> Self {
        let (acquired, commit_rounds) = (self.acquired + other.acquired, self.commit_rounds + other.commit_rounds);
        Self { acquired, commit_rounds }
    }

    pub(crate) const fn since(self, before: Self) -> Self {
        let (acquired, commit_rounds) = (self.acquired - before.acquired, self.commit_rounds - before.commit_rounds);
        Self { acquired, commit_rounds }
    }

    pub(crate) fn commit_share(self) -> Option<f64> {
        (self.acquired > 0).then(|| self.commit_rounds as f64 / self.acquired as f64)
    }
}

/// The names of all contestants, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    FloorRaw,
    FloorRedis,
    FloorQueue,
    FloorPublish,
    Tokio,
    TokioFenced,
    TokioTraced,
    TokioRedis,
    TokioFred,
    AsyncStd,
    Blocking,
    Rslock,
    Redlock,
}

impl Name {
    pub(crate) const ALL: [Self; 13] = [
        Self::FloorRaw,
        Self::FloorRedis,
        Self::FloorQueue,
        Self::FloorPublish,
        Self::Tokio,
        Self::TokioFenced,
        Self::TokioTraced,
        Self::TokioRedis,
        Self::TokioFred,
        Self::AsyncStd,
        Self::Blocking,
        Self::Rslock,
        Self::Redlock,
    ];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::FloorRaw => "floor-raw",
            Self::FloorRedis => "floor-redis",
            Self::FloorQueue => "floor-queue",
            Self::FloorPublish => "floor-publish",
            Self::Tokio => "tokio",
            Self::TokioFenced => "tokio-fenced",
            Self::TokioTraced => "tokio-traced",
            Self::TokioRedis => "tokio-redis",
            Self::TokioFred => "tokio-fred",
            Self::AsyncStd => "async-std",
            Self::Blocking => "blocking",
            Self::Rslock => "rslock",
            Self::Redlock => "redlock",
        }
    }

    /// Returns whether all of its locks are fenced: each is set by a script, and none by a `SET` that it sends.
    pub(crate) fn is_fenced(self) -> bool {
        self == Self::TokioFenced
    }

    /// Only who is asked for by name is measured: it answers a question of its own.
    pub(crate) const fn is_for_one_question(self) -> bool {
        matches!(self, Self::TokioTraced)
    }

    /// Floors stand only where they are the least that the workload can cost.
    pub(crate) fn takes_part(self, workload: Workload) -> bool {
        match self {
            Self::FloorRaw => !workload.is_contended(),
            Self::FloorQueue => matches!(workload, Workload::W3 | Workload::W6),
            Self::FloorPublish => workload == Workload::W4,
            _ => true,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}
