//! The clocks of a holder.

use crate::Instant;

/// Returns the present moment: the time since the machine was started, time asleep included (`CLOCK_BOOTTIME`).
///
/// `std::time::Instant` stands still while a Linux machine is suspended: a holder that trusted it would believe, after
/// waking up, in a lease that ended long ago.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[must_use]
pub fn now() -> Instant {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Instant::from_epoch(std::time::Duration::new(seconds, nanos))
}

/// Returns the present moment: the time since the first call. Whether it goes on while the machine is suspended is the system's
/// choice.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[must_use]
pub fn now() -> Instant {
    use std::sync::OnceLock;

    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    let epoch = EPOCH.get_or_init(std::time::Instant::now);
    Instant::from_epoch(epoch.elapsed())
}

/// Returns the time since 1970, as far as the machine knows; zero where its clock is before that.
#[must_use]
pub fn wall_clock() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}
