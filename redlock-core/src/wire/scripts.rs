//! The scripts, each for one key or several.

/// A fixed Lua script and its SHA1.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) source: &'static str,
    pub(crate) digest: &'static str,
}

/// The scripts that every lock needs.
pub(crate) const COMMON: [Script; 2] = [EXTEND, RELEASE];

/// The part of a script that counts on for a `key`, by one or to the number in `fence`, which then has the number in digits.
///
/// A proposal counts for no more than a day from the node's present, so that a client from the future does no harm that
/// lasts. A number never goes through `tostring`, which would round it. Usually the proposal is larger than the counter: then
/// one `SET` tells that and keeps it. A server before Redis 6.2 has no `GET` in a `SET`, and is asked first.
macro_rules! count_on {
    () => {
        "\
  local counter, latest = 'redlock:fence:{' .. key .. '}', (redis.call('TIME')[1] + 86400) * 1000000
  if tonumber(fence) > latest then fence = string.format('%.0f', latest) end
  local before = redis.pcall('SET', counter, fence, 'PX', retention, 'GET')
  if type(before) == 'table' then
    before = redis.call('GET', counter)
    redis.call('SET', counter, fence, 'PX', retention)
  end
  if before and before + 1 > tonumber(fence) then
    fence = string.format('%.0f', before + 1)
    redis.call('SET', counter, fence, 'PX', retention)
  end
"
    };
}

/// The part of a script with the function that [counts on](count_on) for any key, and returns the number.
macro_rules! mint {
    () => {
        concat!("local function mint(key, retention, fence)\n", count_on!(), "  return fence\nend\n")
    };
}

/// The part of a script that lets the counter of a key not be below a fence.
macro_rules! raise {
    () => {
        "\
local function raise(key, retention, fence)
  local counter = 'redlock:fence:{' .. key .. '}'
  if tonumber(redis.call('GET', counter) or '0') < tonumber(fence) then
    redis.call('SET', counter, fence, 'PX', retention)
  end
end
"
    };
}

/// Takes several keys, all or none. Answers 1, or the fences that it has counted on to, or the place of a key that is
/// another's and its TTL in milliseconds.
///
/// Keys that are ours already are those of a lock with some keys gone, which is healed: they are never shortened. The usual
/// case of a fenced lock, a single key that is free, comes first: it takes fewer calls, and no function is made for it.
pub(super) const ACQUIRE: Script = Script {
    source: concat!(
        "\
local key, retention, fence = KEYS[1], ARGV[3], ARGV[4]
if #KEYS == 1 and fence and not ARGV[5] and redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2]) then
",
        count_on!(),
        "\
  return 'fence ' .. fence
end
",
        mint!(),
        raise!(),
        "\
for place = 1, #KEYS do
  local value = redis.call('GET', KEYS[place])
  if value and value ~= ARGV[1] then return place .. ' ' .. redis.call('PTTL', KEYS[place]) end
end
local fences = ''
for place = 1, #KEYS do
  local is_new = redis.call('SET', KEYS[place], ARGV[1], 'NX', 'PX', ARGV[2])
  if not is_new and redis.call('PTTL', KEYS[place]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[place], ARGV[2])
  end
  if ARGV[5] then
    raise(KEYS[place], retention, ARGV[4 + place])
  elseif fence then
    fences = fences .. ' ' .. mint(KEYS[place], retention, fence)
  end
end
if fences ~= '' then return 'fence' .. fences end
return 1"
    ),
    digest: "0f149da8531a0d15cfcb175257ef0b586a17ce73",
};

/// The part of a script that ends it unless all keys are ours: with -1 when one is another's, 0 when some are not there.
macro_rules! all_ours {
    () => {
        "\
local is_missing = false
for place = 1, #KEYS do
  local value = redis.call('GET', KEYS[place])
  if value and value ~= ARGV[1] then return -1 end
  is_missing = is_missing or not value
end
if is_missing then return 0 end
"
    };
}

/// Lets the counters of the keys not be below the fences, if all keys are ours. Answers as [`EXTEND`] does.
pub(super) const RAISE: Script = Script {
    source: concat!(
        raise!(),
        all_ours!(),
        "for place = 1, #KEYS do raise(KEYS[place], ARGV[2], ARGV[3 + place]) end
return 1"
    ),
    digest: "243b0bd66c32b0499f73317d725b93bd3df8bb4d",
};

/// Answers 1 when all keys are ours, -1 when one is another's, 0 when some are not there.
///
/// The TTL is only ever lengthened: a short extension that fails, or that comes late, must leave the keys of a longer
/// lease alone. `PEXPIRE` and not `SET`, which a server that is out of memory refuses.
pub(super) const EXTEND: Script = Script {
    source: concat!(
        all_ours!(),
        "\
for place = 1, #KEYS do
  if redis.call('PTTL', KEYS[place]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[place], ARGV[2]) end
end
return 1"
    ),
    digest: "5f3993b2752ef213cecb3946a400d126436cd448",
};

/// The part of a script that calls up the first one who waits for a key and is alive; it returns whether there is one.
///
/// Nobody else is given the key from the queue for as long as the grace lasts. Whoever hears nothing any more has no
/// subscriber, and is passed over. It ends at `me`, who is alive. Where the user may not touch the queue or publish, nobody
/// is called up: who waits finds out by asking.
macro_rules! call_up {
    () => {
        "\
local function call_up(key, grace, me)
  local queue = 'redlock:queue:{' .. key .. '}'
  while true do
    local first = redis.pcall('ZRANGE', queue, 0, 0)[1]
    if not first or first == me then return false end
    local heard = redis.pcall('PUBLISH', 'redlock:wake:' .. first, key)
    if type(heard) ~= 'number' or redis.pcall('ZREM', queue, first) ~= 1 then return false end
    if heard > 0 then
      redis.pcall('SET', 'redlock:called:{' .. key .. '}', first, 'PX', grace)
      return true
    end
  end
end
"
    };
}

/// Deletes the keys that are ours, or lets them live for a time from now on if one is given. Answers 1 when all were, -1 when
/// one is another's, 0 when some are not there; 2 when all were and somebody was called up.
///
/// For each key that is deleted somebody is called up, if a grace is given. A key of another type is another's, and no
/// reason to leave the keys behind it.
pub(super) const RELEASE: Script = Script {
    source: concat!(
        call_up!(),
        "\
local result = 1
local has_called = false
for place = 1, #KEYS do
  local value = redis.pcall('GET', KEYS[place])
  if value == ARGV[1] and ARGV[3] then
    redis.call('PEXPIRE', KEYS[place], ARGV[3])
  elseif value == ARGV[1] then
    redis.call('DEL', KEYS[place])
    if ARGV[2] ~= '0' and call_up(KEYS[place], ARGV[2]) then has_called = true end
  elseif type(value) == 'table' and not string.find(value['err'], 'WRONGTYPE', 1, true) then
    return value
  elseif value then
    result = -1
  elseif result == 1 then
    result = 0
  end
end
if result == 1 and has_called then return 2 end
return result"
    ),
    digest: "d49db8c762427613b81e709b3cfb3f6e220c1f2c",
};

/// Sets the key to the token if it is not there and it is the waiter's turn, and answers 1, or the fence that it has counted
/// on to. Else puts the waiter in the queue,
/// and answers for how long the key or the turn of another goes on, in milliseconds, and the place of the waiter.
///
/// Who has the turn is only a hint, for a time: whatever goes wrong with it, the key decides who holds the lock. The waiter's
/// place is 0 where there is no queue, because the user may not use it.
pub(super) const ACQUIRE_IN_TURN: Script = Script {
    source: concat!(
        call_up!(),
        mint!(),
        "\
local key, token, ttl, me, grace = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local queue, called = 'redlock:queue:{' .. key .. '}', 'redlock:called:{' .. key .. '}'
local left = redis.call('PTTL', key)
if left == -2 then
  local turn = redis.pcall('GET', called)
  local is_mine = type(turn) ~= 'string' and not call_up(key, grace, me) or turn == me
  if is_mine then
    redis.call('SET', key, token, 'NX', 'PX', ttl)
    redis.pcall('ZREM', queue, me)
    if turn == me then redis.pcall('DEL', called) end
    if ARGV[5] then return 'fence ' .. mint(key, ARGV[5], ARGV[6]) end
    return 1
  end
  left = redis.pcall('PTTL', called)
end
local time = redis.pcall('TIME')
if time[2] then
  redis.pcall('ZADD', queue, 'NX', time[1] .. string.format('%06d', time[2]), me)
  redis.pcall('PEXPIRE', queue, 60000)
end
local place = redis.pcall('ZRANK', queue, me)
return tostring(left) .. ' ' .. (type(place) == 'number' and place + 1 or 0)"
    ),
    digest: "a0d1ba044b4362af4eb3334b8d5a667091eac3e7",
};

/// Answers how a key stands, and changes nothing: its TTL in milliseconds (-2 without the key, -1 without an end), the number
/// of waiters in its queue (-1 where the user may not look), and a digest of its value (`-` for a key of another type, and
/// without a key).
///
/// The value itself stays on the node: it is what a lock is released with.
pub(super) const INSPECT: Script = Script {
    source: "\
local left = redis.call('PTTL', KEYS[1])
local waiting = redis.pcall('ZCARD', 'redlock:queue:{' .. KEYS[1] .. '}')
if type(waiting) ~= 'number' then waiting = -1 end
local value = redis.pcall('GET', KEYS[1])
local digest = '-'
if type(value) == 'string' then
  digest = string.sub(redis.sha1hex(value), 1, 16)
elseif type(value) == 'table' and not string.find(value['err'], 'WRONGTYPE', 1, true) then
  return value
end
return string.format('%.0f %d %s', left, waiting, digest)",
    digest: "b4e1fc0f8f2d41075e6db37c3b0d9dae4fd2a952",
};

/// Takes the waiter out of the queue. If it was called up, and the key is free, the next one is.
pub(super) const LEAVE: Script = Script {
    source: concat!(
        call_up!(),
        "\
local key, me, grace = KEYS[1], ARGV[1], ARGV[2]
local called = 'redlock:called:{' .. key .. '}'
redis.pcall('ZREM', 'redlock:queue:{' .. key .. '}', me)
if redis.pcall('GET', called) == me then
  redis.pcall('DEL', called)
  if redis.pcall('PTTL', key) == -2 then call_up(key, grace) end
end
return 1"
    ),
    digest: "f071b0edcc13f61c72eb8a856c31367ad168412e",
};
