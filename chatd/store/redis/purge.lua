#!lua flags=allow-oom
-- Whether anything was redacted or erased, so that the node that asks is to have Redis rewrite its
-- log of writes; the next one only after some time.
-- KEYS 1 meta;  ARGV 1 time (µs)  2 time (µs) between two rewritings
local meta = redis.call('HMGET', KEYS[1], 'purged', 'rewritten')
local now, before = tonumber(ARGV[1]), tonumber(meta[2] or '0')
if not meta[1] or now - before < tonumber(ARGV[2]) then return 0 end
redis.call('HDEL', KEYS[1], 'purged')
redis.call('HSET', KEYS[1], 'rewritten', ARGV[1])
return 1
