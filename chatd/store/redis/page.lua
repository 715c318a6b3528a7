#!lua flags=no-writes
-- Events of a room.  KEYS 1 meta  2 the room's events  3 floors
-- ARGV 1 lowest id  2 highest id  3 how many, and one more  4 bytes  5 'up' or 'down'  6 room
-- Answers the floor, and ids and events: up to the first that makes too many or too much.
local low, high, most, size = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local up = ARGV[5] == 'up'
local floor = redis.call('HGET', KEYS[3], ARGV[6]) or redis.call('HGET', KEYS[1], 'floor') or '0'
local found, id = {floor}, nil
while most > 0 do
  local count = math.min(most, 100)
  local some
  if up then some = redis.call('ZRANGEBYSCORE', KEYS[2], low, high, 'LIMIT', 0, count)
  else some = redis.call('ZREVRANGEBYSCORE', KEYS[2], high, low, 'LIMIT', 0, count) end
  for _, entry in ipairs(some) do
    id = string.match(entry, '^%d+')
    local event = string.sub(entry, #id + 2)
    found[#found + 1] = id
    found[#found + 1] = event
    size = size - #event
    if size < 0 and #found > 3 then return found end
  end
  if #some < count then return found end
  most = most - count
  if up then low = '(' .. id else high = '(' .. id end
end
return found
