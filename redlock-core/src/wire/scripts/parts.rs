//! What several scripts are made of.

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
