"""Several nodes on one Redis or Valkey: the same promises as on one machine.

1. One script (`append.lua`) judges versions, numbers, keeps and publishes each append, so there is
   one order, and a unit is kept whole or not at all.  Every rule of the chat stays in Python.
2. A node is shown what its *follower* meets in the log, its own appends too: showing, answering,
   finding out after a doubt, and catching up are one function (`following`).
3. A node works in *rounds* (`rounds`).  A round is two connections under a *fence*, a number that
   only rises.  If anything is wrong with either connection both are dropped, and the next round
   raises the fence, reads the log to the present, and sends again what is not in it.  Nothing of
   an earlier round can be stored behind that: its fence is too low.
4. Each batch names the one before it.  A node whose place is not in the log any more is told so
   (`Follower.missed`); it is never wrong without knowing.
5. A node has a *lease* (`lease`), renewed by beats.  What it held is released by one survivor when
   the beats stop.  A node without its lease stores nothing; it begins another one.
6. Time is the server's: one clock for all nodes.
7. What is redacted or erased leaves the data, the log of batches too, with the same script.  Redis'
   own log of writes (AOF) is rewritten soon after (`retention`).
8. The data has a version (`server.FORMAT`).  A node works on data of its own version only: the
   script that raises the fence checks it at the beginning of each round.

All keys of a chat have one hash tag, so that they are in one slot of a cluster:

    {P}:meta      hash: the history's id and format, the highest id given, the last batch, the floor
    {P}:log       sorted set: the last batches by their ids, for nodes that catch up
    {P}:r:ROOM    sorted set: the events of a room by their ids, each `id event`.  (A stream would
                  be smaller, but keeps the bytes of an entry that was deleted from it.)
    {P}:t:TABLE   hash: the cells of a table, each `version:owner:value`; the owner is the lease
                  that made it, if it says who is connected
    {P}:firsts    sorted set: rooms by their oldest event;  {P}:floors: what retention has removed
    {P}:keys      hash: request keys;  {P}:marks: the same in their order
    {P}:nodes     hash: leases;  {P}:beats: their counters;  {P}:own:LEASE: the cells that it made
"""
