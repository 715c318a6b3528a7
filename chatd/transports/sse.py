"""Server-Sent Events: one answer that never ends.

1. A stream is a subscriber that pushes; its chunks are made once and shared, chunking included.
2. A stream that has nothing to say says so every `HEARTBEAT_SECONDS`.
3. Once its answer has begun, a stream has its connection to itself: a request is a lot to keep for
   something that is only written to, and nothing that the client sends could still be answered.
"""

from __future__ import annotations

from random import uniform
from typing import cast

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from ..codecs.sse import CHUNKED_SSE, GAP, HEARTBEAT, SSE, begin, farewell
from ..subscriber import Batch
from .heartbeat import Heartbeat
from .http import ChatChannel
from .peers import GOING_DOWN, RETRY_SECONDS, Peers
from .reading import Reading
from .resource import dress_live
from .stalls import TOO_SLOW
from .tcp import lend

SPREAD_SECONDS = 4.0
"""Seconds over which a crowd that is sent away comes back: not in one instant."""


class Streams:
    """What the streams have in common."""

    def __init__(self, heartbeat: Heartbeat, peers: Peers) -> None:
        self.heartbeat = heartbeat
        self.peers = peers

    def open(self, request: Request, reading: Reading) -> int:
        """Answer with what lies after the cursor, and then with all that comes."""
        dress_live(request, b"text/event-stream")
        if request.method == b"HEAD":
            request.finish()
            return NOT_DONE_YET
        request.write(begin(reading.place.cursor))
        # To an HTTP/1.1 client Twisted has begun to answer in chunks; HTTP/1.0 knows none.
        stream = Stream(self, reading, in_chunks=request.clientproto == b"HTTP/1.1")
        return cast(ChatChannel, request.channel).upgrade(b"", stream)


@implementer(IPushProducer)
class Stream(Protocol):
    """One open answer: an outlet that pushes."""

    transport: Connection
    brief = False
    owed = False

    def __init__(self, streams: Streams, reading: Reading, *, in_chunks: bool) -> None:
        self.reading = reading
        self._streams = streams
        self._codec = CHUNKED_SSE if in_chunks else SSE
        self._subscriber = reading.subscriber(self, self._codec)

    def deliver(self, batch: Batch) -> bool:
        """Write a batch, its gap first."""
        if batch.gaps:
            self._write(GAP)
        self.transport.write(batch.chunk)
        return True

    def _write(self, text: bytes) -> None:
        self.transport.write(self._codec.framed(text))

    def beat(self) -> None:
        """Say that there is nothing to say."""
        if not self._subscriber.paused:
            self._write(HEARTBEAT)

    # -- the transport's side --------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The connection has been handed over."""
        self.transport.registerProducer(self, True)
        self._streams.peers.add(self)
        self._streams.heartbeat.add(self)
        self.reading.begin(self)
        self._subscriber.start(self.transport.write)
        lend(self.transport, self._subscriber)

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
        self.reading.end(self)

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
        self._send_away(GOING_DOWN)

    def let_go(self) -> None:
        """See `Reader.let_go`; what it was sent before stands whole before the words."""
        self._send_away(TOO_SLOW)

    def _send_away(self, why: str) -> None:
        """Say why, and when to come back, to each another time; and end."""
        self._write(farewell(why, RETRY_SECONDS + uniform(0, SPREAD_SECONDS)))
        self.dismiss()

    def dismiss(self) -> None:
        """The session is over, and so is the answer."""
        self._subscriber.stop()
        self.transport.write(self._codec.end())
        self._close()

    def _close(self) -> None:
        """Close, once the client has read what it was sent."""
        self._subscriber.stop()
        self._streams.peers.stalls.closing(self)
        self.transport.unregisterProducer()
        self.transport.loseConnection()
