use std::thread::sleep;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(1);

/// Asks every millisecond whether `condition` holds, at least once and for at most `limit`; returns whether it did.
///
/// It blocks the thread, so in an asynchronous test only the servers make progress meanwhile.
#[must_use = "the condition may not have come true"]
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if started.elapsed() >= limit {
            return false;
        }
        sleep(PAUSE);
    }
}
