#!lua flags=no-writes
-- Events of a room.  KEYS 1 meta  2 the room's events  3 floors
-- ARGV 1 lowest id  2 highest id  3 how many, and one more  4 bytes  5 'up' or 'down'  6 room
-- Answers the floor, and ids and events: up to the first that makes too many or too much.
local low, high, most, size = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local up = ARGV[5] == 'up'
local floor = redis.call('HGET', KEYS[3], ARGV[6]) or redis.call('HGET', KEYS[1], 'floor') or '0'
local found = {floor}
while most > 0 do
  local count = math.min(most, 100)
  local some
  if up then some = redis.call('XRANGE', KEYS[2], low, high, 'COUNT', count)
  else some = redis.call('XREVRANGE', KEYS[2], high, low, 'COUNT', count) end
  for _, entry in ipairs(some) do
    found[#found + 1] = entry[1]
    found[#found + 1] = entry[2][2]
    size = size - #entry[2][2]
    if size < 0 and #found > 3 then return found end
  end
  if #some < count then return found end
  most = most - count
  if up then low = '(' .. some[#some][1] else high = '(' .. some[#some][1] end
end
return found
