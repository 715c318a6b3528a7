"""Streams over HTTP: an answer that never ends, and what all of them have in common.

1. A stream is a subscriber that pushes; its chunks are made once and shared, chunking included.
2. When all that was stored before it began has been sent, it says so, once (`ready`).  Until then
   each batch comes to `deliver`; from then on the shortest way is taken (`Subscriber.push`).
3. A stream without events sends a heartbeat every `HEARTBEAT_SECONDS`.
4. Once its answer has begun, a stream has its connection to itself: a request is a lot to keep for
   something that is only written to, and nothing that the client sends could still be answered.
5. When the gate ends a stream, it tells the reason and closes.  If it takes one of several rooms
   away, the stream tells that and goes on.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request

from ..codecs.streams import StreamCodec
from ..http.channel import ChatChannel
from ..http.resource import dress_live
from ..net.heartbeat import Heartbeat
from ..net.peers import Peers
from ..net.tcp import PeerDead
from .pushing import PushStream
from .reading import ReadQuery


class Streams:
    """What the streams have in common."""

    def __init__(self, heartbeat: Heartbeat, peers: Peers) -> None:
        self.heartbeat = heartbeat
        self.peers = peers

    def open(
        self, request: Request, query: ReadQuery, plain: StreamCodec, chunked: StreamCodec
    ) -> int:
        """Answer with what lies behind the cursor, and then with all that follows: in chunks,
        unless the client speaks HTTP/1.0, which knows none.  Raises `NotAllowed`.
        """
        dress_live(request, plain.content_type)
        if request.method == b"HEAD":
            request.finish()
            return NOT_DONE_YET
        codec = chunked if request.clientproto == b"HTTP/1.1" else plain
        stream = Stream(self, query, codec)
        request.write(plain.opening)  # the head, and Twisted's own chunk
        return cast(ChatChannel, request.channel).upgrade(b"", stream)


class Stream(PushStream):
    """One open answer: an outlet that pushes."""

    def __init__(self, streams: Streams, query: ReadQuery, codec: StreamCodec) -> None:
        """Raises `NotAllowed`."""
        super().__init__(streams.peers)
        self.codec = codec
        self.heartbeat = streams.heartbeat
        self.query = query
        self.reader = query.open(self, codec)

    # -- the transport's side --------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The connection has been handed over."""
        super().connectionMade()
        self.query.begin(self)
        assert self.reader is not None
        self.start_reading(self.reader)

    def dataReceived(self, data: bytes) -> None:
        """Whatever it is, it comes behind an answer that does not end."""

    def readConnectionLost(self) -> None:
        """The client sends no more: it may be gone."""
        self.stop_reading()
        self.hang_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        super().connectionLost(reason)
        self.query.end(self, dead=bool(reason.check(PeerDead)))

    def dismiss(self) -> None:
        """The session is over, and so is the answer."""
        self.close()
