use core::time::Duration;

/// What the drift leaves of a TTL.
pub(super) fn validity(ttl: Duration) -> Duration {
    ttl.saturating_sub(drift(ttl))
}

/// One per cent, and two milliseconds.
pub(crate) fn drift(ttl: Duration) -> Duration {
    let share = u64::try_from(ttl.as_nanos().div_ceil(100)).unwrap_or(u64::MAX);
    Duration::from_nanos(share) + Duration::from_millis(2)
}
