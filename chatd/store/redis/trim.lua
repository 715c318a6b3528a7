#!lua flags=allow-oom
-- Forget some of the oldest events.  KEYS 1 meta  2 first events  3 floors
-- ARGV 1 prefix of rooms' events  2 forget what is older than this id  3 how many to keep, or ''
--      4 how many at a time
-- Answers whether there is more to forget.
local before, most, budget = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local count = tonumber(redis.call('HGET', KEYS[1], 'count') or '0')
local excess = most and math.max(count - most, 0) or 0
local str = string.format
local gone = 0
while budget > 0 do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 1, 'WITHSCORES')
  local room, first = oldest[1], tonumber(oldest[2])
  if not room or (excess <= 0 and first >= before) then break end
  local events = ARGV[1] .. room
  local many = budget
  if first >= before then many = math.min(budget, excess) end
  -- No further than the oldest event of another room, if it goes by their number.
  local high = '+'
  if first >= before then high = oldest[4] and str('%.0f', tonumber(oldest[4]) - 1) or '+'
  else high = str('%.0f', before - 1) end
  local some = redis.call('XRANGE', events, '-', high, 'COUNT', math.max(many, 1))
  local ids = {}
  for n, entry in ipairs(some) do ids[n] = entry[1] end
  if #ids > 0 then
    redis.call('XDEL', events, unpack(ids))
    redis.call('HSET', KEYS[3], room, string.match(ids[#ids], '^%d+'))
  end
  local left = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
  if left then redis.call('ZADD', KEYS[2], string.match(left[1], '^%d+'), room)
  else redis.call('ZREM', KEYS[2], room) redis.call('DEL', events) end
  gone, excess, budget = gone + #ids, excess - #ids, budget - math.max(#ids, 1)
end
if gone > 0 then redis.call('HINCRBY', KEYS[1], 'count', -gone) end
return budget <= 0 and 1 or 0
