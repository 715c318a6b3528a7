"""Long-polls: a request is held (`NOT_DONE_YET`) until there is an event to answer it with.

1. The client sends its cursor with each poll, and the server does not store it.  The `since` of the
   next poll acknowledges the last answer, so a lost answer loses no event.
2. A poll is a subscriber whose outlet takes one batch.  If there are events after its cursor, the
   poll is answered at once, or together with other readers that are about to be woken
   (`Subscriber.start`).
3. If a session sends a second poll for the same rooms, its first one is answered at once, with no
   events.
4. There are two paths: `RequestPoll` (`chatd.doors.api.events`) answers a parsed request, and
   `LearnedPoll` (`chatd.doors.polls.templates`) answers the same request repeated on its
   connection.  This module has the parts that both need.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from math import floor
from typing import Any, NamedTuple, Protocol
from weakref import WeakValueDictionary

from twisted.web.server import Request

from ...chat.service import ChatService
from ...chat.sessions import Session
from ...codecs.json import JSON, encode, poll_answer
from ...codecs.lines import PLAIN, PLAIN_ROOMS, LinesCodec
from ...http.media import EVENT_STREAM
from ...http.resource import dress_live
from ...model.errors import Malformed
from ...net.deadlines import PER_SECOND, Deadlines
from ...net.epollgroup import EpollGroup
from ...stream.batch import Batch
from ...stream.eventlog import Codec
from ...stream.notifier import SLICE_SECONDS
from ...stream.turns import at_turn_end
from ..reading import ReadQuery
from .marks import Marks

DEFAULT_WAIT = 25.0
"""Seconds that a poll without `wait` is held: below the minute after which proxies give up."""
MAX_WAIT = 60.0
"""Seconds that a poll is held at most."""


NDJSON = "application/x-ndjson"
STYLES = ("application/json", EVENT_STREAM, "text/plain", NDJSON)
"""The media types of events; the first one is the default."""
_SECONDS = re.compile(r"-?\d{1,40}(\.\d{1,40})?", re.ASCII)


def wait_in(text: str | None) -> float:
    """The seconds in the parameter `wait`; None: it is not given.  Raises `Malformed`."""
    if text is not None and not _SECONDS.fullmatch(text):
        raise Malformed(f"wait has to be a number of seconds, 0 to {MAX_WAIT:g}")
    return DEFAULT_WAIT if text is None else min(max(float(text), 0.0), MAX_WAIT)


@dataclass(frozen=True, slots=True)
class PollFormat:
    """The format of a poll's answer."""

    name: str
    codec: Codec
    content_type: bytes
    head: bytes = b""

    def body(self, batch: Batch) -> bytes:
        """The answer's body, cached for all polls of this format that get this batch."""
        return batch.cached(self.name, self._body)

    def dress(self, request: Request) -> None:
        """Set the headers of every answer in this format."""
        dress_live(request, self.content_type)

    def _body(self, batch: Batch) -> bytes:
        if isinstance(self.codec, LinesCodec):
            return b"".join(map(self.codec.gap, batch.gaps)) + batch.chunk
        return poll_answer(self.head, batch)


def json_format(query: ReadQuery) -> PollFormat:
    """The default: a JSON object that names the room, the rooms, or the other account."""
    if query.talk is not None:
        return _json_format({"person": query.talk.shown})
    if query.several:
        return _json_format({"rooms": [room.name for room in query.rooms]})
    return json_format_of(query.room)


@lru_cache(maxsize=1000)
def json_format_of(room: str) -> PollFormat:
    """The default format of the polls of one room."""
    return _json_format({"room": room})


def _json_format(told: dict[str, Any]) -> PollFormat:
    about = encode(told)[1:-1]
    return PollFormat(about.decode(), JSON, b"application/json", about)


def plain_format(query: ReadQuery) -> PollFormat:
    """Text as at the line door, for `curl -H 'Accept: text/plain'`."""
    codec = PLAIN_ROOMS if query.several else PLAIN
    return PollFormat("plain", codec, b"text/plain; charset=utf-8")


class PollRequest(NamedTuple):
    """The parameters of a poll, except its cursor."""

    query: ReadQuery
    format: PollFormat
    wait: float
    """Seconds that the poll may be held."""
    key: Hashable
    """Of polls with the same key only the newest is held; None: any number of polls is held."""


class PollKey(NamedTuple):
    """The key under which a session holds one poll: a newer one with the same key replaces it."""

    session: Session
    reader: str | None
    several: bool
    what: Hashable
    """The conversation, or the rooms."""


class HeldPoll(Protocol):
    """A poll that is held."""

    def give_up(self) -> None:
        """Answer with no events: a newer poll with the same key is held instead."""


class LatePolls(Protocol):
    """A group of polls for which events are available."""

    def begin(self) -> None:
        """Answer them."""


class OpenPolls(Protocol):
    """A group of polls that accepts waiters."""

    def close(self) -> None:
        """Accept no more waiters."""


class Polls:
    """The held polls of one door, and what its polls share: deadlines, templates, epoll group."""

    def __init__(self, service: ChatService) -> None:
        self.deadlines = Deadlines(service.clock)
        self.epoll_group = EpollGroup()
        self.readers = service.readers
        self.templates: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
        """The templates of polls that not all connections may share, as those of a session, by
        request bytes, head and session."""
        self.common: WeakValueDictionary[tuple[bytes, bytes], Any] = WeakValueDictionary()
        """The templates that are shared by all connections, by the bytes around the cursor."""
        self.marks = Marks(service, self._answer_session)
        """The read markers that polls are still to be told."""
        self.open_groups: dict[OpenPolls, None] = {}
        """The groups that accept waiters and are not answered: see `close_soon`."""
        self._held: dict[Hashable, HeldPoll] = {}
        self._clock = service.clock
        self._at_turn_end = at_turn_end(service.clock)
        self._late: deque[LatePolls] = deque()
        self._called = False
        self._closing: float | None = None
        """When the open groups are closed, on the clock; None: there are none."""

    def forget(self, template: object) -> None:
        """A template is void: no further connection may learn it."""
        known: Any
        for known in (self.templates, self.common):
            for key in [key for key, value in known.items() if value is template]:
                del known[key]

    def close_soon(self, group: OpenPolls) -> float:
        """Close a group in `1 / PER_SECOND` seconds or before, together with all others that are
        open; returns when, on the clock.
        """
        if self._closing is None:
            now = self._clock.seconds()
            self._closing = (floor(now * PER_SECOND) + 1) / PER_SECOND
            self._clock.callLater(self._closing - now, self._close)
        self.open_groups[group] = None
        return self._closing

    def _close(self) -> None:
        self._closing = None
        groups, self.open_groups = self.open_groups, {}
        for group in groups:
            group.close()

    def begin_soon(self, late: LatePolls) -> None:
        """Answer a group for which events are available: at the end of this turn of the reactor, or
        in a later turn if the time slice is used up.
        """
        self._late.append(late)
        if not self._called:
            self._called = True
            self._at_turn_end(self._begin_late)

    def _begin_late(self) -> None:
        self._called = False
        deadline = self._clock.seconds() + SLICE_SECONDS
        late = self._late
        while late and self._clock.seconds() <= deadline:
            late.popleft().begin()
        if late and not self._called:
            self._called = True
            self._clock.callLater(0, self._begin_late)

    def place(self, key: Hashable, poll: HeldPoll) -> None:
        """A poll is held; an older poll with the same key is answered."""
        if key is not None:
            older = self._held.get(key)
            self._held[key] = poll
            if older:
                older.give_up()

    def _answer_session(self, session: Session) -> None:
        """Answer the polls of `/events` that a session holds; its templates are void."""
        for key, poll in list(self._held.items()):
            if isinstance(key, PollKey) and key.session is session and key.several:
                poll.give_up()
        for template in list(self.readers.templates):
            if template.owner is session and any(not source.name for source in template.sources):
                template.void(None)

    def vacate(self, key: Hashable, poll: HeldPoll) -> None:
        """The poll has been answered, or its client has disconnected."""
        if key is not None and self._held.get(key) is poll:
            del self._held[key]
