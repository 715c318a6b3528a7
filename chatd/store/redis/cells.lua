#!lua flags=no-writes
-- A slice of a table.  KEYS 1 meta  2 the table;  ARGV 1 where the last slice ended  2 how many
-- Answers the id of the last batch, where this slice ends, and keys and cells.
local slice = redis.call('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2])
return {redis.call('HGET', KEYS[1], 'tail') or '0', slice[1], slice[2]}
