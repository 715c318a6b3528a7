"""`ChatClient`: what a program asks of a chat.

1. Commands are sent in the order in which they were given, one at a time; the first request of an
   iteration takes its turn among them.
2. An iteration holds one poll, and only while somebody waits for its next event.
3. Its cursor moves on with what it has read, whatever happens to connection, session and server.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import inf
from typing import Any

from treq.client import HTTPClient as Treq
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import Agent, HTTPConnectionPool

from ..names import clean_room
from .answers import Answer, Event
from .connection import Connection, HTTPClient

LOBBY = "lobby"
"""Where everyone starts."""
LATEST = 50
"""Past events that an iteration begins with, as any reader of the server does."""
PATIENCE = 240.0
"""Seconds after which a command is given up: a server knows an `Idempotency-Key` for 300."""
HOLD_SECONDS = 25
"""Seconds that a poll is held."""
KEPT_SECONDS = 30
"""Seconds that an idle connection is kept: the server keeps it for a minute."""


class ChatClient:
    """Somebody in a chat.

    Commands answer Deferreds, which fail with a `chatd.errors.ChatError`: what was refused, or
    `Unavailable` when there was no answer for `patience` seconds.
    """

    def __init__(
        self,
        url: str,
        name: str = "",
        *,
        reactor: IReactorTime | None = None,
        http: HTTPClient | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Somebody of that name, or a guest; nothing is sent before the first request.

        `http` is treq, or something like it, and `reactor` the clock, which without `http` has to
        make the connections too.  Raises `Malformed` for a bad URL.
        """
        clock: Any = reactor
        if clock is None:
            from twisted.internet import reactor as clock
        self._pool = HTTPConnectionPool(clock)
        self._pool.cachedConnectionTimeout = KEPT_SECONDS
        http = http or Treq(Agent(clock, pool=self._pool))
        self._connection = Connection(url, name, clock, http)
        self._patience = patience
        self._turn = DeferredLock()
        self._iterations = 0
        self._polls: set[Deferred[None]] = set()
        self._closed = False

    @property
    def name(self) -> str:
        """One's own name; a guest's is empty until the server has given it."""
        return self._connection.name

    def events(self, *rooms: str, since: int | None = None, latest: int = LATEST) -> Events:
        """What happens in some rooms (in the lobby, if none is named) and privately.

        It begins behind the event `since`, or with the `latest` past ones; 0: with what comes next.
        """
        self._iterations += 1
        return Events(self, rooms or (LOBBY,), since, latest, str(self._iterations))

    def history(
        self, room: str = LOBBY, count: int = LATEST, before: int = 10**18 - 1
    ) -> Deferred[Sequence[Event]]:
        """The last `count` events of a room, or the last before an id."""
        query = {"limit": count, "before": before}
        return self._ask("GET", "rooms", room, "events", query=query).addCallback(_events)

    def who(self, room: str = LOBBY) -> Deferred[Sequence[str]]:
        """Who is in a room."""
        return self._ask("GET", "rooms", room).addCallback(lambda answer: answer.here)

    def say(self, text: str, room: str = LOBBY) -> Deferred[int]:
        """Say something; answers the event's id, once the server has stored it."""
        return self._post({"text": text}, "rooms", room)

    def act(self, text: str, room: str = LOBBY) -> Deferred[int]:
        """Do something: `act("waves")`."""
        return self._post({"text": text, "type": "action"}, "rooms", room)

    def tell(self, to: str, text: str) -> Deferred[int]:
        """Say something to one person only."""
        return self._post({"text": text}, "people", to)

    def topic(self, room: str = LOBBY) -> Deferred[str]:
        """A room's topic."""
        return self._ask("GET", "rooms", room).addCallback(lambda answer: answer.topic)

    def set_topic(self, text: str, room: str = LOBBY) -> Deferred[int]:
        """Set a room's topic; an empty text clears it."""
        asked = self._ask("PUT", "rooms", room, "topic", body={"text": text})
        return asked.addCallback(_id)
