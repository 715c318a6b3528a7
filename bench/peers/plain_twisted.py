"""A straightforward chat server in Twisted, without optimisations, as a yardstick.

A `LineReceiver` that writes each line to every connection, and a resource of twisted.web's that
holds polls with `NOT_DONE_YET`, or writes to streams. It prints its two ports: lines, HTTP.
"""

from __future__ import annotations

import json
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

texts: list[str] = []
lines: set[Lines] = set()
streams: set[Request] = set()
polls: dict[Request, int] = {}


def say(text: bytes) -> None:
    """Send a text to all readers."""
    texts.append(text.decode())
    for connection in lines:
        connection.sendLine(text)
    for stream in streams:
        stream.write(b"data: " + text + b"\n\n")
    held = dict(polls)
    polls.clear()
    for request, since in held.items():
        answer(request, since)


def answer(request: Request, since: int) -> None:
    """The texts after the first `since`."""
    body = json.dumps({"events": texts[since:], "next": len(texts)}).encode()
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"content-length", b"%d" % len(body))
    request.write(body)
    request.finish()


class Lines(LineReceiver):
    """A telnet client."""

    delimiter = b"\n"

    def connectionMade(self) -> None:
        cast(ITCPTransport, self.transport).setTcpNoDelay(True)
        lines.add(self)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        lines.discard(self)

    def lineReceived(self, line: bytes) -> None:
        say(line)


class Events(Resource):
    """Long-polls and server-sent events."""

    isLeaf = True

    def render_GET(self, request: Request) -> int:
        gone = request.notifyFinish()
        if request.getHeader("accept") == "text/event-stream":
            request.setHeader(b"content-type", b"text/event-stream")
            request.write(b":\n\n")
            streams.add(request)
            gone.addErrback(lambda _: streams.discard(request))
            return NOT_DONE_YET
        since = int(request.args[b"since"][0])
        if since < len(texts):
            answer(request, since)
        else:
            polls[request] = since
            gone.addErrback(lambda _: polls.pop(request, None))
        return NOT_DONE_YET


loop = cast(Any, reactor)
for factory in (Factory.forProtocol(Lines), Site(Events())):
    port = loop.listenTCP(0, factory, backlog=4096, interface="127.0.0.1")
    print(f"port {port.getHost().port}", flush=True)
loop.run()
