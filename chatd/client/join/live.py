"""The link between a `ChatClient` and what is shown: reading, speaking, joining, scroll-back.

1. One iteration of events reads all open rooms, and private messages.  When rooms are opened or
   closed, a new iteration continues from its cursor, so nothing is lost or shown twice.
2. The past of a place is loaded when the place is opened, and older events when the user scrolls
   up.
3. While the server does not answer, the client says so, and sends probes to find out when the
   server is back: the answer to a held poll may take half a minute.
4. A refusal becomes a line in the place; only `end` ends the client.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...model.errors import (
    BadToken,
    ChatError,
    TextTooLong,
    TooLarge,
    Unavailable,
)
from ...model.names import name_key
from ..answers import Event, RoomRow
from ..chat import ChatClient, Events
from .places import Place, Places

PAGE = 50
"""Events of the past that are loaded at a time."""
ROOMS_A_PAGE = 100
"""Rooms in one answer of the server."""
MOST_ROOMS = 1000
"""Rooms that are asked for."""
PROBE_SECONDS = 1.0
"""Seconds between two probes of a server that does not answer."""
MARK_SECONDS = 2.0
"""Seconds after which the client tells the server that the user has seen a message."""


class Live:
    """A user of a chat, and the places that are shown."""

    _log = Logger()

    def __init__(
        self,
        client: ChatClient,
        clock: IReactorTime,
        changed: Callable[[], object],
        called: Callable[[Event], object],
    ) -> None:
        """`changed` is called after each change of the places, `called` when somebody mentions the
        user or sends the user a private message.
        """
        self.client = client
        self.places = Places()
        self.trouble = ""
        """Why the server cannot be reached; empty if it can."""
        self.account = False
        """Whether the user is signed in to an account."""
        self.asking: Callable[[str], Coroutine[Any, Any, None]] | None = None
        """Called with the next input, which is a password."""
        self.correspondent = ""
        """The sender of the last private message."""
        self.told: Callable[[Event], object] = lambda event: None
        """Called with each live event that is shown."""
        self.noted: Callable[[str], object] = lambda line: None
        """Called with each line of the client itself."""
        self.ended: Deferred[int] = Deferred()
        """Fires with the exit status when the user quits."""
        self._clock = clock
        self._changed = changed
        self._called = called
        self._too_long = ""
        """A text of several lines that was too long for one message: the same again is parted."""
        self._cursor: int | None = None
        self._reading: Deferred[None] | None = None
        self._probing = False
        self._marking = False
        self._loading: set[str] = set()

    # -- beginning and ending ----------------------------------------------------------------------

    async def begin(self, room: str) -> None:
        """Sign in, join a room, and show it.  Raises `ChatError`."""
        self.client.watch(self._lost, self._back)
        name = await self.client.join(room)
        await self._refresh()
        self.places.open(name)
        self.places.visit(name)
        self._read_on()
        await self.load_all()

    def end(self, status: int = 0) -> None:
        """End the client."""
        if self._reading:
            self._reading.cancel()
        if not self.ended.called:
            self.ended.callback(status)

    async def close(self) -> None:
        """Leave: end the session of a guest, and the connections."""
        if self._reading:
            self._reading.cancel()
        await self.client.close()

    def do(self, work: Coroutine[Any, Any, None]) -> Deferred[None]:
        """Run a coroutine; an error in it becomes a line in the place."""

        def failed(failure: Failure) -> None:
            if isinstance(failure.value, ChatError):
                self.complain(failure.value.message)
            elif not failure.check(CancelledError):
                self._log.failure("the client has failed", failure)
                self.complain(f"this client has failed: {failure.getErrorMessage()}")

        return ensureDeferred(work).addErrback(failed)

    def answer(self, text: str) -> None:
        """Show an answer."""
        self._note("answer", text)

    def complain(self, text: str) -> None:
        """Show an error."""
        self._note("error", text)

    def _note(self, kind: Literal["answer", "error"], text: str) -> None:
        self.places.note(kind, text)
        self.noted(f"{'==' if kind == 'answer' else '!!'} {text}")
        self._changed()

    # -- reading -----------------------------------------------------------------------------------

    async def _refresh(self) -> None:
        """Ask the server for the name, the rooms and the unread counts."""
        state = await self.client.session()
        self.places.name, self.account = state.name, state.account
        self.places.ignored = {name_key(name) for name in state.ignores}
        for room in state.rooms:
            self.places.open(room).unread = state.unread.get(room, 0)
        self.places.seen()
        self._changed()

    def _read_on(self) -> None:
        """Read the rooms that are open now, from the cursor on."""
        if self._reading:
            self._reading.cancel()
        self._reading = self.do(self._read())

    async def _read(self) -> None:
        while True:
            rooms = self.places.rooms
            events = self.client.events(*rooms, since=self._cursor, latest=0)
            try:
                await self._follow(events)
                return
            except BadToken:
                self._signed_out()
                return
            except Unavailable:
                await deferLater(self._clock, PROBE_SECONDS)
            except ChatError:
                if not await self._drop_forbidden(rooms):
                    raise

    async def _follow(self, events: Events) -> None:
        try:
            async for event in events:
                self._cursor = event.id
                self._happened(event)
        finally:
            if events.cursor is not None:
                self._cursor = events.cursor

    def _happened(self, event: Event) -> None:
        places = self.places
        before = places.name
        called = places.add(event)
        if places.hides(event):
            return
        if event.type == "private" and event.sender != places.name:
            self.correspondent = event.sender
        if event.type in ("kick", "ban") and event.target == before:
            why = f": {event.text}" if event.text else ""
            self._put_out(event.room, f"{event.sender} has put you out of #{event.room}{why}")
        self.told(event)
        if called:
            self._called(event)
        if places.place and event.room == places.here:
            self._mark_soon()
        self._changed()

    async def _drop_forbidden(self, rooms: list[str]) -> bool:
        """Close the rooms that the user may not read any more.  Returns whether there was one."""
        found = False
        for room in rooms:
            try:
                await self.client.who(room)
            except ChatError as problem:
                if isinstance(problem, Unavailable):
                    raise
                found = True
                self._put_out(room, f"#{room}: {problem.message}")
        return found

    def _put_out(self, room: str, why: str) -> None:
        self.places.close(room)
        self.client.forget(room)
        self.complain(why)
        self._clock.callLater(0, self._read_on)

    def _signed_out(self) -> None:
        self.complain("your session is over: /login NAME to sign in again")

    # -- what the server is doing ------------------------------------------------------------------

    def _lost(self, reason: str, wait: float) -> None:
        first = not self.trouble
        self.trouble = reason
        if first:
            self.complain(f"{reason}; what you say is sent when it is back")
        if not self._probing:
            self._probing = True
            self.do(self._probe())
        self._changed()

    async def _probe(self) -> None:
        try:
            while self.trouble:
                await deferLater(self._clock, PROBE_SECONDS)
                try:
                    await self.client.session()
                    self._back()
                except Unavailable:
                    continue
        finally:
            self._probing = False

    def _back(self) -> None:
        if self.trouble:
            self.trouble = ""
            self.answer("connected again")

    # -- the past ----------------------------------------------------------------------------------

    async def load(self, place: Place) -> None:
        """Load the newest events of a place, and a room's people and topic."""
        try:
            await self.earlier(place)
            if not place.person:
                place.people = [*await self.client.who(place.name)]
                place.topic = await self.client.topic(room=place.name)
        finally:
            place.loaded = True
        self._changed()

    async def earlier(self, place: Place, count: int = PAGE) -> None:
        """Load events from before the oldest loaded event of a place."""
        if place.complete or place.name in self._loading:
            return
        if place.person and not self.account:
            place.complete = True  # a guest's private messages are kept nowhere
            return
        self._loading.add(place.name)
        try:
            before = place.first or 10**18 - 1
            read = self.client.conversation if place.person else self.client.history
            events = await read(place.person or place.name, count, before)
            place.complete = not self.places.add_past(place.name, events)
        finally:
            self._loading.discard(place.name)
        self._changed()

    async def all_rooms(self) -> list[RoomRow]:
        """The rooms that exist, `MOST_ROOMS` at most."""
        rows: list[RoomRow] = []
        while page := await self.client.rooms(rows[-1].room if rows else ""):
            rows += page
            if len(page) < ROOMS_A_PAGE or len(rows) >= MOST_ROOMS:
                break
        return rows

    # -- places ------------------------------------------------------------------------------------

    def visit(self, name: str) -> bool:
        """Show an open place.  Returns False if it is not open."""
        place = self.places.visit(name)
        self._mark_soon()
        self._changed()
        return place is not None

    def moved(self) -> None:
        """Note that another place has become visible."""
        self._mark_soon()
        self._changed()

    async def join(self, room: str) -> None:
        """Join a room, and show it."""
        name = await self.client.join(room)
        new = self.places.find(name) is None
        place = self.places.open(name)
        self.visit(name)
        if new:
            self._read_on()
            await self.load(place)

    async def leave(self, name: str, text: str = "") -> None:
        """Leave a room, or close a private conversation."""
        place = self.places.find(name)
        if place and not place.person:
            await self.client.leave(place.name, text)
        if place:
            self.places.close(name)
            self._read_on()
            self._changed()

    async def talk(self, name: str) -> None:
        """Show the private conversation with somebody."""
        new = self.places.find(f"@{name}") is None
        place = self.places.open(f"@{name}")
        self.visit(f"@{name}")
        if new:
            await self.load(place)

    async def say(self, text: str) -> None:
        """Say something in the visible place.  Several lines that are too long for one message are
        refused at first, and sent in parts when they are said again.  Raises `ChatError`.
        """
        place = self.places.place
        if place is None:
            self.complain("you are in no room; /join lobby, or another one")
            return
        again, self._too_long = text == self._too_long, ""
        try:
            await self._say(place, text)
        except (TextTooLong, TooLarge) as problem:
            if "\n" not in text:
                raise
            if not again:
                self._too_long = text
                raise TextTooLong(f"{problem}, or Enter again sends it in parts") from None
            lines = text.split("\n")
            half = len(lines) // 2
            for part in ("\n".join(lines[:half]), "\n".join(lines[half:])):
                self._too_long = part
                await self.say(part)

    async def _say(self, place: Place, text: str) -> None:
        if not text.strip():
            return
        if place.person:
            await self.client.tell(place.person, text)
        else:
            await self.client.say(text, place.name)

    async def begin_anew(self) -> None:
        """Another session has begun: show its rooms, and read them."""
        here = self.places.place
        for room in self.places.rooms:
            self.places.close(room)
        await self._refresh()
        if not self.places.rooms:
            self.places.open(await self.client.join("lobby"))
        self.places.visit(here.name if here and self.places.find(here.name) else "lobby")
        if not self.places.place:
            self.places.visit(self.places.rooms[0])
        self._read_on()

    async def load_all(self) -> None:
        """Load the newest events of all places."""
        for place in list(self.places.all.values()):
            await self.do(self.load(place))

    def _mark_soon(self) -> None:
        if self.account and not self._marking:
            self._marking = True
            self._clock.callLater(MARK_SECONDS, lambda: self.do(self._mark()))

    async def _mark(self) -> None:
        self._marking = False
        place = self.places.place
        if place is None or not place.last or self.ended.called:
            return
        if place.person:
            await self.client.read_private(place.person, place.last)
        else:
            await self.client.read(place.name, place.last)
