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
