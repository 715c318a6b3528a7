"""`ChatClient`: a client of a chat for Twisted programs.

1. Commands are sent in the order of the calls, one at a time.  The first request of an iteration
   over events is queued with them.
2. An iteration has at most one long-poll open, and only while the program waits for an event.
3. An iteration keeps its cursor over lost connections, expired sessions and restarts of the
   server.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from treq.client import HTTPClient as Treq
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import Agent, HTTPConnectionPool

from ..model.names import clean_room
from .answers import Answer, Event, Partner, RoomRow, State
from .connection import Connection, HTTPClient
from .moderation import Moderation

LOBBY = "lobby"
"""The room that every session begins in."""
LATEST = 50
"""Past events at the start of an iteration; the server's default is the same."""
PATIENCE = 240.0
"""Seconds after which a command fails; a server remembers an `Idempotency-Key` for 300."""
HOLD_SECONDS = 25
"""Seconds that a poll is held."""
KEPT_SECONDS = 30
"""Seconds that an idle connection stays open; the server closes it later."""


class ChatClient:
    """A session with a chat.

    Commands return Deferreds, which fail with a `chatd.model.errors.ChatError`: the refusal, or
    `Unavailable` if there was no answer for `patience` seconds.
    """

    def __init__(
        self,
        url: str,
        name: str = "",
        *,
        reactor: IReactorTime | None = None,
        http: HTTPClient | None = None,
        patience: float = PATIENCE,
        password: str = "",
        token: str | None = None,
    ) -> None:
        """A client called `name`, or a guest.  With a `password` it signs in to the account of that
        name.  With a personal `token` it acts as the token's account, without a session: it is not
        present, and others see no `join`.  With an empty token it is a visitor called `name`, who
        may read open rooms and say something.  No request is sent before the first call.

        `http` is treq or a double of it.  `reactor` is the clock, and without `http` also makes
        the connections.  Raises `Malformed` for a bad URL.
        """
        clock: Any = reactor
        if clock is None:
            from twisted.internet import reactor as clock
        self._pool = HTTPConnectionPool(clock)
        self._pool.cachedConnectionTimeout = KEPT_SECONDS
        http = http or Treq(Agent(clock, pool=self._pool))
        self._connection = Connection(url, name, clock, http, password, token)
        self._patience = patience
        self._turn = DeferredLock()
        self._iterations = 0
        self._polls: set[Deferred[None]] = set()
        self._closed = False

    @property
    def name(self) -> str:
        """The client's name; a guest's is empty until the server has assigned one."""
        return self._connection.name

    def events(self, *rooms: str, since: int | None = None, latest: int = LATEST) -> Events:
        """The events of some rooms (by default of the lobby), and private messages.

        The iteration begins after the event `since`, or with the `latest` past events; 0: with the
        next event.
        """
        self._iterations += 1
        return Events(self, rooms or (LOBBY,), since, latest, str(self._iterations))

    def history(
        self, room: str = LOBBY, count: int = LATEST, before: int = 10**18 - 1
    ) -> Deferred[Sequence[Event]]:
        """The last `count` events of a room, or the last before an id."""
        query = {"limit": count, "before": before}
        return self._ask("GET", "rooms", room, "events", query=query).addCallback(
            lambda answer: answer.events
        )

    def conversation(
        self, name: str, count: int = LATEST, before: int = 10**18 - 1
    ) -> Deferred[Sequence[Event]]:
        """The last `count` private messages between the client's account and the account `name`, or
        the last before an id.
        """
        query = {"limit": count, "before": before}
        return self._ask("GET", "people", name, "events", query=query).addCallback(
            lambda answer: answer.events
        )

    def people(self) -> Deferred[Sequence[Partner]]:
        """The accounts with which the client's account has private conversations, newest first."""
        return self._ask("GET", "people").addCallback(lambda answer: answer.people)

    def session(self) -> Deferred[State]:
        """The client's name, whether it is an account's, its rooms, and the account's list of
        ignored people.
        """

        def read(answer: Answer) -> State:
            rooms = tuple(room for room in answer.rooms if isinstance(room, str))
            return State(answer.name, answer.account, rooms, answer.unread, answer.ignores)

        return self._ask("GET", "session").addCallback(read)

    def rooms(self, after: str = "") -> Deferred[Sequence[RoomRow]]:
        """A page of at most 100 rooms in alphabetical order; it begins behind the room `after`."""
        query = {"after": after} if after else None
        return self._ask("GET", "rooms", query=query).addCallback(
            lambda answer: [room for room in answer.rooms if isinstance(room, RoomRow)]
        )

    def search(
        self, words: str, room: str = LOBBY, count: int = LATEST, before: int = 10**18 - 1
    ) -> Deferred[Sequence[Event]]:
        """The messages of a room that have all the words, the newest first."""
        query = {"q": words, "limit": count, "before": before}
        return self._ask("GET", "rooms", room, "search", query=query).addCallback(
            lambda answer: answer.events
        )

    def read(self, room: str, id: int) -> Deferred[None]:
        """Store that the client's account has read a room up to an event."""
        asked = self._ask("PUT", "rooms", room, "marker", body={"id": id})
        return asked.addCallback(lambda _: None)

    def watch(self, lost: Callable[[str, float], object], back: Callable[[], object]) -> None:
        """Call `lost` with the reason and the seconds to wait, whenever the server does not answer
        and the client is going to try again, and `back` when it answers again.
        """
        self._connection.lost, self._connection.back = lost, back

    def moderate(self, room: str = LOBBY) -> Moderation:
        """The commands of owners and ops for a room."""
        return Moderation(self._ask, room)

    def who(self, room: str = LOBBY) -> Deferred[Sequence[str]]:
        """The names of the people in a room."""
        return self._ask("GET", "rooms", room).addCallback(lambda answer: answer.here)

    def say(self, text: str, room: str = LOBBY) -> Deferred[int]:
        """Send a message.  Fires with the event's id when the server has stored it."""
        return self._post({"text": text}, "rooms", room)

    def act(self, text: str, room: str = LOBBY) -> Deferred[int]:
        """Send an action: `act("waves")`."""
        return self._post({"text": text, "type": "action"}, "rooms", room)

    def tell(self, to: str, text: str) -> Deferred[int]:
        """Send a private message."""
        return self._post({"text": text}, "people", to)

    def delete_private(self, name: str, id: int) -> Deferred[None]:
        """Delete a private message that one sent to the account of that name; `Moderation.delete`
        does that with those of rooms.
        """
        asked = self._ask("DELETE", "people", name, "messages", str(id))
        return asked.addCallback(lambda _: None)

    def read_private(self, name: str, id: int) -> Deferred[None]:
        """Note that one's own account has read its conversation with another up to a message."""
        asked = self._ask("PUT", "people", name, "marker", body={"id": id})
        return asked.addCallback(lambda _: None)

    def topic(self, text: str | None = None, room: str = LOBBY) -> Deferred[str]:
        """A room's topic; with `text`, after setting it (empty clears it)."""
        if text is None:
            return self._ask("GET", "rooms", room).addCallback(lambda answer: answer.topic)
        asked = self._ask("PUT", "rooms", room, "topic", body={"text": text})
        return asked.addCallback(lambda _: text)

    def rename(self, name: str) -> Deferred[str]:
        """Take another name.  Fires with the name as the server spells it."""

        def renamed(answer: Answer) -> str:
            self._connection.name = self._connection.wanted = answer.name
            return answer.name

        return self._ask("PATCH", "session", body={"name": name}).addCallback(renamed)

    def register(self, password: str, invite: str = "") -> Deferred[str]:
        """Register the client's name as an account; `invite` is the code of an invite, where the
        server takes one.  Fires with the name.
        """
        return self._turn.run(
            lambda: Deferred.fromCoroutine(self._connection.register(password, invite))
        )

    def sign_in(self, name: str, password: str) -> Deferred[str]:
        """Sign in to an account, and end the present session.  Fires with the account's name."""
        return self._turn.run(
            lambda: Deferred.fromCoroutine(self._connection.sign_in(name, password))
        )

    def sign_out(self) -> Deferred[None]:
        """End the session of the account; the next call begins a guest's."""
        return self._turn.run(lambda: Deferred.fromCoroutine(self._connection.sign_out()))

    def change_password(self, new: str) -> Deferred[None]:
        """Change the password of the account to which the client has signed in; all other sessions
        of the account end.
        """
        return self._turn.run(lambda: Deferred.fromCoroutine(self._connection.change_password(new)))

    def ignore(self, name: str) -> Deferred[None]:
        """Have the client's account ignore a person: private messages of that person are not
        delivered any more.  The events of rooms still have what the person says, for the program to
        leave out.
        """
        return self._ask("PUT", "account", "ignores", name).addCallback(lambda _: None)

    def unignore(self, name: str) -> Deferred[None]:
        """Ignore a person no longer."""
        return self._ask("DELETE", "account", "ignores", name).addCallback(lambda _: None)

    def join(self, room: str) -> Deferred[str]:
        """Join a room, so that others see the client there.  Reading does not need that, and
        sending a message joins the room, too.
        """

        def joined(answer: Answer) -> str:
            self._connection.rooms.add(answer.room)
            return answer.room

        return self._ask("PUT", "rooms", room, "membership").addCallback(joined)

    def leave(self, room: str, text: str = "") -> Deferred[None]:
        """Leave a room; `text` is the parting word."""
        asked = self._ask("DELETE", "rooms", room, "membership", body={"text": text})
        return asked.addCallback(lambda _: self._connection.rooms.discard(clean_room(room)))

    def forget(self, room: str) -> None:
        """Do not join a room again in the next session, because the client was removed from it."""
        self._connection.rooms.discard(clean_room(room))

    def close(self) -> Deferred[None]:
        """End the session, after all earlier requests; iterations end, and connections close."""
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        async with self._turn:
            self._closed = True
            for poll in tuple(self._polls):
                poll.cancel()
            await self._connection.leave()
            gone: Deferred[None] = Deferred()  # cancelled, the pool's own fails with a FirstError
            self._pool.closeCachedConnections().chainDeferred(gone)
            await gone

    async def __aenter__(self) -> ChatClient:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    def _post(self, body: object, *path: str) -> Deferred[int]:
        query = {"name": self.name} if self._connection.lasting == "" else None
        asked = self._ask("POST", *path, "messages", body=body, query=query)
        return asked.addCallback(lambda answer: int(answer.id))

    def _ask(self, method: str, *path: str, **options: Any) -> Deferred[Answer]:
        """Queue a request; fires with its answer."""

        async def wait() -> Answer:
            async with self._turn:
                if self._closed:
                    raise RuntimeError("this client is closed")
                answer: Answer = await self._connection.ask(
                    self._patience, method, *path, **options
                )
                return answer

        return Deferred.fromCoroutine(wait())


class Events:
    """An asynchronous iterator over the events of some rooms: `async for event in events`.

    After an error or a cancelled wait, the program can continue it without losing an event.
    """

    def __init__(
        self, client: ChatClient, rooms: Sequence[str], since: int | None, latest: int, reader: str
    ) -> None:
        self._client = client
        self._query: dict[str, object] = {"rooms": ",".join(rooms), "reader": reader}
        self._room = rooms[0] if len(rooms) == 1 else ""
        self._cursor = since
        self._latest = latest
        self._patience = client._patience
        self._fresh: deque[Event] = deque()
        self._place = since

    @property
    def cursor(self) -> int | None:
        """The `since` of an iteration that continues this one; None if this one has not begun."""
        return self._place if self._fresh else self._cursor

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        client = self._client
        while not self._fresh:
            if client._closed:
                raise StopAsyncIteration
            poll = Deferred.fromCoroutine(self._poll())
            client._polls.add(poll)
            try:
                await poll
            except CancelledError:
                if not client._closed:
                    raise
            finally:
                client._polls.discard(poll)
        event = self._fresh.popleft()
        self._place = event.id
        return event

    async def _poll(self) -> None:
        """Read on from the cursor; the first time, find the cursor."""
        self._place = self._cursor
        if self._cursor is None:
            query = self._query | {"limit": max(self._latest, 1), "wait": 0}
            answer = await self._client._ask("GET", "events", query=query)
            self._fresh.extend(answer.events if self._latest else ())
        else:
            query = self._query | {"since": self._cursor, "wait": HOLD_SECONDS}
            connection = self._client._connection
            answer = await connection.ask(self._patience, "GET", "events", query=query)
            if answer.gap:
                self._fresh.append(Event(self._cursor, "gap", self._room))
            self._fresh.extend(answer.events)
        if isinstance(answer.next, int):
            self._cursor = answer.next
        self._patience = inf  # after the first success, try for ever
