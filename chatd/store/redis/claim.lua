#!lua flags=allow-oom
-- A node gives no sign of life, or has left: put an end to it, and elect who clears up after it.
-- KEYS 1 nodes;  ARGV 1 lease of the one who clears up  2 its fence  3 lease of the other
--      4 what its entry says
-- Answers 1 if the one who asks is to clear up.
local function state(lease)
  local held = redis.call('HGET', KEYS[1], lease)
  return held and string.match(held, '^%S+'), held
end
if state(ARGV[1]) ~= ARGV[2] then return redis.error_reply('FENCED') end
local found, held = state(ARGV[3])
if held ~= ARGV[4] then return 0 end
if found == 'dead' or found == 'quiet' then
  local other = string.match(held, '^%S+ (%S+)')
  if other == ARGV[1] then return 1 end
  if tonumber(state(other) or '') then return 0 end   -- it is clearing up
end
local word = (found == 'left' or found == 'quiet') and 'quiet ' or 'dead '
redis.call('HSET', KEYS[1], ARGV[3], word .. ARGV[1])
return 1
