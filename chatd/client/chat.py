"""`ChatClient`: what a program asks of a chat.

1. What is said, and every other command, is sent in the order in which it was asked for, one at a
   time; the first request of an iteration takes its turn among them.
2. An iteration holds no more than one poll, and only while somebody waits for its next event.
3. Its cursor moves on with what it has read, whatever happens to connections, server and session.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import Agent, HTTPConnectionPool

from .answers import Event, Read, Room, Stored
from .connection import Connection, HTTPClient, Request

T = TypeVar("T")

LOBBY = "lobby"
"""Where everyone starts."""
PATIENCE = 240.0
"""Seconds after which a command is given up: a server knows an `Idempotency-Key` for 300."""
LATEST = 50
"""Past events that an iteration begins with, as the server's own readers do."""
HOLD_SECONDS = 25
"""Seconds that a poll is held."""
KEPT_SECONDS = 30.0
"""Seconds that an idle connection is kept: less than the minute for which the server keeps it."""


class ChatClient:
    """Somebody in a chat.

    Every command answers a Deferred.  It fails with a `chatd.errors.ChatError`: what was refused,
    or `Unavailable` when the server could not be reached for `patience` seconds.
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
        """Of that name, or a guest without one; nothing is sent before the first request.

        `http` is treq, or something like it; `reactor` is the clock, and, without `http`, makes the
        connections.  Raises `Malformed` for a bad URL.
        """
        clock: Any = reactor
        if clock is None:
            from twisted.internet import reactor as clock
        self._pool: HTTPConnectionPool | None = None
        if http is None:
            from treq.client import HTTPClient as Treq

            self._pool = HTTPConnectionPool(clock)
            self._pool.cachedConnectionTimeout = KEPT_SECONDS
            http = Treq(Agent(clock, pool=self._pool))
        self._connection = Connection(url, name, clock, http)
        self._patience = patience
        self._turn = DeferredLock()
        self._iterations = 0
        self._polls: set[Deferred[None]] = set()
        self._closed = False

    @property
    def name(self) -> str:
        """One's own name; a guest has none before the first answer."""
        return self._connection.name

    # -- reading ---------------------------------------------------------------------------------

    def events(self, *rooms: str, since: int | None = None, latest: int = LATEST) -> Events:
        """What happens in some rooms (the lobby, if none is named), for `async for`.

        It begins behind the event `since`, or with the `latest` past ones (0: with what happens
        next).  Private messages are among them.
        """
        self._iterations += 1
        return Events(self, rooms or (LOBBY,), since, latest, str(self._iterations))

    def history(
        self, room: str = LOBBY, count: int = LATEST, before: int | None = None
    ) -> Deferred[list[Event]]:
        """The last `count` events of a room, or the last before an id: as far back as the server
        remembers.
        """
        query = {"limit": count, "before": 10**18 - 1 if before is None else before}
        read = self._ask(Read, "GET", "rooms", room, "events", query=query)
        return read.addCallback(lambda answer: answer.events)

    def room(self, room: str = LOBBY) -> Deferred[Room]:
        """A room's topic, and who is there."""
        return self._ask(Room, "GET", "rooms", room)

    def who(self, room: str = LOBBY) -> Deferred[list[str]]:
        """Who is in a room."""
        return self.room(room).addCallback(lambda state: state.here)

    # -- commands --------------------------------------------------------------------------------

    def say(self, text: str, room: str = LOBBY) -> Deferred[int]:
        """Say something; answers the event's id, once the server has stored it."""
        return self._tell({"text": text}, "POST", "rooms", room, "messages")

    def act(self, text: str, room: str = LOBBY) -> Deferred[int]:
        """Do something: `act("waves")`."""
        return self._tell({"text": text, "type": "action"}, "POST", "rooms", room, "messages")

    def tell(self, to: str, text: str) -> Deferred[int]:
        """Say something to one person only."""
        return self._tell({"text": text}, "POST", "people", to, "messages")

    def topic(self, text: str, room: str = LOBBY) -> Deferred[int]:
        """Set a room's topic; an empty text clears it."""
        return self._tell({"text": text}, "PUT", "rooms", room, "topic")

    def rename(self, name: str) -> Deferred[str]:
        """Take another name; answers it as the server spells it."""
        return self._in_turn(lambda: self._connection.rename(name, self._patience))

    def join(self, room: str) -> Deferred[str]:
        """Come into a room, and again after every reconnect; reading needs no joining, and speaking
        joins by itself.
        """
        return self._in_turn(lambda: self._connection.join(room, self._patience))

    def leave(self, room: str, text: str = "") -> Deferred[None]:
        """Leave a room; `text` is a parting word."""
        return self._in_turn(lambda: self._connection.part(room, text, self._patience))

    def close(self) -> Deferred[None]:
        """Leave the chat, behind what was said before; iterations end, and connections."""
        return self._in_turn(self._close)

    async def __aenter__(self) -> ChatClient:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    # -- how ---------------------------------------------------------------------------------------

    def _say(self, body: object, method: str, *path: str) -> Deferred[int]:
        return self._ask(Stored, method, *path, body=body).addCallback(lambda stored: stored.id)

    def _ask(
        self,
        form: type[T],
        method: str,
        *path: str,
        body: object = None,
        query: Mapping[str, object] = {},
    ) -> Deferred[T]:
        request = Request(form, method, path, body, query)
        return self._in_turn(lambda: self._connection.ask(request, self._patience))

    def _in_turn(self, act: Callable[[], Coroutine[Any, Any, T]]) -> Deferred[T]:
        async def wait() -> T:
            async with self._turn:
                if self._closed:
                    raise ClosedClient("this client is closed; make another one")
                return await act()

        return Deferred.fromCoroutine(wait())

    async def _close(self) -> None:
        self._closed = True
        for poll in tuple(self._polls):
            poll.cancel()
        await self._connection.leave()
        if self._pool:
            await self._pool.closeCachedConnections()


class Events:
    """What happens in some rooms: `async for event in events`.

    After an error, or a wait that was cancelled, it can be asked again: it goes on where it stood.
    """

    def __init__(
        self, client: ChatClient, rooms: Sequence[str], since: int | None, latest: int
    ) -> None:
        self._client = client
        self._rooms = rooms
        self._cursor = since
        self._latest = latest
        self._reader = token_urlsafe(6)
        self._fresh: deque[Event] = deque()

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        while not self._fresh:
            await self._client.poll(self._read)
        return self._fresh.popleft()

