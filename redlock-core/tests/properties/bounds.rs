//! Whatever is asked for, the answer is a request within all bounds or an error that names the bound.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use redlock_core::{
    Config, DEFAULT_MAX_NAME_LEN, DEFAULT_MAX_TTL, Options, Request, RequestError, RetryDelay, strategy,
};

/// What may be asked for, as far as it has bounds.
#[derive(Clone, Debug)]
struct Wish {
    name: Vec<u8>,
    ttl: Duration,
    min_validity: Duration,
    attempts: u32,
    retry_delay: (Duration, Duration),
}

fn wish() -> impl Strategy<Value = Wish> {
    let name = prop_oneof![4 => vec(any::<u8>(), 0..4), 1 => vec(Just(b'x'), 500..530)];
    let millis = || (0..4_u64).prop_map(Duration::from_millis);
    let ttl = prop_oneof![
        (0..6_000_000_u64).prop_map(Duration::from_nanos),
        (86_399_000..86_401_000_u64).prop_map(Duration::from_millis),
        select(vec![Duration::ZERO, Duration::from_secs(365 * 86_400), Duration::MAX]),
    ];
    (name, ttl, millis(), 0..3_u32, (millis(), millis())).prop_map(
        |(name, ttl, min_validity, attempts, retry_delay)| Wish { name, ttl, min_validity, attempts, retry_delay },
    )
}

/// The rules in the order in which they are checked, as the documentation has them.
fn first_broken_rule(wish: &Wish) -> Option<RequestError> {
    let Wish { ttl, min_validity, retry_delay: (base, max), .. } = *wish;
    // Rounded up to the next nanosecond.
    let share = Duration::from_nanos(u64::try_from(ttl.as_nanos().div_ceil(100)).unwrap_or(u64::MAX));
    let drift = share.saturating_add(Duration::from_millis(2));
    let len = wish.name.len();
    let millisecond = Duration::from_millis(1);
    if len == 0 {
        Some(RequestError::EmptyName)
    } else if len > DEFAULT_MAX_NAME_LEN {
        Some(RequestError::NameTooLong { len, max_name_len: DEFAULT_MAX_NAME_LEN })
    } else if ttl < millisecond {
        Some(RequestError::TtlTooShort { ttl })
    } else if ttl > DEFAULT_MAX_TTL {
        Some(RequestError::TtlTooLong { ttl, max_ttl: DEFAULT_MAX_TTL })
    } else if ttl <= drift + min_validity {
        Some(RequestError::NoValidity { ttl, drift, min_validity, least_ttl: least_ttl(min_validity) })
    } else if wish.attempts == 0 {
        Some(RequestError::NoAttempts)
    } else if base < millisecond || max < base {
        Some(RequestError::RetryDelay { base, max })
    } else {
        None
    }
}

/// Finds the first millisecond from which on the drift leaves enough.
fn least_ttl(min_validity: Duration) -> Duration {
    let drift = |millis: u64| Duration::from_micros(millis * 10) + Duration::from_millis(2);
    let is_enough = |millis: u64| Duration::from_millis(millis) > drift(millis) + min_validity;
    let (mut too_short, mut enough) = (0, u64::MAX >> 10);
    while enough - too_short > 1 {
        let middle = too_short.midpoint(enough);
        if is_enough(middle) { enough = middle } else { too_short = middle }
    }
    Duration::from_millis(enough)
}

fn ask(config: &Config, wish: &Wish) -> Result<Request, RequestError> {
    let (base, max) = wish.retry_delay;
    let options = Options::new().min_validity(wish.min_validity).attempts(wish.attempts);
    Request::new(config, wish.name.clone(), wish.ttl, options.retry_delay(RetryDelay::new(base, max)))
}

proptest! {
    #![proptest_config(crate::cases(256))]

    #[test]
    fn a_request_out_of_bounds_is_refused_with_the_bound(wish in wish()) {
        let config = Config::builder(["one", "two", "three"]).build().unwrap();
        let expected = first_broken_rule(&wish);
        prop_assert_eq!(ask(&config, &wish).err(), expected);
    }

    #[test]
    fn what_the_strategies_draw_can_be_asked_for(
        (config, ttl, request) in strategy::config().prop_flat_map(|config| {
            let (ttl, request) = (strategy::ttl(&config), strategy::request(&config));
            (Just(config), ttl, request)
        })
    ) {
        let again = Request::new(&config, request.resources().as_slice()[0].as_bytes(), request.ttl().get(), Options::new()).unwrap();
        prop_assert_eq!(again.resources(), request.resources());
        prop_assert!(Request::new(&config, "job", ttl, Options::new()).is_ok());
    }
}
