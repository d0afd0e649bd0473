/// Re-exports what the users of every adapter say and hear, and names the types of this crate with the adapter's runtime
/// filled in. The features are those of the adapter, which are named alike in all of them.
///
/// The methods of these types are this crate's, so a search of the adapter's documentation finds them by the types' aliases only.
#[macro_export]
#[doc(hidden)]
macro_rules! adapter_vocabulary {
    ($runtime:ty) => {
        #[cfg(feature = "tls")]
        #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
        #[doc(no_inline)]
        pub use redlock_driver::net::rustls;
        #[cfg(feature = "cache")]
        #[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
        pub use $crate::NamedLockError;
        #[cfg(feature = "tracing")]
        #[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
        pub use $crate::Tracing;
        #[cfg(feature = "cache")]
        #[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
        #[doc(inline)]
        pub use $crate::cache;
        #[cfg(feature = "memory")]
        #[cfg_attr(docsrs, doc(cfg(feature = "memory")))]
        pub use $crate::memory;
        pub use $crate::native::{ClusterNode, SentinelNode, UrlNode};
        #[cfg(feature = "tls")]
        #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
        pub use $crate::net::{TlsBuilder, TlsError, TlsSettings};
        #[cfg(feature = "redis-cluster")]
        #[cfg_attr(docsrs, doc(cfg(feature = "redis-cluster")))]
        pub use $crate::redis_rs::RedisClusterNode;
        #[cfg(feature = "redis")]
        #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
        pub use $crate::redis_rs::{FencedStoreError, RedisUrl, get_if_not_stale, set_if_not_stale};
        pub use $crate::{
            AcquireError, Attempts, BuildError, Cause, CloseReport, Completed, Config, ConfigError,
            DEFAULT_CONNECT_TIMEOUT, DetachedLock, ExtendError, Facts, Fence, FenceGate, Health, Hold, Holder,
            HumanDuration, Instant, IntoNode, KeepAlive, KeyStatus, LockKey, LockState, LockStatus, Loss, NoEntropy,
            NoRuntime, NodeId, NodeOutcomes, NodeStatus, NodeTimeout, Observer, Options, Outcome, Owner, OwnerError,
            ReleaseReport, ReleaseVerdict, RequestError, Resource, Resources, RestartGuard, RetryDelay, Rule,
            StaleFence, Unavailable, WorkError, fence, health, now, observed, transport,
        };
        #[cfg(feature = "metrics")]
        #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
        pub use $crate::{METRICS, Metric, MetricKind, Metrics};

        /// A handle to a set of independent masters, for taking locks. See [`redlock_driver::Redlock`].
        #[doc(alias(
            "lock",
            "try_lock",
            "lock_all",
            "with_lock",
            "candidate",
            "adopt",
            "status",
            "health",
            "close",
            "mutex"
        ))]
        pub type Redlock = $crate::Redlock<$runtime>;
        /// Builds a [`Redlock`]. See [`redlock_driver::Builder`].
        #[doc(alias("node", "nodes", "prefix", "owner", "observer", "build"))]
        pub type Builder = $crate::Builder<$runtime>;
        /// An acquisition. See [`redlock_driver::Acquire`].
        #[doc(alias(
            "wait",
            "attempts",
            "retry_delay",
            "min_hold",
            "fenced",
            "keep_alive",
            "run",
            "timeout",
            "retries"
        ))]
        pub type Acquire = $crate::Acquire<$runtime>;
        /// A lock that was acquired. See [`redlock_driver::LockGuard`].
        #[doc(alias("extend", "release", "share", "detach", "forget", "unlock", "renew", "mutex"))]
        pub type LockGuard = $crate::LockGuard<$runtime>;
        /// A lock that several parts of a program hold together. See [`redlock_driver::SharedGuard`].
        pub type SharedGuard = $crate::SharedGuard<$runtime>;
        /// A view of a lock that was acquired. See [`redlock_driver::Lease`].
        #[doc(alias("check", "deadline", "is_valid", "lost", "remaining"))]
        pub type Lease = $crate::Lease<$runtime>;
        /// A candidate for leadership. See [`redlock_driver::Candidate`].
        #[doc(alias("campaign", "election", "leader"))]
        pub type Candidate = $crate::Candidate<$runtime>;
        /// The time in which a candidate leads. See [`redlock_driver::Leadership`].
        #[doc(alias("ended", "is_leader", "resign"))]
        pub type Leadership = $crate::Leadership<$runtime>;
        /// Waits until a lock is lost. See [`redlock_driver::Lost`].
        pub type Lost = $crate::Lost<$runtime>;
        /// An independent master with the way to it. See [`redlock_driver::Node`].
        pub type Node = $crate::Node<$runtime>;
        /// Locks that are released by their names. See [`redlock_driver::NamedLocks`].
        #[cfg(feature = "cache")]
        #[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
        #[doc(alias("unlock", "unlock_all"))]
        pub type NamedLocks = $crate::NamedLocks<$runtime>;
        /// The entry of a cache for a lock that is held by name. See [`redlock_driver::HeldLock`].
        #[cfg(feature = "cache")]
        #[cfg_attr(docsrs, doc(cfg(feature = "cache")))]
        pub type HeldLock = $crate::HeldLock<$runtime>;
    };
}
