"""Long-polls: a request is held (`NOT_DONE_YET`) until there is something to say.

1. The cursor comes with the request and is never remembered for it: the next request's `since` is
   the acknowledgement, so a lost answer loses nothing.
2. A poll is a subscriber whose outlet takes one batch.  Whatever came after its cursor answers it
   at once; or, when readers are about to be woken, together with them (`Subscriber.start`).
3. Of two polls by one session for the same rooms the older is answered at once, with no events.
4. There are two roads to a poll: `RequestPoll` (`chatd.transports.events`) answers a request of
   twisted.web's, and `LearnedPoll` (`chatd.transports.learned`) the same question asked again.
   What stands here is for both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from weakref import WeakValueDictionary

from twisted.web.server import Request

from ..chat.service import ChatService
from ..codecs.json import JSON, encode, poll_answer
from ..codecs.lines import PLAIN, PLAIN_ROOMS, LinesCodec
from ..stream.batch import Batch
from ..stream.eventlog import Codec
from ..stream.notifier import SLICE_SECONDS
from .deadlines import Deadlines
from .lane import Lane
from .reading import Reading
from .resource import dress_live

DEFAULT_WAIT = 25.0
"""Seconds that a poll is held unless it says otherwise: below the minute after which proxies
quit."""
MAX_WAIT = 60.0
"""Seconds that a poll is held at most."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a poll wants its answer."""

    name: str
    codec: Codec
    content_type: bytes
    head: bytes = b""

    def body(self, batch: Batch) -> bytes:
        """The answer's body: made once for all polls of this style at one cursor."""
        return batch.cached(self.name, self._body)

    def dress(self, request: Request) -> None:
        """The headers of every answer in this style."""
        dress_live(request, self.content_type)

    def _body(self, batch: Batch) -> bytes:
        if isinstance(self.codec, LinesCodec):
            return b"".join(map(self.codec.gap, batch.gaps)) + batch.chunk
        return poll_answer(self.head, batch)


def json_style(reading: Reading) -> Style:
    """The default: a JSON object that says which room, or rooms, it is about."""
    names = [room.name for room in reading.rooms]
    about = encode({"rooms": names} if reading.several else {"room": names[0]})[1:-1]
    return Style(about.decode(), JSON, b"application/json", about)


def plain_style(reading: Reading) -> Style:
    """The line door's text, for `curl -H 'Accept: text/plain'`."""
    codec = PLAIN_ROOMS if reading.several else PLAIN
    return Style("plain", codec, b"text/plain; charset=utf-8")


class Asked(NamedTuple):
    """What a poll asks for, but for its cursor."""

    reading: Reading
    style: Style
    wait: float
    """Seconds that it may be held."""
    key: Hashable
    """Who asks, if that is known: of two polls with one key the newer is held."""


class Held(Protocol):
    """A poll that is held."""

    def give_up(self) -> None:
        """Answer with no events: a newer poll takes over."""


class Late(Protocol):
    """Polls for which there is something already."""

    def begin(self) -> None:
        """Answer them."""


class Polls:
    """The polls that are held."""

    def __init__(self, service: ChatService) -> None:
        self.deadlines = Deadlines(service.clock)
        self.lane = Lane()
        self.questions: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
        """What connections have learned to ask, by its bytes; many ask the same."""
        self.common: WeakValueDictionary[tuple[bytes, bytes], Any] = WeakValueDictionary()
        """Those of them that mean the same whoever asks, by what stands around the cursor."""
        self._held: dict[Hashable, Held] = {}
        self._clock = service.clock
        self._late: deque[Late] = deque()
        self._called = False

    def begin_soon(self, late: Late) -> None:
        """Somebody asks for what is there already: it is told in this turn of the reactor, or, of
        many who ask for much, in one of the next.
        """
        self._late.append(late)
        if not self._called:
            self._called = True
            self._clock.callLater(0, self._begin_late)

    def _begin_late(self) -> None:
        self._called = False
        deadline = self._clock.seconds() + SLICE_SECONDS
        late = self._late
        while late and self._clock.seconds() <= deadline:
            late.popleft().begin()
        if late and not self._called:
            self._called = True
            self._clock.callLater(0, self._begin_late)

    def place(self, key: Hashable, poll: Held) -> None:
        """A poll is held, and an older one with its key is not any more."""
        if key is not None:
            older = self._held.get(key)
            self._held[key] = poll
            if older:
                older.give_up()

    def vacate(self, key: Hashable, poll: Held) -> None:
        """It is not held any more."""
        if key is not None and self._held.get(key) is poll:
            del self._held[key]
