#!lua
-- Give cells of noted tables their values, and tell all nodes which numbers have risen.
-- KEYS 1 meta  2.. tables
-- ARGV 1 channel  2 prefix of tables; for each table: a key; 0 if the cell is to be absent, 1 if it
--      gets the value, or 2 if it does unless its number is higher; and the value
local version = redis.call('HGET', KEYS[1], 'last')
for n = 2, #KEYS do redis.call('HLEN', KEYS[n]) end   -- fails if one is something else
for n = 2, #KEYS do
  local at = (n - 2) * 3 + 2
  local how, before = ARGV[at + 2], nil
  if how == '2' then
    local cell = redis.call('HGET', KEYS[n], ARGV[at + 1])
    before = cell and tonumber(string.match(cell, '^%d+::(%d+)$'))
  end
  if how ~= '0' then
    if not before or before < (tonumber(ARGV[at + 3]) or math.huge) then
      redis.call('HSET', KEYS[n], ARGV[at + 1], version .. '::' .. ARGV[at + 3])
      if how == '2' then
        local told = {string.sub(KEYS[n], #ARGV[2] + 1), ARGV[at + 1], ARGV[at + 3]}
        redis.call('PUBLISH', ARGV[1], table.concat(told, '\0'))
      end
    end
  else
    redis.call('HDEL', KEYS[n], ARGV[at + 1])
  end
end
return 1
