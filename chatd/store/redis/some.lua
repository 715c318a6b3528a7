#!lua flags=no-writes
-- Some cells of a table.  KEYS 1 meta  2 the table;  ARGV keys
local found = {redis.call('HGET', KEYS[1], 'tail') or '0'}
for n, key in ipairs(ARGV) do found[n + 1] = redis.call('HGET', KEYS[2], key) end
return found
