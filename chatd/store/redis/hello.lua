#!lua flags=allow-oom
-- A round begins: raise the node's fence, so that nothing of its earlier rounds is stored any more.
-- KEYS 1 meta  2 log  3 nodes  4 beats  5 forks
-- ARGV 1 prefix of all keys  2 lease  3 fence: 1 for a lease that begins  4 highest id that the node
--      has seen  5 the server's run id  6 an id for a new history  7 the id of the history that the
--      node knows, or ''  8 the node's name  9 the time (µs), or '' for the server's own
--      10 forks kept  11 1 if the node has just started, 0 if it goes on  12 the format of the data
--      that the node knows
-- Answers 'format' and the data's format if it is another one: then nothing is changed; 'gone' if the
-- lease is over, and 1 if another node has the same name; or 'ok', the
-- history's id, the highest id given, that of the last batch, and the forks: 'FIRST LAST', ids
-- between which an earlier process of the server may have given some that are not kept.
local str = string.format
local now = tonumber(ARGV[9])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
local lease, fence, seen = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local meta = redis.call('HMGET', KEYS[1], 'id', 'last', 'tail', 'run', 'format')
local id, last = meta[1], tonumber(meta[2] or '0')
local format = meta[5] or id and '1'   -- earlier nodes wrote version 1 without a mark
if format and format ~= ARGV[12] then return {'format', format} end

local function state_of(value)
  return string.match(value, '^%S+')
end

local function gone()
  local nodes = redis.call('HGETALL', KEYS[3])
  for i = 1, #nodes, 2 do
    local alive = tonumber(state_of(nodes[i + 1])) and nodes[i] ~= lease
    if alive and string.match(nodes[i + 1], '^%S+ (.*)$') == ARGV[8] then return {'gone', 1} end
  end
  return {'gone', 0}
end

-- Whether the server has lost the last batch that the node has seen.  Then it may have lost the
-- node's lease as well, and the node was not necessarily given up.
local function forgetful()
  if seen > last then return true end
  for _, range in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
    local from, to = string.match(range, '^(%d+) (%d+)$')
    if tonumber(from) <= seen and seen <= tonumber(to) then return true end
  end
  return false
end

if fence > 1 and id == ARGV[7] then
  local held = redis.call('HGET', KEYS[3], lease)
  local known = held and tonumber(state_of(held))
  if held and (not known or known >= fence) then return gone() end
  if not held and not forgetful() then return gone() end
end

local function fork(above)
  local range = str('%.0f %.0f', last + 1, above - 1)
  redis.call('ZADD', KEYS[5], str('%.0f', above), range)
  redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -1 - tonumber(ARGV[10]))
  last = above
end

if not id then
  -- A new history.  A node that has seen another one never gives an id twice all the same.
  id, last = ARGV[6], math.max(now, seen)
  redis.call('HSET', KEYS[1], 'id', id, 'floor', str('%.0f', last))
  redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
elseif meta[4] and meta[4] ~= ARGV[5] then
  -- Another process serves it, which may have missed the last writes of the one before: what that
  -- one acknowledged has ids within the last second, or a node has seen them.
  fork(math.max(last, now, seen) + 1000000)
elseif seen > last then
  fork(seen + 1)
end
redis.call('HSET', KEYS[1], 'last', str('%.0f', last), 'run', ARGV[5], 'format', ARGV[12])

local function forget(node)
  local prefix = ARGV[1]
  local own = prefix .. 'own:' .. node
  for _, cell in ipairs(redis.call('SMEMBERS', own)) do
    local at = string.find(cell, '\0', 1, true)
    local tbl, key = prefix .. 't:' .. string.sub(cell, 1, at - 1), string.sub(cell, at + 1)
    local value = redis.call('HGET', tbl, key)
    if value and string.match(value, '^%d+:([^:]*):') == node then redis.call('HDEL', tbl, key) end
  end
  redis.call('DEL', own)
  redis.call('HDEL', KEYS[3], node)
  redis.call('HDEL', KEYS[4], node)
end

if fence == 1 then
  local nodes, alone = redis.call('HGETALL', KEYS[3]), true
  for i = 1, #nodes, 2 do
    if tonumber(state_of(nodes[i + 1])) then
      if ARGV[11] == '1' and string.match(nodes[i + 1], '^%S+ (.*)$') == ARGV[8] then
        -- A node of the same name: this one is what has become of it after a restart.
        redis.call('HSET', KEYS[3], nodes[i], 'left ' .. ARGV[8])
      else
        alone = false
      end
    end
  end
  if alone then
    -- Nobody is connected anywhere.
    for i = 1, #nodes, 2 do forget(nodes[i]) end
  end
end
redis.call('HSET', KEYS[3], lease, str('%.0f', fence) .. ' ' .. ARGV[8])
return {'ok', id, str('%.0f', last), meta[3] or '0', redis.call('ZRANGE', KEYS[5], 0, -1)}
