//! The scripts, each for one key or several.

#[macro_use]
mod parts;

/// A fixed Lua script and its SHA1.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) source: &'static str,
    pub(crate) digest: &'static str,
}

/// The scripts that every lock needs.
pub(crate) const COMMON: [Script; 2] = [EXTEND, RELEASE];

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
    if not is_released then redis.call('DEL', KEYS[place]) end
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
    digest: "bdaa6e2be903009ea95084c6f06868021e6f9df8",
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
