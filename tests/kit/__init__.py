"""The test kit: doubles and clients that several packages of tests share.

- `server`: every door of one chat, in memory; `fixtures` makes one for each test
- `clients`: one client for each door, for the contract suite
- `http`, `terminal`: clients of the HTTP door and the line door that tests drive by hand
- `posts`: messages of visitors, which are posted plainly or parsed; `parser`: nothing may be parsed
- `websocket`: a client of a WebSocket that tests drive by hand
- `echo`: chatd's HTTP and WebSocket stack without a chat, and a strict WebSocket client
- `tcp`: chatd's TCP transport over a real socket, without a reactor
- `packets`: bytes cut into packets; `narrow`, `gathering`: a connection that fills up, and one that
  counts its writes
- `processes`: programs and servers as processes, and netcat
- `chat`, `file_chat`: readers of a chat; a chat that is kept in a file, killed and started again
- `stream`: rooms, archives, codecs and outlets, without a chat
- `stores`, `workers`, `desk`, `file_faults`: engines under test; a writer of a file; faulty files
- `vectors`: the test vectors of the IRC community
- `redis`, `redis_chat`, `certificates`: a Redis, sentinels, chats on several nodes; TLS
- `push`: browsers that are to be notified, and what a push service is asked to bring them
- `timers`: the timers of a clock that connections have left
- `garbage`: rooms and reference cycles that are left in memory
- `deferreds`: Deferreds that failed and have no errback

Doubles that programs that use chatd may need in their own tests are in `chatd.testing`.
"""
