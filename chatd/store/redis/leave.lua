#!lua flags=allow-oom
-- A node goes down in order.  KEYS 1 nodes;  ARGV 1 lease  2 fence
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and string.match(held, '^%S+') == ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], 'left ' .. string.match(held, '^%S+ (.*)$'))
end
return 1
