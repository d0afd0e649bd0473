//! The scripts, each for one key or several.

/// A fixed Lua script and its SHA1.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) source: &'static str,
    pub(crate) digest: &'static str,
}

/// The scripts that every lock needs.
pub(crate) const COMMON: [Script; 2] = [EXTEND, RELEASE];

/// Takes several keys, all or none. Answers 1, or the place of a key that is another's and its TTL in milliseconds.
///
/// Keys that are ours already are those of a lock with some keys gone, which is healed: they are never shortened.
pub(super) const ACQUIRE: Script = Script {
    source: "\
for place = 1, #KEYS do
  local value = redis.call('GET', KEYS[place])
  if value and value ~= ARGV[1] then return place .. ' ' .. redis.call('PTTL', KEYS[place]) end
end
for place = 1, #KEYS do
  local is_new = redis.call('SET', KEYS[place], ARGV[1], 'NX', 'PX', ARGV[2])
  if not is_new and redis.call('PTTL', KEYS[place]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[place], ARGV[2])
  end
end
return 1",
    digest: "cf78a3e9b1e07671beaf31253e2a1013fddb0c10",
};

/// Answers 1 when all keys are ours, -1 when one is another's, 0 when some are not there.
///
/// The TTL is only ever lengthened: a short extension that fails, or that comes late, must leave the keys of a longer
/// lease alone. `PEXPIRE` and not `SET`, which a server that is out of memory refuses.
pub(super) const EXTEND: Script = Script {
    source: "\
local is_missing = false
for place = 1, #KEYS do
  local value = redis.call('GET', KEYS[place])
  if value and value ~= ARGV[1] then return -1 end
  is_missing = is_missing or not value
end
if is_missing then return 0 end
for place = 1, #KEYS do
  if redis.call('PTTL', KEYS[place]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[place], ARGV[2]) end
end
return 1",
    digest: "5f3993b2752ef213cecb3946a400d126436cd448",
};

/// Deletes the keys that are ours. Answers 1 when all were, -1 when one is another's, 0 when some are not there.
///
/// Each is announced on its channel, if that is asked for. It may fail (a user without the right to publish): the
/// release stands all the same. A key of another type is another's, and no reason to leave the keys behind it.
pub(super) const RELEASE: Script = Script {
    source: "\
local result = 1
for place = 1, #KEYS do
  local value = redis.pcall('GET', KEYS[place])
  if value == ARGV[1] then
    redis.call('DEL', KEYS[place])
    if ARGV[2] == '1' then redis.pcall('PUBLISH', 'redlock:released:' .. KEYS[place], '') end
  elseif type(value) == 'table' and not string.find(value['err'], 'WRONGTYPE', 1, true) then
    return value
  elseif value then
    result = -1
  elseif result == 1 then
    result = 0
  end
end
return result",
    digest: "4ac945020f635295584a361cef0fa8e66a46c04b",
};
