#!lua
-- Give cells of noted tables their values.  KEYS 1 meta  2.. tables
-- ARGV for each table: a key, 1 or 0 for whether it has a value, and the value
local version = redis.call('HGET', KEYS[1], 'last')
for n = 2, #KEYS do redis.call('HLEN', KEYS[n]) end   -- fails if one is something else
for n = 2, #KEYS do
  local at = (n - 2) * 3
  if ARGV[at + 2] == '1' then
    redis.call('HSET', KEYS[n], ARGV[at + 1], version .. '::' .. ARGV[at + 3])
  else
    redis.call('HDEL', KEYS[n], ARGV[at + 1])
  end
end
return 1
