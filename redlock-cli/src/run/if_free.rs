use std::time::Duration;

use redlock_tokio::{Acquire, AcquireError, LockGuard, LockState, Redlock};

/// How long those who come at the same moment try to agree who is first. A try takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest pause before the next try, so that they do not come at the same moment again.
const LONGEST_PAUSE_MILLIS: u64 = 100;

/// Takes the lock unless somebody else holds it.
///
/// A single attempt would not do: when several come at the same moment, as cron jobs do, each may be granted by some nodes and
/// none by a quorum. So who is refused looks whether there is a holder, and tries again if there is none.
pub(super) async fn acquire(
    redlock: &Redlock,
    name: &str,
    attempt: impl Fn() -> Acquire,
) -> Result<Option<LockGuard>, AcquireError> {
    let patience = tokio::time::sleep(PATIENCE);
    tokio::pin!(patience);
    loop {
        let contended = match attempt().attempts(1).await {
            Ok(guard) => return Ok(Some(guard)),
            Err(error @ AcquireError::Contended(_)) => error,
            Err(error) => return Err(error),
        };
        match redlock.status(name).await?.state() {
            LockState::Held { .. } => return Ok(None),
            // No program that takes locks leaves that, so it would block for ever and nobody would know.
            LockState::OtherType => return Err(contended),
            _ if patience.is_elapsed() => return Ok(None),
            _ => {}
        }
        let pause = Duration::from_millis(fastrand::u64(0..LONGEST_PAUSE_MILLIS));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = &mut patience => {}
        }
    }
}
