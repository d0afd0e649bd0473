mod options;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::num::NonZero;
use core::time::Duration;

pub use self::options::{DEFAULT_WAIT, MIN_RETRY_DELAY, Options, RetryDelay};
use crate::config::MIN_TTL;
use crate::fence::Fence;
use crate::{Config, DetachedLock, HumanDuration, Instant, Owner, Resource, Resources, lease};

/// The time that a key lives on a node after it was set: 1 ms to [`Config::max_ttl`], by construction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl {
    nanos: NonZero<u64>,
}

impl Ttl {
    /// Checks a duration against the bounds of a config.
    ///
    /// # Errors
    ///
    /// - [`RequestError::TtlTooShort`] below 1 ms, because Redis would delete the key instead;
    /// - [`RequestError::TtlTooLong`] above [`Config::max_ttl`];
    /// - [`RequestError::NoValidity`] when the drift leaves none of it.
    pub fn new(config: &Config, ttl: Duration) -> Result<Self, RequestError> {
        Self::with_validity(config, ttl, Duration::ZERO)
    }

    fn with_validity(config: &Config, ttl: Duration, min_validity: Duration) -> Result<Self, RequestError> {
        if ttl < MIN_TTL {
            return Err(RequestError::TtlTooShort { ttl });
        }
        let max_ttl = config.max_ttl();
        if ttl > max_ttl {
            return Err(RequestError::TtlTooLong { ttl, max_ttl });
        }
        let drift = lease::drift(ttl, config.drift_ppm());
        if ttl.saturating_sub(drift) <= min_validity {
            let least_ttl = lease::least_ttl(min_validity, config.drift_ppm());
            return Err(RequestError::NoValidity { ttl, drift, min_validity, least_ttl });
        }
        Ok(Self::saturating(ttl))
    }

    pub(crate) fn saturating(duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: NonZero::new(nanos).unwrap_or(NonZero::<u64>::MIN) }
    }

    /// Returns the time from `now` on until a moment; `None` if there is none.
    pub(crate) fn until(end: Instant, now: Instant) -> Option<Self> {
        let left = end.saturating_since(now);
        (!left.is_zero()).then(|| Self::saturating(left))
    }

    /// Returns the duration that was asked for.
    #[must_use]
    pub const fn get(self) -> Duration {
        Duration::from_nanos(self.nanos.get())
    }

    /// Returns the duration in whole milliseconds, rounded up: what the nodes are told.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.nanos.get().div_ceil(1_000_000)
    }
}

impl fmt::Debug for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ttl").field(&self.get()).finish()
    }
}

/// The resources that are to be locked, with their TTL and how hard to try. A request that exists is valid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub(crate) resources: Resources,
    pub(crate) ttl: Ttl,
    pub(crate) options: Options,
    /// The wall clock when the acquisition begins.
    pub(crate) proposal: Fence,
    /// The lock is there already.
    pub(crate) adopts: Option<Arc<DetachedLock>>,
    pub(crate) owner: Option<Owner>,
}

impl Request {
    /// Checks a request against the bounds of a config.
    ///
    /// # Errors
    ///
    /// - [`RequestError::EmptyName`] or [`RequestError::NameTooLong`] for a name that is no key;
    /// - [`RequestError::NoNames`], [`RequestError::TooManyNames`] or [`RequestError::SameName`] for a list of names that is
    ///   empty, longer than [`MAX_NAMES`], or has a name twice;
    /// - [`RequestError::TtlTooShort`], [`RequestError::TtlTooLong`] or [`RequestError::NoValidity`] for a TTL that is
    ///   out of bounds, or from which drift and [`Options::min_validity`] leave nothing;
    /// - [`RequestError::NoAttempts`], [`RequestError::RetryDelay`], [`RequestError::KeepAliveInterval`],
    ///   [`RequestError::NoHold`], [`RequestError::HoldTooShort`] or [`RequestError::MinHoldTooLong`] for options that cannot be
    ///   followed.
    pub fn new(
        config: &Config,
        names: impl Into<Resources>,
        ttl: Duration,
        options: Options,
    ) -> Result<Self, RequestError> {
        let resources = names.into().with_prefix(config.prefix());
        Self::of_keys(config, resources, ttl, options, None)
    }

    /// Makes a request that adopts a lock which was [detached](crate::Locks::detach): with the TTL that it had.
    ///
    /// Such a lock is to be adopted once: nodes cannot tell two who adopt the same one apart.
    ///
    /// # Errors
    ///
    /// As with [`new`](Self::new), when names or TTL are out of the bounds of this config.
    pub fn adopting(config: &Config, detached: &DetachedLock, options: Options) -> Result<Self, RequestError> {
        let adopts = Some(Arc::new(detached.clone()));
        Self::of_keys(config, detached.resources.clone(), detached.ttl, options.attempts(1), adopts)
    }

    fn of_keys(
        config: &Config,
        resources: Resources,
        ttl: Duration,
        options: Options,
        adopts: Option<Arc<DetachedLock>>,
    ) -> Result<Self, RequestError> {
        check_names(resources.as_slice(), config.max_name_len())?;
        let ttl = Ttl::with_validity(config, ttl, options.min_validity.get())?;
        if options.attempts == Some(0) {
            return Err(RequestError::NoAttempts);
        }
        let (base, max) = (options.retry_delay.base(), options.retry_delay.max());
        if base < MIN_RETRY_DELAY || max < base {
            return Err(RequestError::RetryDelay { base, max });
        }
        let (min_hold, max_ttl) = (options.min_hold.get(), config.max_ttl());
        if min_hold > max_ttl {
            return Err(RequestError::MinHoldTooLong { min_hold, max_ttl });
        }
        options.kept_alive().map_or(Ok(()), |keep_alive| keep_alive.check(ttl.get(), options.min_validity.get()))?;
        let owner = config.owner().or_else(|| adopts.as_ref()?.owner.as_ref()).cloned();
        Ok(Self { resources, ttl, options, proposal: Fence::default(), adopts, owner })
    }

    /// Sets the time since 1970 at which the acquisition begins, which is proposed to the nodes as a fence: so that they agree
    /// in one round trip, and that fences go on when counters have been forgotten. Clocks that are wrong do no harm to either
    /// while the counters are there.
    #[must_use]
    pub fn at_wall_clock(mut self, since_1970: Duration) -> Self {
        self.proposal = Fence::new(u64::try_from(since_1970.as_micros()).unwrap_or(0)).min(Fence::MAX);
        self
    }

    /// Sets the label of who wants the lock, which is kept beside it on the nodes while it is held, in place of that of the
    /// [config](crate::ConfigBuilder::owner). A lock that is adopted has the label that it had unless there is one of either.
    #[must_use]
    pub fn owned_by(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Returns the label of who wants the lock.
    #[must_use]
    pub const fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Returns the resources that are to be locked.
    #[must_use]
    pub const fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Returns the time to live that was asked for.
    #[must_use]
    pub const fn ttl(&self) -> Ttl {
        self.ttl
    }
}

/// Checks the name of one resource, and returns the resource as it is named on the nodes.
///
/// # Errors
///
/// [`RequestError::EmptyName`] or [`RequestError::NameTooLong`].
pub(crate) fn key_of(config: &Config, name: Resource) -> Result<Resource, RequestError> {
    let resources = Resources::one(name).with_prefix(config.prefix());
    check_names(resources.as_slice(), config.max_name_len())?;
    resources.only().cloned().ok_or(RequestError::NoNames)
}

fn check_names(names: &[Resource], max_name_len: usize) -> Result<(), RequestError> {
    if names.is_empty() {
        return Err(RequestError::NoNames);
    }
    if names.len() > MAX_NAMES {
        return Err(RequestError::TooManyNames { count: names.len() });
    }
    for len in names.iter().map(|name| name.as_bytes().len()) {
        if len == 0 {
            return Err(RequestError::EmptyName);
        }
        if len > max_name_len {
            return Err(RequestError::NameTooLong { len, max_name_len });
        }
    }
    let mut neighbours = names.iter().zip(names.iter().skip(1));
    match neighbours.find(|(name, next)| name == next) {
        Some((name, _)) => Err(RequestError::SameName { name: name.clone() }),
        None => Ok(()),
    }
}

/// The largest number of resources that one lock can be for: a node does nothing else while it looks at all of them.
pub const MAX_NAMES: usize = 64;

/// The reason for which a call was refused before anything was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The name of the resource is empty.
    #[error("the name of the resource is empty: it is the key on the nodes and needs at least one byte")]
    EmptyName,
    /// The name of the resource is too long.
    #[error("the name of the resource has {len} bytes, at most {max_name_len} are allowed (max_name_len)")]
    NameTooLong {
        /// The length of the name in bytes.
        len: usize,
        /// The bound in force.
        max_name_len: usize,
    },
    /// There is no resource to lock.
    #[error("the list of resources is empty: name at least one")]
    NoNames,
    /// There are too many resources.
    #[error("{count} resources are named, at most {MAX_NAMES} can be locked together")]
    TooManyNames {
        /// The number of names.
        count: usize,
    },
    /// A resource stands in the list twice.
    #[error("the resource {name} is named twice: name it once")]
    SameName {
        /// The name.
        name: Resource,
    },
    /// The TTL is zero or below the resolution of Redis.
    #[error("the TTL is {}, it must be at least {}", HumanDuration(*.ttl), HumanDuration(MIN_TTL))]
    TtlTooShort {
        /// The value that was given.
        ttl: Duration,
    },
    /// The TTL is above the bound.
    #[error("the TTL is {}, it must be at most {} (max_ttl)", HumanDuration(*.ttl), HumanDuration(*.max_ttl))]
    TtlTooLong {
        /// The value that was given.
        ttl: Duration,
        /// The bound in force.
        max_ttl: Duration,
    },
    /// Nothing would be left of the TTL.
    #[error(
        "the TTL is {}, it must be at least {}{}: the drift of clocks takes {} of it",
        HumanDuration(*.ttl), HumanDuration(*.least_ttl), validity_asked_for(*.min_validity), HumanDuration(*.drift)
    )]
    NoValidity {
        /// The value that was given.
        ttl: Duration,
        /// The time that the drift takes of it.
        drift: Duration,
        /// The least validity that was asked for.
        min_validity: Duration,
        /// The shortest TTL in whole milliseconds that leaves it.
        least_ttl: Duration,
    },
    /// A lock is to be kept alive by extensions that come too rarely or too often.
    #[error(
        "an extension every {} cannot keep a lock with a TTL of {} alive: take from 1 ms to half of the TTL",
        HumanDuration(*.interval), HumanDuration(*.ttl)
    )]
    KeepAliveInterval {
        /// The time from one extension to the next.
        interval: Duration,
        /// The TTL.
        ttl: Duration,
    },
    /// A lock is to be held for longer than any key may live.
    #[error(
        "the shortest hold is {}, it must be at most {} (max_ttl)",
        HumanDuration(*.min_hold), HumanDuration(*.max_ttl)
    )]
    MinHoldTooLong {
        /// The value that was given.
        min_hold: Duration,
        /// The bound in force.
        max_ttl: Duration,
    },
    /// A lock is to be kept alive for no time at all.
    #[error("the longest hold is 0, it must be above zero")]
    NoHold,
    /// A lock is to be kept alive for no longer than it is to be valid when it is handed over.
    #[error(
        "the longest hold is {}, it must be longer than the validity asked for, which is {}",
        HumanDuration(*.max_hold), HumanDuration(*.min_validity)
    )]
    HoldTooShort {
        /// The value that was given.
        max_hold: Duration,
        /// The least validity that was asked for.
        min_validity: Duration,
    },
    /// No attempt is allowed.
    #[error("the number of attempts is 0, it must be at least 1")]
    NoAttempts,
    /// The bounds of the retry delay contradict each other.
    #[error(
        "the retry delay runs from {} to {}, it must begin at {} or more and not decrease",
        HumanDuration(*.base), HumanDuration(*.max), HumanDuration(MIN_RETRY_DELAY)
    )]
    RetryDelay {
        /// The first cap.
        base: Duration,
        /// The highest cap.
        max: Duration,
    },
}

/// Says for what a TTL must be so long, if that is not all locks.
fn validity_asked_for(min_validity: Duration) -> String {
    if min_validity.is_zero() { String::new() } else { format!(" for a validity of {}", HumanDuration(min_validity)) }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::KeepAlive;

    fn config() -> Config {
        Config::builder(["a", "b", "c"]).max_name_len(8).build().unwrap()
    }

    fn refused(name: &str, ttl: Duration, options: Options) -> RequestError {
        Request::new(&config(), name, ttl, options).unwrap_err()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_rule_has_an_error_with_value_and_bound() {
        let options = Options::new();
        assert_eq!(refused("", SECOND, options), RequestError::EmptyName);
        assert_eq!(refused("123456789", SECOND, options), RequestError::NameTooLong { len: 9, max_name_len: 8 });
        for ttl in [Duration::ZERO, Duration::from_nanos(999_999)] {
            assert_eq!(refused("a", ttl, options), RequestError::TtlTooShort { ttl });
        }
        let (ttl, max_ttl) = (Duration::from_secs(365 * 86_400), Duration::from_secs(86_400));
        assert_eq!(refused("a", ttl, options), RequestError::TtlTooLong { ttl, max_ttl });
        assert_eq!(refused("a", SECOND, options.attempts(0)), RequestError::NoAttempts);
        let (base, max) = (Duration::from_millis(2), Duration::from_millis(1));
        let delay = RetryDelay::new(base, max);
        assert_eq!(refused("a", SECOND, options.retry_delay(delay)), RequestError::RetryDelay { base, max });
    }

    #[test]
    fn a_list_of_names_is_checked_as_a_whole() {
        let refused = |names: &[&str]| {
            let names = Resources::all(names.iter().copied());
            Request::new(&config(), names, SECOND, Options::new()).unwrap_err()
        };
        assert_eq!(refused(&[]), RequestError::NoNames);
        assert_eq!(refused(&["a", ""]), RequestError::EmptyName);
        assert_eq!(refused(&["a", "123456789"]), RequestError::NameTooLong { len: 9, max_name_len: 8 });
        assert_eq!(refused(&["b", "a", "b"]), RequestError::SameName { name: "b".into() });
        let numbered = |count: usize| Resources::all((0..count).map(|number| format!("{number}")));
        let count = MAX_NAMES + 1;
        let error = Request::new(&config(), numbered(count), SECOND, Options::new()).unwrap_err();
        assert_eq!(error, RequestError::TooManyNames { count });
        assert!(Request::new(&config(), numbered(MAX_NAMES), SECOND, Options::new()).is_ok());
    }

    #[test]
    fn a_ttl_that_drift_and_wishes_eat_up_is_refused() {
        let ttl = Duration::from_millis(2);
        let drift = Duration::from_micros(2_020);
        let (min_validity, least_ttl) = (Duration::ZERO, Duration::from_millis(3));
        let expected = RequestError::NoValidity { ttl, drift, min_validity, least_ttl };
        assert_eq!(refused("a", ttl, Options::new()), expected);
        assert_eq!(
            expected.to_string(),
            "the TTL is 2 ms, it must be at least 3 ms: the drift of clocks takes 2.02 ms of it"
        );
        let greedy = Options::new().min_validity(Duration::from_millis(988));
        let said = "the TTL is 1 s, it must be at least 1.001 s for a validity of 988 ms: the drift of clocks takes 12 ms of it";
        assert_eq!(refused("a", SECOND, greedy).to_string(), said);
        assert!(Request::new(&config(), "a", Duration::from_millis(1_001), greedy).is_ok());
        let modest = Options::new().min_validity(Duration::from_millis(987));
        assert!(Request::new(&config(), "a", SECOND, modest).is_ok());
    }

    /// Else it would be handed over with less than was asked for, because no validity goes beyond the longest hold.
    #[test]
    fn a_longest_hold_below_the_validity_asked_for_is_refused() {
        let hold = |millis| KeepAlive::up_to(Duration::from_millis(millis));
        let options = Options::new().min_validity(Duration::from_millis(500));
        let refused = refused("a", SECOND, options.keep_alive(hold(500))).to_string();
        assert_eq!(
            refused,
            "the longest hold is 500 ms, it must be longer than the validity asked for, which is 500 ms"
        );
        assert!(Request::new(&config(), "a", SECOND, options.keep_alive(hold(501))).is_ok());
        assert!(Request::new(&config(), "a", SECOND, options.keep_alive(KeepAlive::while_held())).is_ok());
    }

    #[test]
    fn a_ttl_is_told_in_whole_milliseconds_rounded_up() {
        for (micros, millis) in [(5_000, 5), (5_001, 6), (5_999, 6)] {
            let ttl = Ttl::new(&config(), Duration::from_micros(micros)).unwrap();
            assert_eq!(ttl.as_millis(), millis);
        }
    }

    #[test]
    fn a_name_is_shown_readably_whatever_its_bytes() {
        let request = Request::new(&config(), b"\xc3\xbc\x00\xff", SECOND, Options::new()).unwrap();
        assert_eq!(format!("{}", request.resources()), r"ü\u{0}\xff");
    }
}
