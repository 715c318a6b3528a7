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
  local high = '+inf'
  if first < before then high = '(' .. str('%.0f', before)
  elseif oldest[4] then high = '(' .. str('%.0f', tonumber(oldest[4])) end
  local some = redis.call('ZRANGEBYSCORE', events, '-inf', high, 'LIMIT', 0, math.max(many, 1))
  if #some > 0 then
    redis.call('ZREMRANGEBYRANK', events, 0, #some - 1)
    redis.call('HSET', KEYS[3], room, string.match(some[#some], '^%d+'))
  end
  local left = redis.call('ZRANGE', events, 0, 0)[1]
  if left then redis.call('ZADD', KEYS[2], string.match(left, '^%d+'), room)
  else redis.call('ZREM', KEYS[2], room) end
  gone, excess, budget = gone + #some, excess - #some, budget - math.max(#some, 1)
end
if gone > 0 then redis.call('HINCRBY', KEYS[1], 'count', -gone) end
return budget <= 0 and 1 or 0
