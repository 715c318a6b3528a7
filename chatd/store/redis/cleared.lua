#!lua flags=allow-oom
-- Nothing is left of a node.  KEYS 1 nodes  2 beats  3 the node's own cells;  ARGV 1 lease
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return 1
