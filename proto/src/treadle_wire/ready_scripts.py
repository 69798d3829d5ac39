"""What happens to the ready queue inside Redis: each script is one atomic step.

Every queue has one sorted set. `boundary` (hash: queue → place) names the lowest place, a (rank, id), that may be in
PostgreSQL only; a queue without one is in Redis as a whole. Its field `epoch` tells whether Redis still is what it was:
who loses the boundaries loses the epoch with them. `filling` (hash: queue → token of the top-up under way, and the
lowest place evicted since it began) opens a queue for ids beyond its boundary. `cap` is the most ids per queue.

Lists come as flat arguments with their length before them.
"""

_SHARED = """
local dropped = {}

local function drop_unless(kind, key)
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then
    redis.call('DEL', key)
    dropped[#dropped + 1] = key
  end
end

drop_unless('hash', KEYS[1])
drop_unless('hash', KEYS[2])
drop_unless('string', KEYS[3])
local boundary_of, filling_of = KEYS[1], KEYS[2]
local cap = math.max(1, tonumber(redis.call('GET', KEYS[3]) or '') or 1000)

local argument = 0
local function take()
  argument = argument + 1
  return ARGV[argument]
end

local function place(text)
  local rank, id = string.match(text or '', '^(%S+) (.*)$')
  return tonumber(rank) and { rank = tonumber(rank), id = id, text = text }
end

local function is_below(rank, id, limit)
  if rank ~= limit.rank then return rank < limit.rank end
  -- By bytes, as sorted sets do: Lua's own < obeys the locale.
  for i = 1, math.min(#id, #limit.id) do
    local mine, other = string.byte(id, i), string.byte(limit.id, i)
    if mine ~= other then return mine < other end
  end
  return #id < #limit.id
end

local function lower(a, b)
  if a and b then return is_below(a.rank, a.id, b) and a or b end
  return a or b
end

local function filling(queue)
  local token, evicted = string.match(redis.call('HGET', filling_of, queue) or '', '^(%S+) ?(.*)$')
  return token, place(evicted)
end

-- The place from which on the queue refuses ids: they wait in PostgreSQL.
local function refused_from(queue)
  return not filling(queue) and place(redis.call('HGET', boundary_of, queue))
end

local function trim(key, queue)
  local first = redis.call('ZRANGE', key, cap, cap, 'WITHSCORES')
  if not first[1] then return end
  local evicted = place(first[2] .. ' ' .. first[1])
  redis.call('HSET', boundary_of, queue,
    lower(place(redis.call('HGET', boundary_of, queue)), evicted).text)
  local token, before = filling(queue)
  if token then
    redis.call('HSET', filling_of, queue, token .. ' ' .. lower(before, evicted).text)
  end
  redis.call('ZREMRANGEBYRANK', key, cap, -1)
end

-- A set that nobody visits any more has no live jobs: what it holds is stale.
local function expire_later(key) redis.call('EXPIRE', key, 3600) end
"""

ADD = (
    _SHARED
    + """
for i = 4, #KEYS do
  local key, queue, limit = KEYS[i], take(), nil
  drop_unless('zset', key)
  limit = refused_from(queue)
  local taken = {}
  for rank, id in string.gmatch(take(), '(%S+) (%S+)') do
    if not limit or is_below(tonumber(rank), id, limit) then
      taken[#taken + 1], taken[#taken + 2] = rank, id
    end
  end
  for first = 1, #taken, 1000 do
    redis.call('ZADD', key, unpack(taken, first, math.min(first + 999, #taken)))
  end
  trim(key, queue)
  expire_later(key)
end
return dropped
"""
)

ADVANCE_EPOCH = (
    _SHARED
    + """
if redis.call('HGET', boundary_of, 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', boundary_of, 'epoch', ARGV[2])
return 1
"""
)

# KEYS from the fourth on: per queue its set and its missing ids.
DISTRUST = (
    _SHARED
    + """
local lowest = take()
for i = 4, #KEYS, 2 do
  local queue = take()
  redis.call('HSET', boundary_of, queue, lowest)
  redis.call('HDEL', filling_of, queue)
  redis.call('UNLINK', KEYS[i], KEYS[i + 1])
end
return dropped
"""
)

LOOK = (
    _SHARED
    + """
local function end_of(key, index)
  local member = redis.call('ZRANGE', key, index, index, 'WITHSCORES')
  return member[1] and member[2] .. ' ' .. member[1] or ''
end

cap = tonumber(ARGV[1])
redis.call('SET', KEYS[3], take())
local states = {}
for i = 4, #KEYS do
  local key, queue = KEYS[i], take()
  drop_unless('zset', key)
  trim(key, queue)
  expire_later(key)
  states[#states + 1] = {
    redis.call('ZCARD', key), end_of(key, 0), end_of(key, -1),
    redis.call('HGET', boundary_of, queue) or '', filling(queue) and 1 or 0,
  }
end
return { dropped, states }
"""
)

OPEN = (
    _SHARED
    + """
local token = take()
for i = 2, #ARGV do redis.call('HSET', filling_of, take(), token) end
return dropped
"""
)

FILL = (
    _SHARED
    + """
-- What lies at or above the boundary leaves the set: nothing may overtake what waits in PostgreSQL.
local function cut(key, boundary)
  redis.call('ZADD', key, boundary.rank, boundary.id)
  redis.call('ZREMRANGEBYRANK', key, redis.call('ZRANK', key, boundary.id), -1)
end

local token, added = take(), 0
for i = 4, #KEYS do
  local key, queue, rest = KEYS[i], take(), place(take())
  local jobs = tonumber(take())
  local opened_by, evicted = filling(queue)
  -- Else another replica went on with this queue meanwhile.
  local ours = opened_by == token
  for _ = 1, jobs do
    local rank, id = take(), take()
    if ours then added = added + redis.call('ZADD', key, rank, id) end
  end
  if ours then
    local boundary = lower(rest, evicted)
    if boundary then
      redis.call('HSET', boundary_of, queue, boundary.text)
      cut(key, boundary)
    else
      redis.call('HDEL', boundary_of, queue)
    end
    redis.call('HDEL', filling_of, queue)
    trim(key, queue)
  end
end
return added
"""
)

# KEYS from the fourth on: per queue its set and its missing ids.
RESTORE = (
    _SHARED
    + """
local now, patience, added = tonumber(take()), tonumber(take()), {}

local function sighting(missing, id, version)
  local seen_version, since = string.match(redis.call('HGET', missing, id) or '', '^(%S+) (%S+)$')
  local age = seen_version == version and now - tonumber(since)
  if age and age >= 0 then return age, since end
  return 0, string.format('%.0f', now)
end

for i = 4, #KEYS, 2 do
  local key, missing, queue = KEYS[i], KEYS[i + 1], take()
  drop_unless('zset', key)
  drop_unless('hash', missing)
  local limit, waiting, restored = refused_from(queue), {}, 0
  for _ = 1, tonumber(take()) do
    local rank, id, version = take(), take(), take()
    local refused = limit and not is_below(tonumber(rank), id, limit)
    if not refused and not redis.call('ZSCORE', key, id) then
      local age, since = sighting(missing, id, version)
      if age >= patience then
        restored = restored + redis.call('ZADD', key, rank, id)
      else
        waiting[#waiting + 1] = { id, version .. ' ' .. since }
      end
    end
  end
  redis.call('DEL', missing)
  for _, sighted in ipairs(waiting) do redis.call('HSET', missing, sighted[1], sighted[2]) end
  redis.call('EXPIRE', missing, 60)
  if restored > 0 then trim(key, queue) end
  added[#added + 1] = restored
end
return added
"""
)
