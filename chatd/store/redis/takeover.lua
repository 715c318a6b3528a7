#!lua flags=allow-oom
-- Cells that a node made, which is gone, are this node's from now on: their values go on.
-- KEYS 1 nodes  2 the cells that this node made;  ARGV 1 lease  2 fence  3 lease of the node that is
--      gone  4 prefix of tables, and then tables and keys by turns
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held or string.match(held, '^%S+') ~= ARGV[2] then return redis.error_reply('FENCED') end
for n = 5, #ARGV, 2 do
  local tbl, key = ARGV[4] .. ARGV[n], ARGV[n + 1]
  local version, owner, value = string.match(redis.call('HGET', tbl, key) or '', '^(%d+):([^:]*):(.*)$')
  if owner == ARGV[3] then
    redis.call('HSET', tbl, key, version .. ':' .. ARGV[1] .. ':' .. value)
    redis.call('SADD', KEYS[2], ARGV[n] .. '\0' .. key)
  end
end
return 1
