#!lua
-- Give cells of noted tables their values.  KEYS 1 meta  2.. tables
-- ARGV for each table: a key; 0 if the cell is to be absent, 1 if it gets the value, or 2 if it does
--      unless its number is higher; and the value
local version = redis.call('HGET', KEYS[1], 'last')
for n = 2, #KEYS do redis.call('HLEN', KEYS[n]) end   -- fails if one is something else
for n = 2, #KEYS do
  local at = (n - 2) * 3
  local how, before = ARGV[at + 2], nil
  if how == '2' then
    local cell = redis.call('HGET', KEYS[n], ARGV[at + 1])
    before = cell and tonumber(string.match(cell, '^%d+::(%d+)$'))
  end
  if how ~= '0' then
    if not before or before < (tonumber(ARGV[at + 3]) or math.huge) then
      redis.call('HSET', KEYS[n], ARGV[at + 1], version .. '::' .. ARGV[at + 3])
    end
  else
    redis.call('HDEL', KEYS[n], ARGV[at + 1])
  end
end
return 1
