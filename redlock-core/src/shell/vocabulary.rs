/// Re-exports what the users of every shell say and hear.
#[macro_export]
#[doc(hidden)]
macro_rules! shell_vocabulary {
    () => {
        pub use $crate::fence::{self, Fence, FenceGate, StaleFence};
        pub use $crate::health::{self, Health};
        pub use $crate::observed;
        #[cfg(feature = "tracing")]
        #[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
        pub use $crate::shell::Tracing;
        pub use $crate::shell::{AcquireError, BuildError, Completed, DEFAULT_CONNECT_TIMEOUT, Observer, WorkError};
        #[cfg(feature = "metrics")]
        #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
        pub use $crate::shell::{METRICS, Metric, MetricKind, Metrics};
        pub use $crate::system::{NoEntropy, now};
        pub use $crate::{
            Attempts, Cause, CloseReport, Config, ConfigBuilder, ConfigError, DEFAULT_PING_INTERVAL,
            DEFAULT_SILENCE_TIMEOUT, DetachedLock, ExtendError, Facts, Hold, Holder, HumanDuration, Instant, KeepAlive,
            KeyStatus, LockKey, LockState, LockStatus, Loss, NodeId, NodeOutcomes, NodeStatus, NodeTimeout, Options,
            Outcome, Owner, OwnerError, ReleaseReport, ReleaseVerdict, Request, RequestError, Resource, Resources,
            RestartGuard, RetryDelay, Rule, Unavailable,
        };
    };
}
