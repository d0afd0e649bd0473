//! Redis or Valkey as a store that refuses the writes of late holders.

use redis::{ConnectionLike, FromRedisValue, ToSingleRedisArg};
use redlock_core::fence::Fence;
use redlock_core::shell::{FencedCommand, FencedStoreError};

/// Returns the value of a key, and has the store refuse all holders with a smaller fence from now on.
///
/// A holder reads with it before it writes: no earlier holder can then come between its reading and its writing. The largest
/// fence is kept at `redlock:seen:{key}`, which is in the slot of the key on a cluster; a key with a hash tag of its own is
/// not put in braces, and a cluster refuses a key with a `}` but no hash tag. Everything that writes the key must do it with
/// [`set_if_not_stale`].
///
/// ```no_run
/// use std::time::Duration;
/// use redlock_blocking::{Redlock, get_if_not_stale, redis, set_if_not_stale};
///
/// # fn book(redlock: Redlock) -> Result<(), Box<dyn std::error::Error>> {
/// let mut store = redis::Client::open("redis://10.0.0.9")?.get_connection()?;
///
/// let guard = redlock.acquire("account:7", Duration::from_secs(10)).fenced().lock()?;
/// let fence = guard.fence().expect("it is fenced");
/// let balance: Option<u64> = get_if_not_stale(&mut store, "account:7", fence)?;
/// set_if_not_stale(&mut store, "account:7", balance.unwrap_or(0) + 50, fence)?;
/// guard.release();
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`FencedStoreError::Stale`] when a larger fence has been here: the lock was lost. [`FencedStoreError::Server`] when the
/// server failed, was not reached, or the value is not a `V`.
pub fn get_if_not_stale<V: FromRedisValue>(
    connection: &mut impl ConnectionLike,
    key: impl AsRef<[u8]>,
    fence: Fence,
) -> Result<V, FencedStoreError> {
    let get = FencedCommand::get(key.as_ref(), fence);
    get.command().query(connection).map_err(|error| get.error(error))
}

/// Sets a key, unless the store has seen a larger fence for it.
///
/// Comparing and writing are one step of the server. A holder may write as often as it likes. It should read with
/// [`get_if_not_stale`], which also says where the fence is kept and what is asked of those who write.
///
/// Redis must not lose the last writes when it restarts or fails over, or it loses the fence with them: a late holder is then
/// let through until the next one comes.
///
/// # Errors
///
/// [`FencedStoreError::Stale`] when a larger fence has been here: the lock was lost, and nothing was changed.
/// [`FencedStoreError::Server`] when the server failed or was not reached. Then the key may have been set; to send the same
/// value with the same fence again does no harm.
pub fn set_if_not_stale(
    connection: &mut impl ConnectionLike,
    key: impl AsRef<[u8]>,
    value: impl ToSingleRedisArg,
    fence: Fence,
) -> Result<(), FencedStoreError> {
    let set = FencedCommand::set(key.as_ref(), value, fence);
    set.command().query(connection).map_err(|error| set.error(error))
}
