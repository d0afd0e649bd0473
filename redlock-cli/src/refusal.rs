use redlock_tokio::{AcquireError, LockState, Redlock};

use crate::failure::Failure;

/// Says why a lock was not acquired. A key that is no lock counts as held by somebody else, who never releases it: so that is
/// looked for.
pub(crate) async fn explain(redlock: &Redlock, name: &str, error: AcquireError) -> Failure {
    if matches!(error, AcquireError::Contended(_))
        && let Ok(status) = redlock.status(name).await
        && status.state() == LockState::OtherType
    {
        let why = format!("it is {status}, which is no lock: remove the key, or take another name");
        return Failure::NotAcquired { name: name.into(), why };
    }
    Failure::acquire(name, error)
}
