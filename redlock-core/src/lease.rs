use core::time::Duration;

use crate::{Config, Instant};

/// The time that every validity loses beside the share of the TTL: two milliseconds for the clocks' granularity, the
/// node's expiry being precise to a millisecond and the TTL being rounded up to one.
///
/// Source: *Distributed Locks with Redis*, "Is the Algorithm Asynchronous?" and the reference implementations.
pub const DRIFT_MARGIN: Duration = Duration::from_millis(2);

/// One part in a million, the unit in which a drift factor is kept.
const PPM: u64 = 1_000_000;
const NANOS_PER_MILLI: u128 = 1_000_000;

/// Returns by how much less than `ttl` a lock is valid: `ttl * factor + 2 ms`, rounded up to a nanosecond.
pub(crate) fn drift(ttl: Duration, drift_ppm: u32) -> Duration {
    let share = ttl.as_nanos().saturating_mul(u128::from(drift_ppm));
    // Up to hours it fits into half the width, which is much quicker to divide.
    let nanos = match u64::try_from(share) {
        Ok(share) => share.div_ceil(PPM),
        Err(_) => u64::try_from(share.div_ceil(u128::from(PPM))).unwrap_or(u64::MAX),
    };
    let share = Duration::from_nanos(nanos);
    share.saturating_add(DRIFT_MARGIN)
}

/// Returns the shortest TTL, in whole milliseconds, that leaves more than `validity` of it.
pub(crate) fn least_ttl(validity: Duration, drift_ppm: u32) -> Duration {
    let needed = validity.saturating_add(DRIFT_MARGIN).as_nanos().saturating_mul(PPM.into());
    let kept = u128::from(PPM.saturating_sub(drift_ppm.into())).saturating_mul(NANOS_PER_MILLI);
    let millis = needed.checked_div(kept).unwrap_or(u128::MAX).saturating_add(1);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Returns the moment until which a lock that was asked for at `started_at` is valid.
///
/// Source: *Distributed Locks with Redis*, "The Redlock Algorithm", step 4, with the clock started before the first
/// byte is sent. `None` when the drift leaves nothing of the TTL.
pub(crate) fn deadline(config: &Config, started_at: Instant, ttl: Duration) -> Option<Instant> {
    let validity = ttl.checked_sub(drift(ttl, config.drift_ppm()))?;
    Some(started_at.saturating_add(validity))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line of the table: TTL in microseconds, factor in parts per million, expected validity in microseconds.
    #[test]
    fn validity_follows_the_table() {
        let table = include_str!("../testdata/validity.txt");
        let mut rows = 0;
        for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut columns = line.split_whitespace();
            let mut next = || columns.next().unwrap();
            let ttl = Duration::from_micros(next().parse().unwrap());
            let drift = drift(ttl, next().parse().unwrap());
            let validity = ttl.checked_sub(drift).filter(|validity| !validity.is_zero());
            let expected = next();
            let expected = (expected != "none").then(|| Duration::from_micros(expected.parse().unwrap()));
            assert_eq!(validity, expected, "{line}");
            rows += 1;
        }
        assert!(rows >= 8, "the table was read: {rows} rows");
    }

    #[test]
    fn the_least_ttl_leaves_some_validity_and_a_millisecond_less_does_not() {
        let is_enough = |ttl: Duration, drift_ppm, validity| ttl.saturating_sub(drift(ttl, drift_ppm)) > validity;
        for drift_ppm in [0, 1, 10_000, 333_333, 999_999] {
            for micros in [0, 1, 999, 20_333, 987_000, 988_000, 3_600_000_000] {
                let validity = Duration::from_micros(micros);
                let least = least_ttl(validity, drift_ppm);
                assert!(is_enough(least, drift_ppm, validity), "{validity:?} at {drift_ppm}: {least:?}");
                let less = least.saturating_sub(Duration::from_millis(1));
                assert!(!is_enough(less, drift_ppm, validity), "{validity:?} at {drift_ppm}: {less:?}");
            }
        }
        assert_eq!(least_ttl(Duration::MAX, 1_000_000), Duration::from_millis(u64::MAX), "none is enough");
    }
}
