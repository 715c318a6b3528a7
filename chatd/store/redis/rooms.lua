#!lua flags=no-writes
-- The ends of what is kept of some rooms' events.  KEYS 1 first events
-- ARGV 1 prefix of rooms' events  2 where the last slice ended  3 how many
-- Answers where this slice ends, and rooms, each with the ids of its oldest and newest event.
local slice = redis.call('ZSCAN', KEYS[1], ARGV[2], 'COUNT', ARGV[3])
local found = {slice[1]}
for n = 1, #slice[2], 2 do
  local room = slice[2][n]
  local first = redis.call('ZRANGE', ARGV[1] .. room, 0, 0)[1]
  local last = redis.call('ZRANGE', ARGV[1] .. room, -1, -1)[1]
  if first then
    found[#found + 1] = {room, string.match(first, '^%d+'), string.match(last, '^%d+')}
  end
end
return found
