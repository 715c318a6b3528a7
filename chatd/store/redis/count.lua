#!lua flags=no-writes
-- How many messages a room has.  KEYS 1 the room's events
-- ARGV 1 lowest id  2 highest id  3 how many at most
local low, high, most, found = ARGV[1], ARGV[2], tonumber(ARGV[3]), 0
while found < most do
  local some = redis.call('ZRANGEBYSCORE', KEYS[1], low, high, 'LIMIT', 0, 500)
  for _, entry in ipairs(some) do
    local kind = string.match(entry, '^%d+ {"type":"(%a+)"')
    if kind == 'message' or kind == 'action' then found = found + 1 end
    if found >= most then return found end
  end
  if #some < 500 then break end
  low = '(' .. string.match(some[#some], '^%d+')
end
return found
