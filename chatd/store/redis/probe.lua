#!lua
-- Whether the server takes writes from this node: it refuses this script if not.
-- KEYS 1 meta  2 nodes;  ARGV 1 lease  2 fence
local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held or string.match(held, '^%S+') ~= ARGV[2] then return redis.error_reply('FENCED') end
redis.call('HSET', KEYS[1], 'probe', 1)
return 1
