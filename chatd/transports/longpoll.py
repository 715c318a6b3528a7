"""Long-polls: a request is held (`NOT_DONE_YET`) until there is something to say.

1. The cursor comes with the request and is never remembered for it: the next request's `since` is
   the acknowledgement, so a lost answer loses nothing.
2. A poll is a subscriber whose outlet takes one batch.  Whatever came after its cursor answers it
   at once; or, when readers are about to be woken, together with them (`Subscriber.start`).
3. Of two polls by one session for the same rooms the older is answered at once, with no events.
4. There are two roads to a poll, and what it means is here, for both: `RequestPoll`
   (`chatd.transports.events`) answers a request of twisted.web's, and `LearnedPoll`
   (`chatd.transports.learned`) the same question asked again.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from twisted.web.server import Request

from ..codecs.json import JSON, encode, poll_answer
from ..codecs.lines import PLAIN, PLAIN_ROOMS, LinesCodec
from ..eventlog import Codec
from ..service import ChatService
from ..subscriber import Batch
from .deadlines import Deadlines
from .reading import Reading
from .resource import dress_live

DEFAULT_WAIT = 25.0
"""Seconds that a poll is held unless it says otherwise: below the minute after which proxies
quit."""
MAX_WAIT = 60.0
"""Seconds that a poll is held at most."""


MOST_SHARED = 1000
"""Pieces of requests and answers that are kept once for all who ask alike."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a poll wants its answer."""

    name: str
    codec: Codec
    content_type: bytes
    head: bytes = b""

    def body(self, batch: Batch) -> bytes:
        """The answer's body: made once for all polls of this style at one cursor."""
        return batch.once(self.name, self._body)

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


class Polls:
    """The polls that are held."""

    def __init__(self, service: ChatService) -> None:
        self.deadlines = Deadlines(service.clock)
        self._held: dict[Hashable, Poll] = {}
        self._shared: dict[bytes, bytes] = {}

    def hold(self, poll: Poll) -> None:
        """Begin a poll: answer it as soon as something lies after its cursor, or after its wait."""
        poll.subscriber.start()
        if poll.answered:
            poll.over()
        elif poll.wait <= 0:
            poll.answer_now()
            poll.over()
        else:
            poll.held = True
            self.deadlines.set(poll, poll.wait)
            if poll.key is not None:
                older = self._held.get(poll.key)
                self._held[poll.key] = poll
                if older:
                    older.give_up()

    def ended(self, poll: Poll) -> None:
        """A poll that was held is answered, or its client has gone."""
        poll.held = False
        if poll.key is not None and self._held.get(poll.key) is poll:
            del self._held[poll.key]
        poll.over()

    def shared(self, data: bytes) -> bytes:
        """The same bytes, in the one place where they are kept for all who need them."""
        if len(self._shared) >= MOST_SHARED:
            self._shared.clear()
        return self._shared.setdefault(data, data)


class Poll:
    """One question: an outlet that takes one batch."""

    __slots__ = (
        "answered",
        "due",
        "filed",
        "held",
        "key",
        "reading",
        "style",
        "subscriber",
        "wait",
    )

    brief = True

    def __init__(self, reading: Reading, style: Style, wait: float, key: Hashable) -> None:
        self.reading = reading
        self.style = style
        self.wait = wait
        """Seconds that it may be held."""
        self.key = key
        """Who asks, if that is known: of two polls with one key the newer is held."""
        self.subscriber = reading.subscriber(self, style.codec)
        self.answered = False
        self.held = False
        self.due: float | None = None
        self.filed = 0

    def deliver(self, batch: Batch) -> bool:
        """Answer."""
        self.answered = True
        self.answer(batch)
        return False

    def answer(self, batch: Batch) -> None:
        """Write the answer."""
        raise NotImplementedError

    def give_up(self) -> None:
        """Answer with no events: nothing came in time, or a newer poll took over."""
        if not self.answered:
            self.subscriber.stop()
            self.deliver(Batch(b"", 0, self.subscriber.cursor))

    time_is_up = dismiss = give_up

    def answer_now(self) -> None:
        """Answer with what there is, be it nothing."""
        self.subscriber.wake()
        self.give_up()

    def conclude(self) -> None:
        """Answer now: the server is going down."""
        self.answer_now()

    def over(self) -> None:
        """Nothing is held any more."""
        self.reading.end(self)
