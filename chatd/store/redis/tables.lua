#!lua flags=no-writes
-- Several tables as a whole.  KEYS 1 meta  2.. the tables;  ARGV 1 how many cells of one at most
-- Answers the id of the last batch, and of each table its keys and cells, or 0 if they are too many.
local found = {redis.call('HGET', KEYS[1], 'tail') or '0'}
for n = 2, #KEYS do
  if redis.call('HLEN', KEYS[n]) > tonumber(ARGV[1]) then found[n] = 0
  else found[n] = redis.call('HGETALL', KEYS[n]) end
end
return found
