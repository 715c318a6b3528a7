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

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from ..codecs.streams import StreamCodec
from ..http.channel import ChatChannel
from ..http.resource import dress_live
from ..model.errors import ChatError, TooSlow, Unavailable
from ..net.heartbeat import Heartbeat
from ..net.peers import GOING_DOWN, RETRY_SECONDS, Peers, spread
from ..net.stalls import TOO_SLOW
from ..net.tcp import PeerDead, enable_direct_writes
from ..stream.batch import Batch
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


@implementer(IPushProducer)
class Stream(Protocol):
    """One open answer: an outlet that pushes."""

    transport: Connection
    brief = False
    owed = False

    def __init__(self, streams: Streams, query: ReadQuery, codec: StreamCodec) -> None:
        """Raises `NotAllowed`."""
        self.query = query
        self._streams = streams
        self._codec = codec
        self._subscriber = query.open(self, codec)

    def deliver(self, batch: Batch) -> bool:
        """Write a batch, its gap first."""
        if batch.gaps:
            self.transport.write(self._codec.gap)
        if batch.chunk:
            self.transport.write(batch.chunk)
        return True

    def revoked(self, error: ChatError) -> None:
        """See `Outlet.revoked`."""
        self.transport.write(self._codec.revoked(error))
        self.dismiss()

    def removed(self, room: str, error: ChatError) -> None:
        """See `Outlet.removed`."""
        self.transport.write(self._codec.removed(room, error))

    def _is_ready(self) -> None:
        """All that was stored when the stream began has been sent."""
        self.transport.write(self._codec.ready(self._subscriber.cursor))
        self._subscriber.push(self.transport.write)
        enable_direct_writes(self.transport, self._subscriber)

    def beat(self) -> None:
        """Send a heartbeat."""
        if not self._subscriber.paused:
            self.transport.write(self._codec.heartbeat)

    # -- the transport's side --------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The connection has been handed over."""
        self.transport.registerProducer(self, True)
        self._streams.peers.add(self)
        self._streams.heartbeat.add(self)
        self.query.begin(self)
        self._subscriber.start()
        self._subscriber.when_caught_up(self._is_ready)

    def dataReceived(self, data: bytes) -> None:
        """Whatever it is, it comes behind an answer that does not end."""

    def readConnectionLost(self) -> None:
        """The client sends no more: it may be gone."""
        self._close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._subscriber.stop()
        self._streams.heartbeat.discard(self)
        self._streams.peers.discard(self)
        self.query.end(self, dead=bool(reason.check(PeerDead)))

    def pauseProducing(self) -> None:
        """The client reads too slowly: its cursor stays."""
        self._subscriber.pause()
        self._streams.peers.stalls.full(self)

    def resumeProducing(self) -> None:
        """It has caught up."""
        self._streams.peers.stalls.drained(self)
        self._subscriber.resume()

    def stopProducing(self) -> None:
        """The connection closes; `connectionLost` follows."""

    # -- the end ---------------------------------------------------------------------------------

    def drain(self) -> None:
        """See `Connected.drain`."""
        self._subscriber.wake()
        self._send_away(Unavailable.code, GOING_DOWN)

    def disconnect(self) -> None:
        """See `Reader.disconnect`; what it was sent before stands whole before the words."""
        self._send_away(TooSlow.code, TOO_SLOW)

    def _send_away(self, code: str, why: str) -> None:
        """Say why, and when to come back; and end."""
        self.transport.write(self._codec.farewell(code, why, spread(RETRY_SECONDS)))
        self.dismiss()

    def dismiss(self) -> None:
        """The session is over, and so is the answer."""
        self._subscriber.stop()
        if self._codec.end:
            self.transport.write(self._codec.end)
        self._close()

    def _close(self) -> None:
        """Close, once the client has read what it was sent."""
        self._subscriber.stop()
        self._streams.peers.stalls.closing(self)
        self.transport.unregisterProducer()
        self.transport.loseConnection()
