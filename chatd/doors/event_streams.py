"""Event streams over HTTP: responses that do not end, as server-sent events or JSON lines.

1. A stream is a subscriber that pushes.  Its bytes, including HTTP's chunk framing, are made once
   and shared by all streams of the same codec.
2. When all events stored before the stream began have been sent, the stream sends `ready` once.
   Until then each batch goes through `deliver`; afterwards batches are written directly
   (`Subscriber.push`).
3. A stream without events sends a heartbeat every `HEARTBEAT_SECONDS`.
4. When the response begins, the stream takes over the connection (`upgrade` of `ChatChannel`, or
   of `UnparsedConnection` if the request is known), so that a request's objects can be freed.
   Further input could not be answered anyway.
5. When the gate ends a stream, the stream sends the reason and closes.  If the gate takes one of
   several rooms away, the stream sends the reason and goes on with the others.
"""

from __future__ import annotations

from functools import partial
from typing import cast

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from ..codecs.streams import StreamCodec
from ..http.channel import ChatChannel
from ..http.resource import dress_live
from ..net.heartbeat import Heartbeat
from ..net.peers import Peers
from ..net.tcp import PeerDead, one_write
from .openings import KnownOpening, Openings
from .push_door import PushStream
from .reading import ReadQuery
from .request_bytes import shared_head


class Streams:
    """Opens the streams of a door, which share one heartbeat and one set of connections."""

    def __init__(self, heartbeat: Heartbeat, peers: Peers, openings: Openings) -> None:
        self._openings = openings
        self.heartbeat = heartbeat
        self.peers = peers

    def open(
        self, request: Request, query: ReadQuery, plain: StreamCodec, chunked: StreamCodec
    ) -> int:
        """Send the events after the cursor, then new ones as they come.

        The response is chunked unless the client speaks HTTP/1.0, which has no chunks.  Raises
        `NotAllowed`.
        """
        dress_live(request, plain.content_type)
        if request.method == b"HEAD":
            request.finish()
            return NOT_DONE_YET
        codec = chunked if request.clientproto == b"HTTP/1.1" else plain
        stream = Stream(self, query, codec)
        channel = cast(ChatChannel, request.channel)
        with one_write(channel.transport):
            # This writes the response's head, too, and Twisted's chunk framing.
            request.write(plain.opening)
            if codec is chunked:
                head = shared_head(request.responseHeaders)
                stream.opening = self._openings.learn(
                    request,
                    query,
                    partial(Stream, self, codec=codec),
                    lambda _, date: b"%bDate: %b\r\n\r\n%b" % (head, date(), codec.opening),
                )
            return channel.upgrade(b"", stream)


@implementer(IHalfCloseableProtocol)
class Stream(PushStream):
    """One response that does not end: an outlet that pushes."""

    opening: KnownOpening | None = None
    """How it began, if others may begin like it."""

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
        """Ignore input: the response does not end, so a further request cannot be answered."""

    def readConnectionLost(self) -> None:
        """The client has closed its side, and may have disconnected: close the connection."""
        self.stop_reading()
        self.hang_up()

    def writeConnectionLost(self) -> None:
        """Never called: only clients half-close the connection."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is closed."""
        super().connectionLost(reason)
        self.query.end(self, dead=isinstance(reason.value, PeerDead))

    def dismiss(self) -> None:
        """The session is over: end the response."""
        self.close()
