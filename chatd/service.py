"""`ChatService`: the one object that every door holds.

An event has three moments.

1. *Accepted*: `perform` judges a command and puts its event into this turn's batch, with no waiting
   in between; so the order of accepting is the order of the batch.
2. *Stored*: the store takes the batch, in one `append` or, if it is more than a log holds, in
   several, each whole or not at all, and gives the ids.
3. *Shown*: what the store has taken comes back through one listener, goes into its room's log,
   wakes the readers, and then the Deferred of `perform` fires.

Nothing is shown that the store has not taken, and a batch that it refuses is told to its senders
only. Names and memberships are the service's own and change when they are accepted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from functools import singledispatchmethod
from typing import NamedTuple
from weakref import WeakValueDictionary

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from .addresses import LOCAL, Address
from .admission import Admission
from .commands import Act, Command, Join, Leave, Rename, Say, SetTopic, Tell
from .directory import Directory
from .errors import (
    BadName,
    BadRoom,
    ChatError,
    NameInUse,
    NoSession,
    NoSuchPerson,
    NotInRoom,
    TooManyRooms,
    Unavailable,
)
from .eventlog import Entry, EventLog
from .events import (
    Acted,
    Event,
    Joined,
    Left,
    Noticed,
    Renamed,
    RoomEvent,
    Said,
    SentPrivately,
    Told,
    TopicSet,
)
from .limits import DEFAULTS, Limits
from .lookalikes import Lookalikes, prepare, scripts_differ, speaks_for_server
from .names import clean_name, clean_room, name_key
from .places import Place, lost, oldest
from .room import LOBBY, SUMMARY_SECONDS, Listing, Room, Tally
from .session import INBOX, Session
from .store import Store
from .subscriber import Notifier, Source
from .text import MAX_TOPIC, clean_phrase, clean_text

HISTORY = 1000
"""Events kept per room in memory, if nothing else is asked for."""
MAX_TEXT = 4096
"""Bytes in a message, if nothing else is asked for."""
WARM_ROOMS = 100
"""Rooms kept in memory for a while though nobody is there: whoever asks for one asks again."""
RECALL_SECONDS = 10.0
"""Seconds between two attempts to read what could not be read: whoever comes asks for it."""
MOST_UNSTORED = 10_000
"""Events that may wait for a store that is slow or stuck, before no more are accepted."""


PAGES_AT_ONCE = 4
"""Pages of history that are read from the store at a time: hundreds of clients may ask for one, and
what is read for them must not pile up before it is sent."""


class Accepted(NamedTuple):
    """Events that were accepted together, and are stored together."""

    events: Sequence[Event]
    outcome: Deferred[int | None]
    """Fires with the id of the first."""
    mark: bytes | None
    room: Room | None
    """Kept in memory until then: a room that somebody speaks in is one of those there are."""


class ChatService(Service):
    """Sessions, rooms and the order of what happens in them."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        *,
        history: int = HISTORY,
        max_text: int = MAX_TEXT,
        limits: Limits = DEFAULTS,
    ) -> None:
        """A chat over `store`.

        `clock` must never run backwards.  `history` is in events per room, `max_text` in bytes of
        UTF-8.
        """
        self.clock = clock
        self.admission = Admission(limits, clock.seconds)
        """Who is let in, and how fast each may go on."""
        self.max_text = max_text
        self.horizon = store.last
        """The highest id shown so far; a cursor above it lies in the future."""
        self._history = history
        self._store = store
        # A room is in memory as long as somebody is in it or reads it; then the store has it.
        self._rooms: WeakValueDictionary[str, Room] = WeakValueDictionary()
        self._directory = Directory(lambda: self.admission.limits, lambda: store.rooms, self._rooms)
        self._lately: deque[Room] = deque(maxlen=WARM_ROOMS)
        self._people: dict[str, Session] = {}
        self._chosen_names = Lookalikes()
        self._room_names = Lookalikes()
        self._room_names.add(LOBBY)
        self._guests = 0
        self._letters: dict[Told, deque[tuple[Session, Session]]] = {}
        self._batch: list[Accepted] = []
        self._unstored = 0
        self._reading = DeferredSemaphore(PAGES_AT_ONCE)
        self._settled: Deferred[None] | None = None
        # No log may forget what was appended before its readers were woken.
        self._patience = min(history, INBOX)
        self._notifier = Notifier(
            lambda wake: clock.callLater(0, wake),
            self._patience,
            self._reader_failed,
            clock.seconds,
        )
        store.follow(self._show)

    @property
    def id(self) -> str:
        """What tells this chat from every other: its store's own id."""
        return self._store.id

    @property
    def marks(self) -> Mapping[bytes, int]:
        """The marks of commands that were carried out before the start, and what they answered."""
        return self._store.marks

    def startService(self) -> None:
        """Open the store.  Raises `Unavailable` when it cannot be used."""
        super().startService()
        prepare()
        self._store.open()
        self.horizon = self._store.last
        for room in self._store.rooms:
            self._room_names.add(room)

    def probe(self) -> Deferred[None]:
        """Fires if the store takes events now; fails with `Unavailable`, which says why not."""
        return self._store.probe()

    def drain(self) -> Deferred[None]:
        """Take no more commands; fires when all that were taken are shown, or refused.

        From here on nobody's leaving is told: those who are here did not choose to go, and most
        are back in a moment.
        """
        settled = self._settled = Deferred()
        self._flush()
        self._settle()
        return settled

    def _settle(self) -> None:
        if self._settled and not (self._unstored or self._settled.called):
            self._settled.callback(None)

    def stopService(self) -> Deferred[None]:
        """Store what was accepted, then close the store."""
        super().stopService()
        self._flush()
        return self._store.close()

    # -- people ----------------------------------------------------------------------------------

    def enter(self, name: str = "", address: Address = LOCAL) -> Session:
        """A new session in the lobby: of that name and announced, or a guest without one.

        Raises `BadName`, `NameInUse`.
        """
        shown = self._free_name(name) if name else self._guest_name()
        session = Session(shown, self.admission.bucket(), named=bool(name), address=address)
        self._people[name_key(shown)] = session
        if name:
            self._chosen_names.add(shown)
        self._add(session, self.room(LOBBY))
        return session

    def end(self, session: Session, text: str = "") -> None:
        """The session leaves every room, and its name is free again.  `text` is its parting
        word.
        """
        if session.ended:
            return
        session.ended = True
        try:
            parting = clean_phrase(text, self.max_text)
        except ChatError:
            parting = ""  # nobody is kept here by a bad word
        for room in list(session.rooms.values()):
            self._remove(session, room, parting)
        del self._people[name_key(session.name)]
        self._chosen_names.discard(session.name)

    def visitor(self, name: str, address: Address = LOCAL) -> Session:
        """Somebody who says one thing and holds no name: only `Say`, `Act`, `SetTopic` and `Tell`
        are for them.

        Raises `BadName`, and `NameInUse` when a session holds the name.
        """
        shown, bucket = self._free_name(name), self.admission.visitors(address)
        return Session(shown, bucket, named=True, visiting=True, address=address)

    def person(self, name: str) -> Session:
        """Who has that name now.  Raises `NoSuchPerson`."""
        try:
            return self._people[name_key(name)]
        except (KeyError, BadName):
            raise NoSuchPerson("nobody of that name is here; /who lists those who are") from None

    def _free_name(self, name: str, own: Session | None = None) -> str:
        shown = clean_name(name)
        if self._people.get(name_key(shown), own) is not own:
            raise NameInUse(f"the name {shown} is in use; choose another")
        if speaks_for_server(shown):
            raise BadName("that name speaks for the server, or looks like one that does")
        own_name = own.name if own else None
        other = self._chosen_names.find(shown, lambda other: other != own_name)
        if other is not None:
            raise NameInUse(f"that name looks like {other}, who is here; choose another")
        return shown

    def _guest_name(self) -> str:
        self._guests += 1
        return f"guest-{self._guests:04}"

    # -- rooms -----------------------------------------------------------------------------------

    def room(self, name: str) -> Room:
        """The room of that name, which need not exist, and does not by being looked at.

        Raises `BadRoom`.
        """
        return self._room(clean_room(name))

    def watch(self, room: Room, address: Address) -> None:
        """Somebody at that address is about to read a room.  Raises as `Directory.read` does."""
        self._directory.read(room, address)

    def _found(self, room: Room, address: Address) -> None:
        """Somebody at that address is about to come into a room, or to say something in it.

        Raises `BadRoom` if the room does not exist and its name could be taken for another's, and
        as `Directory.found` does.
        """
        if not self._exists(room.name):
            other = self._room_names.find(
                room.name, lambda other: self._exists(other) and scripts_differ(room.name, other)
            )
            if other is not None:
                raise BadRoom(f"that name looks like #{other}, in another script; choose another")
        self._directory.found(room, address)

    def _exists(self, key: str) -> bool:
        return self._directory.exists(key) or key == LOBBY

    def _room(self, key: str) -> Room:
        room = self._rooms.get(key)
        if room is None:
            entries, floor, torn = self._store.recall(key, self.horizon)
            past = self._store.rooms.get(key)
            torn = torn and past is not None and past.first <= self.horizon
            log = EventLog(self._history, floor, torn=torn)
            for entry in entries:
                log.append(entry)
            room = self._rooms[key] = Room(key, log, past.topic if past else "")
            room.recalled = self.clock.seconds()
            if len(self._room_names) > 2 * self.admission.limits.rooms:
                self._room_names.keep(self._exists)
            self._room_names.add(key)
            if entries or torn:
                self._lately.append(room)
        elif room.log.torn:
            self._mend(room)
        return room

    def _mend(self, room: Room) -> None:
        """Try again to read what was said before the room came to life."""
        now = self.clock.seconds()
        if now - room.recalled >= RECALL_SECONDS:
            room.recalled = now
            entries, floor, torn = self._store.recall(room.name, room.log.floor)
            if not torn:
                room.mend(entries, floor)

    def rooms(self, after: str = "", limit: int | None = None) -> list[Listing]:
        """The rooms where somebody is or something was said, in alphabetical order: at most `limit`
        of them, those behind the (clean) name `after`.
        """
        return [self.listing(name) for name in self._directory.names(after, limit)]

    @property
    def list_version(self) -> object:
        """Which changes the list of rooms has seen: while it is equal, so is the list, but for what
        was forgotten.
        """
        return self.horizon, self._directory.changes

    def listing(self, key: str) -> Listing:
        """The room of that (clean) name, as it stands in a list."""
        room, past = self._rooms.get(key), self._store.rooms.get(key)
        people = len(room.names) if room else 0
        if past is None:
            return Listing(key, "", people, None, None)
        return Listing(key, past.topic, people, past.first, past.last)

    def page(self, room: Room, before: int | None, limit: int) -> Deferred[list[Entry]]:
        """The last `limit` entries of a room below the id `before` (None: the newest), oldest
        first; fewer, if that is more than one answer holds (`chatd.pages`).

        Reaches as far back as the store kept them.  Fails with `Unavailable`.
        """
        return self._reading.run(self._store.read, room.name, before, limit)

    def has_older(self, room: Room, entries: Sequence[Entry]) -> bool:
        """Whether anything is kept of a room before the first of some of its entries."""
        past = self._store.rooms.get(room.name)
        return bool(entries and past and past.first < entries[0].id)

    def place(self, sources: Sequence[Source], cursor: int) -> Place:
        """Where a reader begins that says it stands at `cursor`; 0: before the oldest entry kept.

        A cursor above the horizon was given by another server, or by an earlier life of this one.
        """
        if cursor > self.horizon:
            return lost(sources)
        return Place(cursor) if cursor else oldest(sources, self._first)

    def _first(self, name: str) -> int | None:
        past = self._store.rooms.get(name)
        return past.first if past else None

    # -- commands --------------------------------------------------------------------------------

    def perform(
        self, session: Session, command: Command, mark: bytes | None = None
    ) -> Deferred[int | None]:
        """Carry out a command that others see.

        With what it says the store keeps `mark`, by which a repeat can be known after a restart.

        Judging and accepting happen before this returns: it raises a `ChatError` when the command
        is refused.  The Deferred fires with the id of the (first) event once that is stored and
        shown, or with None when there was nothing to announce; it fails with `Unavailable` when the
        store refused.
        """
        if session.ended:
            raise NoSession("the session is over; begin another")
        if self._settled:
            raise Unavailable("the server is going down; say it again in a moment")
        if self._unstored >= MOST_UNSTORED:
            raise Unavailable("the server is behind with storing; try again in a moment")
        return self._perform(command, session, mark)

    @singledispatchmethod
    def _perform(
        self, command: Command, session: Session, mark: bytes | None
    ) -> Deferred[int | None]:
        raise TypeError(f"not for the service: {command!r}")

    @_perform.register(Say)
    @_perform.register(Act)
    def _speak(
        self, command: Say | Act, session: Session, mark: bytes | None
    ) -> Deferred[int | None]:
        room, text = self.room(command.room), clean_text(command.text, self.max_text)
        self._may_be_in(session, room)
        self.admission.spend(session)
        self._found(room, session.address)
        self._be_in(session, room)
        event = Said if isinstance(command, Say) else Acted
        return self._submit(event(room.name, session.name, text), mark=mark, room=room)

    @_perform.register
    def _set_topic(
        self, command: SetTopic, session: Session, mark: bytes | None
    ) -> Deferred[int | None]:
        room, text = self.room(command.room), clean_phrase(command.text, MAX_TOPIC, "topic")
        self._may_be_in(session, room)
        self.admission.spend(session)
        if not (text or room.unstored or room.name in self._store.rooms or room.name == LOBBY):
            return succeed(None)  # there is no topic to clear: that would be all that is kept of it
        self._found(room, session.address)
        self._be_in(session, room)
        return self._submit(TopicSet(room.name, session.name, text), mark=mark, room=room)

    @_perform.register
    def _tell(self, command: Tell, session: Session, mark: bytes | None) -> Deferred[int | None]:
        to, text = self.person(command.to), clean_text(command.text, self.max_text)
        self.admission.spend(session)
        told = Told(session.name, to.name, text)
        # The store knows names only, and the name may be another's when it comes back.
        self._letters.setdefault(told, deque()).append((session, to))
        return self._submit(told, mark=mark).addErrback(self._undelivered, told)

    @_perform.register
    def _join(self, command: Join, session: Session, mark: bytes | None) -> Deferred[int | None]:
        room = self.room(command.room)
        if room.name in session.rooms:
            return succeed(None)
        self._may_be_in(session, room)
        self.admission.spend(session)
        self._found(room, session.address)
        return self._add(session, room)

    @_perform.register
    def _leave(self, command: Leave, session: Session, mark: bytes | None) -> Deferred[int | None]:
        room = session.rooms.get(clean_room(command.room))
        if room is None:
            raise NotInRoom(f"you are not in #{clean_room(command.room)}")
        parting = clean_phrase(command.text, self.max_text)
        self.admission.charge(session)
        return self._remove(session, room, parting)

    @_perform.register
    def _rename(
        self, command: Rename, session: Session, mark: bytes | None
    ) -> Deferred[int | None]:
        old, was_named = session.name, session.named
        new = self._free_name(command.name, own=session)
        if new == old:
            return succeed(None)
        self.admission.spend_rename(session)
        del self._people[name_key(old)]
        self._people[name_key(new)] = session
        self._chosen_names.discard(old)
        self._chosen_names.add(new)
        session.name, session.named = new, True
        for room in session.rooms.values():
            room.go(old)
            room.come(new)
        if was_named:
            return self._tell_rooms([Renamed(room, old, new) for room in session.rooms])
        return self._tell_rooms(
            [event for room in session.rooms.values() for event in self._arrival(room, new)]
        )

    def _may_be_in(self, session: Session, room: Room) -> None:
        most = self.admission.limits.rooms_per_session
        if room.name not in session.rooms and len(session.rooms) >= most:
            raise TooManyRooms(f"you are in {most} rooms, the most there may be; leave one first")

    def _be_in(self, session: Session, room: Room) -> None:
        """Whoever says something in a room is in it; a visitor passes through."""
        if not session.visiting and room.name not in session.rooms:
            self._add(session, room)

    # -- coming and going ------------------------------------------------------------------------

    def _add(self, session: Session, room: Room) -> Deferred[int | None]:
        room.come(session.name)
        session.rooms[room.name] = room
        self._directory.changes += 1
        return self._tell_rooms(self._arrival(room, session.name) if session.named else [])

    def _remove(self, session: Session, room: Room, parting: str) -> Deferred[int | None]:
        crowded = room.crowded
        room.go(session.name)
        del session.rooms[room.name]
        self._directory.changes += 1
        if not room.names:
            self._directory.left(room, session.address)
        if not session.named:
            return succeed(None)
        if crowded:
            self._tally(room).left += 1
            return succeed(None)
        return self._tell_rooms([Left(room.name, session.name, parting)])

    def _arrival(self, room: Room, name: str) -> list[Event]:
        if room.crowded:
            self._tally(room).joined += 1
            return []
        return [Joined(room.name, name)]

    def _tally(self, room: Room) -> Tally:
        """The room's running summary; whoever asks adds to it."""
        if not room.tally:
            self.clock.callLater(SUMMARY_SECONDS, self._sum_up, room)
        return room.tally

    def _sum_up(self, room: Room) -> None:
        self._tell_rooms([Noticed(room.name, room.tally.clear())])

    def _tell_rooms(self, events: Sequence[Event]) -> Deferred[int | None]:
        """Announce what has already taken effect: if the store refuses, the fact stands and only
        its echo is missing.
        """
        if self._settled:
            return succeed(None)
        return self._submit(*events).addErrback(_unannounced)

    # -- accepted, stored, shown -----------------------------------------------------------------

    def _submit(
        self, *events: Event, mark: bytes | None = None, room: Room | None = None
    ) -> Deferred[int | None]:
        """Put events into this turn's batch, together; fires with the id of the first, or None if
        there are none.
        """
        if not events:
            return succeed(None)
        if not self._batch:
            self.clock.callLater(0, self._flush)
        outcome: Deferred[int | None] = Deferred()
        self._batch.append(Accepted(events, outcome, mark, room))
        if room:
            room.unstored += 1
        self._unstored += len(events)
        return outcome

    def _flush(self) -> None:
        """Store what was accepted in this turn, in batches that a room's log can hold."""
        while self._batch:
            count = 0
            events: list[Event] = []
            marks: dict[int, bytes] = {}
            for accepted in self._batch:
                if events and len(events) + len(accepted.events) > self._patience:
                    break
                count += 1
                if accepted.mark is not None:
                    marks[len(events)] = accepted.mark
                events += accepted.events
            batch, self._batch = self._batch[:count], self._batch[count:]
            self._store.append(events, marks).addCallbacks(
                self._acknowledge, self._refuse, callbackArgs=(batch,), errbackArgs=(batch,)
            )

    def _show(self, entries: Sequence[Entry]) -> None:
        """What the store has taken: the only way into a room's log."""
        for begin in range(0, len(entries), self._patience):
            part = entries[begin : begin + self._patience]
            self._notifier.expect(len(part))
            for entry in part:
                if isinstance(entry.event, RoomEvent):
                    self._directory.note(entry.event.room)
                    # A room that comes to life for this has everything up to the horizon.
                    self._room(entry.event.room).show(entry, self._notifier)
                elif isinstance(entry.event, Told):
                    self._deliver(entry, entry.event)
                self.horizon = entry.id

    def _deliver(self, entry: Entry, told: Told) -> None:
        """A private message is stored: now it goes to the two whom it was accepted for."""
        if told in self._letters:
            sender, to = self._take_letter(told)
            if to is not sender:
                to.inbox.append(entry, self._notifier)
            sent = SentPrivately(told.sender, told.to, told.text)
            sender.inbox.append(Entry(entry.id, sent), self._notifier)

    def _undelivered(self, failure: Failure, told: Told) -> Failure:
        self._take_letter(told)
        return failure

    def _take_letter(self, told: Told) -> tuple[Session, Session]:
        letters = self._letters[told]
        letter = letters.popleft()
        if not letters:
            del self._letters[told]
        return letter

    def _reader_failed(self, problem: Exception) -> None:
        self._log.failure("a reader failed, and is dropped", Failure(problem))

    def _acknowledge(self, ids: list[int], batch: Sequence[Accepted]) -> None:
        place = 0
        for accepted in batch:
            self._has_settled(accepted)
            events, outcome = accepted.events, accepted.outcome
            outcome.callback(ids[place])
            place += len(events)
        self._settle()

    def _refuse(self, failure: Failure, batch: Sequence[Accepted]) -> None:
        if not failure.check(Unavailable):
            self._log.failure("the store failed", failure)
        refusal = Unavailable(
            "the server could not store that, and nobody saw it; try again in a moment"
        )
        for accepted in batch:
            self._has_settled(accepted)
            accepted.outcome.errback(Failure(refusal))
        self._settle()

    def _has_settled(self, accepted: Accepted) -> None:
        """It does not wait for the store any more."""
        self._unstored -= len(accepted.events)
        if accepted.room:
            accepted.room.unstored -= 1


def _unannounced(failure: Failure) -> None:
    failure.trap(Unavailable)
