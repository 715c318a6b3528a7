#!lua
-- Compare and append: judge the units of one append by versions, number what is current, keep it,
-- and tell all nodes.  Knows no rule of the chat.
-- KEYS 1 meta  2 log  3 nodes  4 request keys  5 their order  6 first events  7 the node's own cells
--      8.. the rooms and tables that the units name
-- ARGV 1 lease  2 fence  3 sequence  4 time, 5 steady time (µs), or '' for the server's own
--      6 channel  7 batches kept in the log  8 request keys known at a time  9 for how long (µs)
--      10 the batch: {names, units, rooms to erase}; a name is 'p' (presence), 'd' (durable) or 'r'
--      (room) and what follows; a unit is {request key, {{name, key, version}}, {{name, key, value}},
--      {{name, event}}, {{name, id, event to stand in the place of that one}}}
-- Nothing is written before all is judged, and the server refuses the script as a whole where it
-- could not write: so a unit is kept whole or not at all.
local str, match = string.format, string.match
local held = redis.call('HGET', KEYS[3], ARGV[1])
if not held or match(held, '^%S+') ~= ARGV[2] then return redis.error_reply('FENCED') end
local t = redis.call('TIME')
local clock = t[1] * 1000000 + t[2]
local now, steady = tonumber(ARGV[4]) or clock, tonumber(ARGV[5]) or clock
local batch = cmsgpack.unpack(ARGV[10])
local names, units, erased = batch[1], batch[2], batch[3]
local meta = redis.call('HMGET', KEYS[1], 'last', 'tail')
local id = math.max(tonumber(meta[1]) + 1, now)
local first, base = id, 7
local oldest = steady - tonumber(ARGV[9])

local function stored(name, key)
  local cell = redis.call('HGET', KEYS[base + name], key)
  return cell, cell and tonumber(match(cell, '^%d+')) or 0
end

-- 1. judge
local verdicts, odd = {}, false      -- 0 current; an id: known already; -n: the nth expectation
local versions, keys = {}, {}        -- what earlier units of this append bring about
local befores, raws = {}, {}         -- cells as they were before this append
local todo = {}
for u, unit in ipairs(units) do
  local key, verdict = unit[1], 0
  if key ~= '' then
    local known = keys[key]
    if not known then
      local value = redis.call('HGET', KEYS[4], key)
      if value then
        local answer, at = match(value, '^(%d+) (%d+)$')
        if tonumber(at) > oldest then known = tonumber(answer) end
      end
    end
    verdict = known or 0
  end
  if verdict == 0 then
    for n, e in ipairs(unit[2]) do
      local cell = e[1] .. '/' .. e[2]
      local version = versions[cell]
      if not version then
        local _
        _, version = stored(e[1], e[2])
      end
      if version ~= e[3] then verdict = -n break end
    end
  end
  if verdict == 0 then
    local count = #unit[4]
    if key ~= '' then keys[key] = id end
    local last = id + math.max(1, count) - 1
    for n, c in ipairs(unit[3]) do
      local cell = c[1] .. '/' .. c[2]
      if not versions[cell] then
        local before = stored(c[1], c[2])
        if before then
          befores[#befores + 1] = {u, n, #before}
          raws[#raws + 1] = before
        end
      end
      versions[cell] = c[3] and last or 0
    end
    for _, e in ipairs(unit[4]) do
      if e[1] > 0 then redis.call('ZCARD', KEYS[base + e[1]]) end  -- fails if it is something else
    end
    for _, r in ipairs(unit[5]) do redis.call('ZCARD', KEYS[base + r[1]]) end
    todo[#todo + 1] = {unit, id, last}
    id = last + 1
  else
    odd = true
  end
  verdicts[u] = verdict
end
for _, room in ipairs(erased) do redis.call('ZCARD', KEYS[base + room]) end
if #todo == 0 and #erased == 0 then return {meta[2] or '0', verdicts} end
if #erased > 0 then id = id + 1 end

-- 2. take away what is to be kept nowhere any more
local kept, purged = 0, false

-- The position of the event with that id among the events of its batch with the same bytes; from 1.
local function nth(units, verdicts, first, id, event)
  local found, at = 0, first
  for u, unit in ipairs(units) do
    local current = (verdicts[u] or 0) == 0
    for n, e in ipairs(unit[4]) do
      if e[2] == event then found = found + 1 end
      if current and at + n - 1 == id then return found end
    end
    if current then at = at + math.max(1, #unit[4]) end
  end
  return 0
end

local function packed(event)
  return '\219' .. struct.pack('>I4', #event) .. event
end

-- In the log too: a node that catches up is not to meet it.
local function redact_log(id, event, instead)
  local told = redis.call('ZRANGEBYSCORE', KEYS[2], str('%.0f', id), '+inf', 'LIMIT', 0, 1)[1]
  if not told then return end
  local size = struct.unpack('>I4', told)
  local header = cmsgpack.unpack(string.sub(told, 5, 4 + size))
  local from = 5 + size
  for _, cell in ipairs(header[7]) do from = from + cell[3] end
  local units = cmsgpack.unpack(string.sub(told, from))[2]
  local begin, finish = nil, from - 1
  for _ = 1, nth(units, header[6], header[3], id, event) do
    begin, finish = string.find(told, packed(event), finish + 1, true)
    if not begin then return end
  end
  if not begin then return end
  redis.call('ZREM', KEYS[2], told)
  redis.call('ZADD', KEYS[2], str('%.0f', header[4]), string.sub(told, 1, begin - 1)
             .. packed(instead) .. string.sub(told, finish + 1))
end

for _, done in ipairs(todo) do
  for _, r in ipairs(done[1][5]) do
    local place, room = str('%.0f', r[2]), KEYS[base + r[1]]
    local old = redis.call('ZRANGEBYSCORE', room, place, place)[1]
    if old then
      redis.call('ZREM', room, old)
      redis.call('ZADD', room, place, place .. ' ' .. r[3])
      redact_log(r[2], string.sub(old, #place + 2), r[3])
      purged = true
    end
  end
end
for _, e in ipairs(erased) do
  local room = KEYS[base + e]
  local newest = redis.call('ZRANGE', room, -1, -1)[1]
  if newest then
    kept = kept - redis.call('ZCARD', room)
    redis.call('UNLINK', room)
    redis.call('ZREM', KEYS[6], string.sub(names[e], 2))
    -- A node that is not so far in the log reads everything anew.
    local upto = redis.call('ZRANGEBYSCORE', KEYS[2], match(newest, '^%d+'), '+inf', 'WITHSCORES',
                            'LIMIT', 0, 1)[2]
    if upto then
      redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', str('%.0f', tonumber(upto)))
    end
    purged = true
  end
end
if purged then redis.call('HSET', KEYS[1], 'purged', 1) end

-- 3. keep
local last = str('%.0f', id - 1)
local header = cmsgpack.pack({ARGV[1], tonumber(ARGV[3]), first, id - 1, tonumber(meta[2] or '0'),
                              odd and verdicts or {}, befores})
local told = struct.pack('>I4', #header) .. header .. table.concat(raws) .. ARGV[10]
redis.call('ZADD', KEYS[2], last, told)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - tonumber(ARGV[7]))
redis.call('HSET', KEYS[1], 'last', last, 'tail', last)
local marks = 0
local owns = string.sub(KEYS[7], 1, -1 - #ARGV[1])
for _, done in ipairs(todo) do
  local unit, at, version = done[1], done[2], str('%.0f', done[3])
  if unit[1] ~= '' then
    local answer = str('%.0f', at)
    redis.call('HSET', KEYS[4], unit[1], answer .. ' ' .. str('%.0f', steady))
    redis.call('ZADD', KEYS[5], answer, unit[1])
    marks = marks + 1
  end
  for _, c in ipairs(unit[3]) do
    local name, tbl = names[c[1]], KEYS[base + c[1]]
    local presence = string.sub(name, 1, 1) == 'p'
    local own = presence and string.sub(name, 2) .. '\0' .. c[2]
    local before = own and redis.call('HGET', tbl, c[2])
    local owner = before and match(before, '^%d+:([^:]*):') or own and ARGV[1] or ''
    if not c[3] then
      redis.call('HDEL', tbl, c[2])
      -- The node that made it may be another one.
      if own then redis.call('SREM', owns .. owner, own) end
    else
      if own and not before then redis.call('SADD', KEYS[7], own) end
      redis.call('HSET', tbl, c[2], version .. ':' .. owner .. ':' .. c[3])
    end
  end
  for n, e in ipairs(unit[4]) do
    if e[1] > 0 then
      local event = str('%.0f', at + n - 1)
      redis.call('ZADD', KEYS[base + e[1]], event, event .. ' ' .. e[2])
      redis.call('ZADD', KEYS[6], 'NX', event, string.sub(names[e[1]], 2))
      kept = kept + 1
    end
  end
end
if kept ~= 0 then redis.call('HINCRBY', KEYS[1], 'count', kept) end

-- 4. forget request keys that are too old or too many: as many as came, and some
if marks > 0 then
  local excess = redis.call('ZCARD', KEYS[5]) - tonumber(ARGV[8])
  for n, key in ipairs(redis.call('ZRANGE', KEYS[5], 0, math.max(excess, marks + 10) - 1)) do
    if n > excess then
      local value = redis.call('HGET', KEYS[4], key)
      if value and tonumber(match(value, ' (%d+)$')) > oldest then break end
    end
    redis.call('HDEL', KEYS[4], key)
    redis.call('ZREM', KEYS[5], key)
  end
end
redis.call('PUBLISH', ARGV[6], told)
return 1
