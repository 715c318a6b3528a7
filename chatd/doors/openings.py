"""Openings: the first requests of connections that begin a stream, which are not parsed again.

When a server restarts, thousands of clients of one program open their event streams and WebSockets
again, with the same bytes except for the cursor and the key of the handshake.

1. A request is learned when twisted.web has parsed it and its stream begins, if it arrived whole in
   one packet.  Some requests are not learned, because the same bytes may get other answers: those
   with a session, an `Origin`, a `Cookie` or a `Forwarded` header, and those whose host is accepted
   only because a trusted proxy has sent it.
2. A packet of a connection without a channel (`chatd.http.unparsed`) is recognised by the same
   bytes around the cursor and the key (`chatd.doors.request_bytes`).  All others are parsed.
3. Nothing is skipped but the parsing.  The stream is made by the function that makes it for a
   parsed request, so the gate asks the policy about the client's address, and rooms are counted.  A
   request that is refused there is parsed, and gets its refusal from there.
4. An opening is known as long as one of its streams is open, because it keeps the rooms in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol
from weakref import WeakValueDictionary

from twisted.web.server import Request

from ..http.fastpath import Opener, Upgraded
from ..http.fields import header
from ..model.errors import ChatError
from ..model.identity import stranger_at
from .reading import ReadQuery, Start, start_of
from .request_bytes import is_shareable, is_whole, taken_apart


class Opened(Upgraded, Protocol):
    """A stream that takes over a connection, and keeps its opening known."""

    opening: KnownOpening | None


Make = Callable[[ReadQuery], Opened]
"""Makes a stream; raises `NotAllowed`."""
Answer = Callable[[bytes, Callable[[], bytes]], bytes]
"""Makes the first bytes of the answer, from the handshake's key and a function that returns the
date."""


class KnownOpening:
    """A parsed request, and how the stream that it asks for begins."""

    __slots__ = ("__weakref__", "answer", "make", "query", "start")

    def __init__(self, query: ReadQuery, start: Start, make: Make, answer: Answer) -> None:
        self.query = query
        self.start = start
        self.make = make
        self.answer = answer


class Openings:
    """The known openings of one door."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[Hashable, KnownOpening] = WeakValueDictionary()

    def forget(self) -> None:
        """Parse every request again, because a host may be known no longer."""
        self._known.clear()

    def learn(
        self, request: Request, query: ReadQuery, make: Make, answer: Answer
    ) -> KnownOpening | None:
        """Learn the request, whose stream begins.  The stream has to keep what is returned."""
        packet: bytes = getattr(request.channel, "packet", b"")  # a plain Site's learns nothing
        if (
            query.session is not None
            or not is_whole(packet)
            or not is_shareable(request)
            or header(request, "expect")  # the client waits for "100 Continue"
        ):
            return None
        taken = taken_apart(packet)
        if taken is None:
            return None
        known = self._known.get(taken.shape)
        if known is None:
            known = KnownOpening(query, start_of(request), make, answer)
            self._known[taken.shape] = known
        return known

    def open(self, opener: Opener, packet: bytes) -> bool:
        """See `chatd.http.fastpath.Openings.open`."""
        taken = taken_apart(packet)
        known = self._known.get(taken.shape) if taken is not None else None
        if taken is None or known is None:
            return False
        query, start = known.query, known.start
        for room in query.rooms:
            if not room.complete:
                return False  # what could not be read from the store is tried again
        if taken.cursor is not None:
            start = Start(taken.cursor, start.now, start.recent)
        try:
            query = query.begun_by(stranger_at(opener.host), start)
            stream = known.make(query)
            query.note_rooms()
        except ChatError:
            return False
        stream.opening = known
        opener.upgrade(known.answer(taken.key, opener.site.date), stream)
        return True
