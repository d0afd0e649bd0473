use redis::{Cmd, RedisError, ToSingleRedisArg};

use crate::fence::{
    Fence, REDIS_GET_IF_NOT_STALE, REDIS_SET_IF_NOT_STALE, StaleFence, redis_fence_key, redis_stale_fence,
};

/// Why a store did not do what a holder asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FencedStoreError {
    /// A larger fence has been here: the lock was lost, and the holder must not go on. The resource is the key.
    #[error(transparent)]
    Stale(StaleFence),
    /// The server failed or was not reached, or its answer was not understood. What was to be written may be written. The message
    /// is complete: it ends with what the client says, which is therefore not a `source()` once more.
    #[error("the store failed: {0}")]
    Server(RedisError),
}

/// A command of a holder to Redis or Valkey as a store that refuses late holders. The shells only send it.
#[expect(missing_debug_implementations, reason = "the value is the user's")]
pub struct FencedCommand<'a> {
    key: &'a [u8],
    fence: Fence,
    command: Cmd,
}

impl<'a> FencedCommand<'a> {
    /// Creates one that returns the value of a key.
    #[must_use]
    pub fn get(key: &'a [u8], fence: Fence) -> Self {
        Self { key, fence, command: script(REDIS_GET_IF_NOT_STALE, key, fence) }
    }

    /// Creates one that sets a key.
    #[must_use]
    pub fn set(key: &'a [u8], value: impl ToSingleRedisArg, fence: Fence) -> Self {
        let mut command = script(REDIS_SET_IF_NOT_STALE, key, fence);
        command.arg(value);
        Self { key, fence, command }
    }

    /// Returns what is to be sent.
    #[must_use]
    pub const fn command(&self) -> &Cmd {
        &self.command
    }

    /// Tells a refusal by the store from other errors.
    #[must_use]
    pub fn error(&self, error: RedisError) -> FencedStoreError {
        match seen_in(&error) {
            Some(seen) => FencedStoreError::Stale(StaleFence::new(self.key, self.fence, seen)),
            None => FencedStoreError::Server(error),
        }
    }
}

/// Returns the largest fence that was seen, if the error is a refusal of the scripts.
fn seen_in(error: &RedisError) -> Option<Fence> {
    redis_stale_fence(error.code()?, error.detail()?)
}

/// The script goes out in full: it is short, and no second round trip is needed where the server does not know it.
fn script(source: &str, key: &[u8], fence: Fence) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(source).arg(2).arg(key).arg(redis_fence_key(key)).arg(fence.get());
    command
}
