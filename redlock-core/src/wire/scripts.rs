//! The scripts, each for one key or several.

/// A fixed Lua script and its SHA1.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) source: &'static str,
    pub(crate) digest: &'static str,
}

/// The scripts that every lock needs.
pub(crate) const COMMON: [Script; 2] = [EXTEND, RELEASE];

/// The part of a script that tells where something is kept beside a key: in its slot of a cluster.
///
/// A name has a hash tag of its own if there is something between its first `{` and the next `}`. Its first `{` then is that
/// of the key beside it, too.
macro_rules! beside {
    () => {
        "\
local function beside(kind, key)
  if string.find(key, '{', 1, true) and string.match(key, '^[^{]*{[^}]+}') then return 'redlock:' .. kind .. ':' .. key end
  return 'redlock:' .. kind .. ':{' .. key .. '}'
end
"
    };
}

/// The part of a script that tells in a variable where something is kept beside `key`. Only where there may be a hash tag, it
/// makes a function for that.
macro_rules! one_beside {
    ($variable:literal, $kind:literal) => {
        concat!(
            "local ",
            $variable,
            " = 'redlock:",
            $kind,
            ":{' .. key .. '}'\nif string.find(key, '{', 1, true) then\n",
            beside!(),
            $variable,
            " = beside('",
            $kind,
            "', key)\nend\n"
        )
    };
}

/// The part of a script that keeps the label of the owner of the token beside a key, if one is given, for as long as the key.
///
/// A digest of the token stands in front of it: so nobody takes it for the label of another token that has the key. A label is
/// of no importance: where the user may not write it, or the server has no memory for it, the lock does without.
macro_rules! own {
    () => {
        "\
local owner, own
if ARGV[#ARGV - 1] == 'OWNER' then
  owner = string.sub(redis.sha1hex(ARGV[1]), 1, 16) .. table.remove(ARGV)
  table.remove(ARGV)
  own = function(key)
    local label, left = beside('owner', key), redis.call('PTTL', key)
    if redis.pcall('GET', label) == owner then
      redis.pcall('PEXPIRE', label, left)
    else
      redis.pcall('SET', label, owner, 'PX', left)
    end
  end
end
"
    };
}

/// The part of a script that tells the label of the owner of a key, with a blank before it; nothing if there is none.
macro_rules! owner_of {
    () => {
        "\
local function owner_of(key)
  local label = redis.pcall('GET', beside('owner', key))
  if type(label) ~= 'string' or #label < 17 then return '' end
  local value = redis.pcall('GET', key)
  if type(value) ~= 'string' then return '' end
  if string.sub(redis.sha1hex(value), 1, 16) ~= string.sub(label, 1, 16) then return '' end
  return ' ' .. string.sub(label, 17, 144)
end
"
    };
}

/// The part of a script that counts a `counter` on, by one or to the number in `fence`, which then has the number in digits.
///
/// A number goes through `tostring` nowhere, which would round it. In the usual case, where the proposal is larger than the
/// counter, one `SET` tells that and keeps it, and digits are compared as they are, because that is quicker than to read them.
/// A server before Redis 6.2 has no `GET` in a `SET`: it answers with an error, which has no digits, and is asked then.
///
/// A proposal counts for no more than a day from the node's present, so that a client from the future does no harm that
/// lasts. To ask for the time is a fifth of the cost, so it is done only when a proposal leaves the 1,000 seconds in which the
/// counter is (all but its last nine digits): whoever came into them was no further ahead than a day less 1,000 seconds. Where
/// the user may not ask for it, the counter stays as it was, and the script fails.
macro_rules! count_on {
    () => {
        "\
local before = redis.pcall('SET', counter, fence, 'PX', retention, 'GET')
if not before or #before ~= #fence or before >= fence or string.sub(before, 1, -10) ~= string.sub(fence, 1, -10) then
  if type(before) == 'table' then
    before = redis.call('GET', counter)
    redis.call('SET', counter, fence, 'PX', retention)
  end
  local time = redis.pcall('TIME')
  if time['err'] then
    redis.call('DEL', counter)
    if before then redis.call('SET', counter, before, 'PX', retention) end
    redis.call('TIME')
  end
  local latest = (time[1] + 86400 - 1000) * 1000000
  local number = string.format('%.0f', math.max((before or 0) + 1, math.min(fence, latest)))
  if number ~= fence then redis.call('SET', counter, number, 'PX', retention) end
  fence = number
end
"
    };
}

/// The part of a script with the function that [counts on](count_on) for any key, and returns the number.
macro_rules! mint {
    () => {
        concat!(
            "local function mint(key, retention, fence)\nlocal counter = beside('fence', key)\n",
            count_on!(),
            "return fence\nend\n"
        )
    };
}

/// The part of a script that lets the counter of a key not be below a fence.
macro_rules! raise {
    () => {
        "\
local function raise(key, retention, fence)
  local counter = beside('fence', key)
  if tonumber(redis.call('GET', counter) or '0') < tonumber(fence) then
    redis.call('SET', counter, fence, 'PX', retention)
  end
end
"
    };
}

/// Takes several keys, all or none. Answers 1, or the fences that it has counted on to with commas between them, or the place
/// of a key that is another's, its TTL in milliseconds and the label of its owner with blanks between them.
///
/// Keys that are ours already are those of a lock with some keys gone, which is healed: they are never shortened.
pub(super) const ACQUIRE: Script = Script {
    source: concat!(
        beside!(),
        own!(),
        mint!(),
        raise!(),
        owner_of!(),
        "\
for place = 1, #KEYS do
  local value = redis.call('GET', KEYS[place])
  if value and value ~= ARGV[1] then
    return place .. ' ' .. redis.call('PTTL', KEYS[place]) .. owner_of(KEYS[place])
  end
end
local retention, fence, fences = ARGV[3], ARGV[4], {}
for place = 1, #KEYS do
  local is_new = redis.call('SET', KEYS[place], ARGV[1], 'NX', 'PX', ARGV[2])
  if not is_new and redis.call('PTTL', KEYS[place]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[place], ARGV[2])
  end
  if own then own(KEYS[place]) end
  if ARGV[5] then
    raise(KEYS[place], retention, ARGV[4 + place])
  elseif fence then
    fences[place] = mint(KEYS[place], retention, fence)
  end
end
if fences[1] then return table.concat(fences, ',') end
return 1"
    ),
    digest: "87bbf08a677c3b4eb96b4590630c53d75d889909",
};

/// Takes a single key and counts on for it. Answers as [`ACQUIRE`] does, which could do the same.
///
/// It is what nearly every fenced lock begins with, so it makes no function before it needs one, and asks nothing that its
/// caller knows. That saves a tenth of its time.
pub(super) const ACQUIRE_FENCED: Script = Script {
    source: concat!(
        "\
local key, token, ttl, retention, fence = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not redis.call('SET', key, token, 'NX', 'PX', ttl) then
",
        beside!(),
        owner_of!(),
        "\
  if redis.call('GET', key) ~= token then return '1 ' .. redis.call('PTTL', key) .. owner_of(key) end
  if redis.call('PTTL', key) < tonumber(ttl) then redis.call('PEXPIRE', key, ttl) end
end
",
        one_beside!("counter", "fence"),
        count_on!(),
        "return fence"
    ),
    digest: "55a3220685cde932e15bcb665de15a2d43e84f75",
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
        beside!(),
        raise!(),
        all_ours!(),
        "for place = 1, #KEYS do raise(KEYS[place], ARGV[2], ARGV[3 + place]) end
return 1"
    ),
    digest: "166ffbdb94e0509b7f8df437f001b0978ced1230",
};

/// Answers 1 when all keys are ours, -1 when one is another's, 0 when some are not there.
///
/// The TTL is only ever lengthened: a short extension that fails, or that comes late, must leave the keys of a longer
/// lease alone. `PEXPIRE` and not `SET`, which a server that is out of memory refuses.
pub(super) const EXTEND: Script = Script {
    source: concat!(
        beside!(),
        own!(),
        all_ours!(),
        "\
for place = 1, #KEYS do
  if redis.call('PTTL', KEYS[place]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[place], ARGV[2]) end
  if own then own(KEYS[place]) end
end
return 1"
    ),
    digest: "b3a8a22371b536fae0b9bfec8f8d70065390e8c5",
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
  local queue = beside('queue', key)
  while true do
    local first = redis.pcall('ZRANGE', queue, 0, 0)[1]
    if not first or first == me then return false end
    local heard = redis.pcall('PUBLISH', 'redlock:wake:' .. first, key)
    if type(heard) ~= 'number' or redis.pcall('ZREM', queue, first) ~= 1 then return false end
    if heard > 0 then
      redis.pcall('SET', beside('called', key), first, 'PX', grace)
      return true
    end
  end
end
"
    };
}

/// Deletes the keys that are ours, or lets them live for a time from now on if a third argument is given. Answers 1 when all
/// were, -1 when one is another's, 0 when some are not there; 2 when all were and somebody was called up.
///
/// For each key that is deleted somebody is called up, if a grace is given. A key of another type is another's, and no
/// reason to leave the keys behind it. The label of the token goes with the key, also where that is gone already.
///
/// What nodes are told in most cases comes first: one key, for which nobody waits. It makes no function, and a node that calls
/// nobody up is told no grace, which saves a twenty-fifth of the servers' work for a lock. As much again is saved because nobody
/// looks at the queue: who waits leaves a mark, `awaited`, and the command that deletes the key tells whether it was there. A
/// mark without a queue costs one look; where the queue goes on, the mark is set again.
pub(super) const RELEASE: Script = Script {
    source: concat!(
        "\
local key, is_released = KEYS[1], false
if not KEYS[2] and not ARGV[3] and redis.pcall('GET', key) == ARGV[1] then
  if not ARGV[2] then return redis.call('DEL', key) end
",
        one_beside!("awaited", "awaited"),
        "\
  local deleted = redis.pcall('DEL', key, awaited)
  if deleted == 1 then return 1 end
  is_released = deleted == 2
end
",
        beside!(),
        own!(),
        call_up!(),
        "\
local result = 1
local has_called = false
for place = 1, #KEYS do
  local value = redis.pcall('GET', KEYS[place])
  if value == ARGV[1] and ARGV[3] then
    redis.call('PEXPIRE', KEYS[place], ARGV[3])
    if own then own(KEYS[place]) end
  elseif value == ARGV[1] or is_released then
    redis.call('DEL', KEYS[place])
    if ARGV[2] and call_up(KEYS[place], ARGV[2]) then
      has_called = true
      redis.pcall('SET', beside('awaited', KEYS[place]), '', 'PX', 60000)
    end
  elseif type(value) == 'table' and not string.find(value['err'], 'WRONGTYPE', 1, true) then
    return value
  elseif value then
    result = -1
  elseif result == 1 then
    result = 0
  end
  if owner and not ARGV[3] then
    local label = beside('owner', KEYS[place])
    local known = redis.pcall('GET', label)
    if type(known) == 'string' and string.sub(known, 1, 16) == string.sub(owner, 1, 16) then redis.pcall('DEL', label) end
  end
end
if result == 1 and has_called then return 2 end
return result"
    ),
    digest: "49ceb527917415d099029c66445adf42f18baf99",
};

/// Sets the keys to the token if none is there and it is the waiter's turn, and answers 1, or the fences that it has counted
/// on to. Else puts the waiter in the queue,
/// and answers for how long the key or the turn of another goes on, in milliseconds, the place of the waiter, and the label of
/// the owner.
///
/// Of several keys one is waited for. If only others are in the way, the waiter leaves the queue, and the answer is `busy`, and
/// then what [`ACQUIRE`] says of such a key. If that one is behind the one that is waited for, the waiter keeps its turn for the
/// time that it has named, and the grace in which it can give it back; otherwise the next one is called up.
///
/// Who has the turn is only a hint, for a time: whatever goes wrong with it, the key decides who holds the lock. The waiter's
/// place is 0 where there is no queue, because the user may not use it.
pub(super) const ACQUIRE_IN_TURN: Script = Script {
    source: concat!(
        beside!(),
        own!(),
        owner_of!(),
        call_up!(),
        mint!(),
        "\
local key, token, ttl, me, grace = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local at, keeps
if #KEYS > 1 then
  at = tonumber(table.remove(ARGV, 5))
  keeps = table.remove(ARGV, 5)
  key = KEYS[at]
end
local queue, called = beside('queue', key), beside('called', key)
local left = redis.call('PTTL', key)
if left == -2 then
  local turn = redis.pcall('GET', called)
  local is_mine = type(turn) ~= 'string' and not call_up(key, grace, me) or turn == me
  if is_mine then
    local busy, fences
    if #KEYS == 1 then
      redis.call('SET', key, token, 'NX', 'PX', ttl)
      if own then own(key) end
    else
      for place = 1, #KEYS do
        local other = KEYS[place]
        if other ~= key and not busy then
          local left, called, is_free = redis.call('PTTL', other), beside('called', other), false
          if left == -2 then
            local turn = redis.pcall('GET', called)
            is_free = turn == me or type(turn) ~= 'string' and not call_up(other, grace, me)
            if not is_free then left = redis.pcall('PTTL', called) end
          end
          if not is_free then
            busy = 'busy ' .. place .. ' ' .. tostring(left) .. owner_of(other)
            if place < at then keeps = '0' end
          end
        end
      end
      fences = {}
      for place = 1, busy and 0 or #KEYS do
        redis.call('SET', KEYS[place], token, 'NX', 'PX', ttl)
        if own then own(KEYS[place]) end
        if ARGV[5] then fences[place] = mint(KEYS[place], ARGV[5], ARGV[6]) end
      end
    end
    redis.pcall('ZREM', queue, me)
    if turn == me then redis.pcall('DEL', called) end
    if busy then
      if keeps ~= '0' then redis.pcall('SET', called, me, 'PX', keeps + grace) else call_up(key, grace) end
      return busy
    end
    if ARGV[5] then return fences and table.concat(fences, ',') or mint(key, ARGV[5], ARGV[6]) end
    return 1
  end
  left = redis.pcall('PTTL', called)
end
local time = redis.pcall('TIME')
if time[2] then
  redis.pcall('ZADD', queue, 'NX', time[1] .. string.format('%06d', time[2]), me)
  redis.pcall('PEXPIRE', queue, 60000)
  redis.pcall('SET', beside('awaited', key), '', 'PX', 60000)
end
local place = redis.pcall('ZRANK', queue, me)
return tostring(left) .. ' ' .. (type(place) == 'number' and place + 1 or 0) .. owner_of(key)"
    ),
    digest: "34cc920bc6e542b2fd7c11256cee96cd97c5b076",
};

/// Answers how a key stands, and changes nothing: its TTL in milliseconds (-2 without the key, -1 without an end), the number
/// of waiters in its queue (-1 where the user may not look), a digest of its value (`-` for a key of another type, and
/// without a key), and the label of its owner.
///
/// The value itself stays on the node: it is what a lock is released with.
pub(super) const INSPECT: Script = Script {
    source: concat!(
        beside!(),
        owner_of!(),
        "\
local left = redis.call('PTTL', KEYS[1])
local waiting = redis.pcall('ZCARD', beside('queue', KEYS[1]))
if type(waiting) ~= 'number' then waiting = -1 end
local value = redis.pcall('GET', KEYS[1])
local digest = '-'
if type(value) == 'string' then
  digest = string.sub(redis.sha1hex(value), 1, 16)
elseif type(value) == 'table' and not string.find(value['err'], 'WRONGTYPE', 1, true) then
  return value
end
return string.format('%.0f %d %s', left, waiting, digest) .. owner_of(KEYS[1])"
    ),
    digest: "7a9e6e4e82d252ccf6dd6800852b9381fb0b28fd",
};

/// Takes the waiter out of the queue. If it was called up, and the key is free, the next one is.
pub(super) const LEAVE: Script = Script {
    source: concat!(
        beside!(),
        call_up!(),
        "\
local key, me, grace = KEYS[1], ARGV[1], ARGV[2]
local called = beside('called', key)
redis.pcall('ZREM', beside('queue', key), me)
if redis.pcall('GET', called) == me then
  redis.pcall('DEL', called)
  if redis.pcall('PTTL', key) == -2 then call_up(key, grace) end
end
return 1"
    ),
    digest: "769940ad5f505a9749623a2e5040c7fe89d8bf4c",
};
