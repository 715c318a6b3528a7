"""Server-Sent Events: one answer that never ends.

1. A stream is a subscriber that pushes; its chunks are made once and shared, chunking included.
2. A stream that has nothing to say says so every `HEARTBEAT_SECONDS`.
"""

from __future__ import annotations

from random import uniform
from typing import cast

from twisted.internet.interfaces import IPushProducer
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from ..codecs.sse import HEARTBEAT, SSE, begin, chunk, chunked, retry, told
from ..subscriber import Batch
from .heartbeat import Heartbeat
from .http import ChatRequest
from .peers import RETRY_SECONDS
from .reading import Reading

_BEAT = chunk(HEARTBEAT)
SPREAD_SECONDS = 4.0
"""Seconds over which a crowd that is sent away comes back: not in one instant."""


class Streams:
    """The streams that are open."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat

    def open(self, request: Request, reading: Reading) -> int:
        """Answer with what lies after the cursor, and then with all that comes."""
        request.setHeader(b"content-type", b"text/event-stream")
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-accel-buffering", b"no")
        request.setHeader(b"x-content-type-options", b"nosniff")
        if request.method == b"HEAD":
            request.finish()
            return NOT_DONE_YET
        stream = Stream(request, reading)
        self._heartbeat.add(stream)
        cast(ChatRequest, request).conclude = stream.conclude
        request.notifyFinish().addBoth(lambda _: self._finished(stream))
        stream.subscriber.start()
        return NOT_DONE_YET

    def _finished(self, stream: Stream) -> None:
        self._heartbeat.discard(stream)
        stream.end()


@implementer(IPushProducer)
class Stream:
    """One open answer: an outlet that pushes."""

    brief = False

    def __init__(self, request: Request, reading: Reading) -> None:
        self.reading = reading
        self.subscriber = reading.subscriber(self, SSE)
        self._request = request
        # To an HTTP/1.1 client Twisted sends the answer in chunks, and would make them anew for
        # each reader; written to the channel, one chunk serves all.  HTTP/1.0 knows no chunks.
        self._shared = request.clientproto == b"HTTP/1.1"
        assert request.channel.transport
        self._write = request.channel.transport.write
        reading.begin(self)
        request.registerProducer(self, True)
        request.write(begin(reading.cursor))

    def deliver(self, batch: Batch) -> bool:
        """Write a batch."""
        if self._shared:
            self._write(batch.once("sse", chunked))
        else:
            self._request.write(told(batch))
        return True

    def beat(self) -> None:
        """Say that there is nothing to say."""
        if not self.subscriber.paused:
            if self._shared:
                self._write(_BEAT)
            else:
                self._request.write(HEARTBEAT)

    def conclude(self) -> None:
        """The server is going down: say when to come back, to each another time."""
        self.subscriber.wake()
        self._request.write(retry(RETRY_SECONDS + uniform(0, SPREAD_SECONDS)))
        self.dismiss()

    def dismiss(self) -> None:
        """The session is over, and so is the answer."""
        self._request.unregisterProducer()
        self._request.finish()

    def end(self) -> None:
        """The request is over."""
        self.subscriber.stop()
        self.reading.end(self)

    def pauseProducing(self) -> None:
        """The client reads too slowly: its cursor stays."""
        self.subscriber.pause()

    def resumeProducing(self) -> None:
        """It has caught up."""
        self.subscriber.resume()

    def stopProducing(self) -> None:
        """The connection closes; the request's end follows."""
