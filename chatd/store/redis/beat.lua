#!lua flags=allow-oom
-- A sign of life.  KEYS 1 meta  2 nodes  3 beats;  ARGV 1 lease  2 fence
-- Answers the id of the last batch, all nodes, all counters, and the time.
local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held or string.match(held, '^%S+') ~= ARGV[2] then return redis.error_reply('FENCED') end
redis.call('HINCRBY', KEYS[3], ARGV[1], 1)
return {redis.call('HGET', KEYS[1], 'tail') or '0', redis.call('HGETALL', KEYS[2]),
        redis.call('HGETALL', KEYS[3]), redis.call('TIME')}
