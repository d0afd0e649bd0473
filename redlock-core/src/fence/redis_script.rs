use alloc::vec::Vec;

use super::Fence;
use crate::slots::key_beside;

/// A script for Redis or Valkey as a store: sets a key unless a larger fence has been here.
///
/// `KEYS` are the key and the one at which its fence is kept; `ARGV` are the fence, in digits, and the value. It answers `OK`
/// when the key was set. When the fence is stale it answers an error, [`REDIS_STALE_FENCE`] and the largest fence that was
/// seen: then the lock was lost, and nothing was changed. An earlier TTL of the key is gone, as with `SET`.
///
/// On a cluster both keys must be in one slot. The key of the fence must live as long as the value does: give it no TTL, and
/// let the server evict nothing (`maxmemory-policy noeviction`).
///
/// With the feature `redis` of the adapters, `set_if_not_stale` sends it.
pub const REDIS_SET_IF_NOT_STALE: &str = "\
local seen = redis.call('GET', KEYS[2])
if seen and tonumber(seen) > tonumber(ARGV[1]) then return redis.error_reply('STALEFENCE ' .. seen) end
redis.call('SET', KEYS[2], ARGV[1])
return redis.call('SET', KEYS[1], ARGV[2])";

/// A script for Redis or Valkey as a store: returns the value of a key unless a larger fence has been here.
///
/// It also keeps the fence, so that no holder before can write any more: what was read stays true until the reader, or a later
/// holder, writes. `KEYS` and errors are those of [`REDIS_SET_IF_NOT_STALE`]; `ARGV` is the fence, in digits. It answers as
/// `GET` does.
///
/// With the feature `redis` of the adapters, `get_if_not_stale` sends it.
pub const REDIS_GET_IF_NOT_STALE: &str = "\
local seen = redis.call('GET', KEYS[2])
if seen and tonumber(seen) > tonumber(ARGV[1]) then return redis.error_reply('STALEFENCE ' .. seen) end
redis.call('SET', KEYS[2], ARGV[1])
return redis.call('GET', KEYS[1])";

/// The first word of the error by which the scripts refuse a fence; the second one is the largest fence that was seen.
pub const REDIS_STALE_FENCE: &str = "STALEFENCE";

/// Returns the key at which `set_if_not_stale` and `get_if_not_stale` keep the fence of a key of a Redis store:
/// `redlock:seen:{key}`, which is in the slot of the key on a cluster. A key with a hash tag of its own is not put in braces.
///
/// A key with a `}` and without a hash tag has no such companion on a cluster, which refuses the two of them.
///
/// ```
/// use redlock_core::fence::redis_fence_key;
///
/// assert_eq!(redis_fence_key(b"account:7"), b"redlock:seen:{account:7}");
/// assert_eq!(redis_fence_key(b"{account}:7"), b"redlock:seen:{account}:7");
/// ```
#[must_use]
pub fn redis_fence_key(key: &[u8]) -> Vec<u8> {
    key_beside(key, "seen")
}

/// Returns the largest fence that was seen, if the error of a server is a [refusal](REDIS_STALE_FENCE) by the scripts. `code` is
/// the first word of the error, and `detail` the rest of it.
///
/// ```
/// use redlock_core::fence::{Fence, redis_stale_fence};
///
/// assert_eq!(redis_stale_fence("STALEFENCE", "34"), Some(Fence::new(34)));
/// assert_eq!(redis_stale_fence("OOM", "command not allowed"), None);
/// ```
#[must_use]
pub fn redis_stale_fence(code: &str, detail: &str) -> Option<Fence> {
    let seen = detail.split_whitespace().next().filter(|_| code == REDIS_STALE_FENCE)?;
    seen.parse().ok().map(Fence::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_kept_in_the_slot_of_its_key() {
        for (key, expected) in [
            ("account", "redlock:seen:{account}"),
            ("{account}:7", "redlock:seen:{account}:7"),
            ("a{b", "redlock:seen:{a{b}"),
            ("{}account", "redlock:seen:{{}account}"),
        ] {
            assert_eq!(redis_fence_key(key.as_bytes()), expected.as_bytes(), "of {key}");
        }
    }
}
