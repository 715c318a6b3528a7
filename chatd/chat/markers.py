"""Read markers: how far an account has read a room, or a private conversation, on all its sessions.

1. A marker is the id of an event, is stored, and never goes back.  A request is answered when its
   marker, or a higher one, is stored.  One that the store has refused or lost may be set again.
2. The unread messages of a room are those after the marker, or if there is none, those since the
   account joined the room.
3. When any node stores a marker, each node tells it to the readers of that account (`noted`).  A
   node that lost its connection to the store reads, when it has reconnected, the markers that were
   stored meanwhile, and tells them, too (`unheard`).
4. The marker of a conversation is stored beside those of rooms, under the other account's key
   (`chatd.model.letters.place_of`).
5. Only rooms that exist, and conversations with accounts, have markers.  So a client cannot fill
   the store with those of names that it makes up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import ChatError
from ..model.events import MESSAGES
from ..model.letters import named_in, place_of
from ..model.names import clean_room, name_key
from ..model.units import JOINED, MARKERS, Cell, account_table
from ..store import Store
from .accounts import Accounts, Record
from .admission import Admission
from .inbox import Inboxes
from .livecells import first_error
from .owners import Owner
from .person import Person
from .readers import Readers
from .rooms import Rooms

MOST_UNREAD = 1000
"""The most unread messages that are counted in a room."""
MOST_KNOWN = 10_000
"""Recent markers kept in memory, so that of two that are set at once the higher one stays."""


AT_ONCE = 100
"""Accounts whose markers are read at a time after an outage."""


class Read(NamedTuple):
    """The rooms of an account, and how far it has read them."""

    rooms: list[str]
    """The rooms that it has joined, in the order of joining."""
    markers: dict[str, int]
    """The marker of each room that has one."""
    unread: dict[str, int]
    """The number of unread messages in each room, at most `MOST_UNREAD`."""


class Markers:
    """The read markers of one chat."""

    _log = Logger()

    def __init__(
        self,
        store: Store,
        admission: Admission,
        accounts: Accounts,
        rooms: Rooms,
        inboxes: Inboxes,
        readers: Readers,
        horizon: Callable[[], int],
    ) -> None:
        """`horizon` tells the highest id that was shown."""
        self._store = store
        self._admission = admission
        self._accounts = accounts
        self._rooms = rooms
        self._inboxes = inboxes
        self._readers = readers
        self._horizon = horizon
        self._known: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._unheard: int | None = None
        """The id since which markers may have been stored of which this node was not told; None:
        it was told all."""

    def mark(self, person: Person, room: str, id_: int) -> Deferred[None]:
        """Note that the account of a person has read a room up to the event `id_`; fires when that
        is stored.  Of a room that does not exist there is nothing to note.

        Raises `BadRoom`, `RateLimited`; fails with `Unavailable`.
        """
        name = clean_room(room)
        if name not in self._rooms.index:
            return succeed(None)
        return self._mark(person, name, name, id_)

    def mark_conversation(self, person: Person, partner: str, id_: int) -> Deferred[None]:
        """Note that the account of a person has read its conversation with the account called
        `partner`: see `mark`.
        """
        return self._mark(person, place_of(name_key(partner)), place_of(partner), id_)

    def _mark(self, person: Person, name: str, shown: str, id_: int) -> Deferred[None]:
        """Store a marker under `name`, and tell it to readers as that of the place `shown`."""
        account = person.account
        assert account is not None
        self._admission.spend_note(person)
        table = account_table(MARKERS, account)

        def found(cells: Mapping[str, Cell]) -> Deferred[None]:
            stored = int(cells[name].value) if name in cells else 0
            known = self._known.get((account, name), 0)
            marker = min(id_, self._horizon())
            if marker <= stored:
                return succeed(None)
            is_new = marker > known
            # One that is known may be under way, and be refused.  So it is noted once more.
            marker = max(marker, known)
            self._remember(account, name, marker)

            def noted(_: None) -> None:
                if is_new or self._known.get((account, name), 0) < marker:
                    self._notify(account, shown, marker)

            def refused(failure: Failure) -> Failure:
                if self._known.get((account, name)) == marker:
                    del self._known[account, name]
                return failure

            return self._store.note(table, name, b"%d" % marker).addCallbacks(noted, refused)

        asked: Deferred[Any] = self._store.get(table, [name])
        return asked.addCallback(found)

    def _remember(self, account: str, name: str, marker: int) -> None:
        self._known[account, name] = marker
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def noted(self, table: str, key: str, marker: int) -> None:
        """A marker was stored, on any node: tell this node's readers, if they were not told it."""
        kind, _, account = table.partition(":")
        if kind != MARKERS or self._inboxes.live(account) is None:
            return
        if marker <= self._known.get((account, key), 0):
            return
        self._remember(account, key, marker)
        partner = named_in(key)
        if partner is None:
            self._notify(account, key, marker)
            return

        def found(record: Record) -> None:
            if record.value is not None:
                self._notify(account, place_of(record.value.name), marker)

        finding = self._accounts.find(partner).addCallback(found)
        finding.addErrback(lambda failure: failure.trap(ChatError))

    def missed(self) -> None:
        """Forget the markers that are known: the store may have lost them."""
        self._known.clear()

    def unheard(self, since: int) -> None:
        """Markers may have been stored since the id `since` of which this node was not told: read
        those of the accounts in use, and tell them.
        """
        self._unheard = since if self._unheard is None else min(since, self._unheard)

        def failed(failure: Failure) -> None:
            # The store is away again: `unheard` is called when it is back.
            if not failure.check(ChatError):
                self._log.failure("read markers could not be read again", failure)

        Deferred.fromCoroutine(self._catch_up(self._unheard)).addErrback(failed)

    async def _catch_up(self, since: int) -> None:
        accounts = [inbox.account for inbox in self._inboxes.all() if inbox.account is not None]
        for begin in range(0, len(accounts), AT_ONCE):
            tables = [account_table(MARKERS, account) for account in accounts[begin:][:AT_ONCE]]
            reading: Deferred[Any] = gatherResults(
                map(self._store.table, tables), consumeErrors=True
            )
            found: list[Mapping[str, Cell]] = await reading.addErrback(first_error)
            for table, cells in zip(tables, found, strict=True):
                for place, cell in cells.items():
                    if cell.version >= since:
                        self.noted(table, place, int(cell.value))
        if self._unheard == since:
            self._unheard = None

    def of(self, account: str) -> Deferred[dict[str, int]]:
        """The markers of an account, by room.  Fails with `Unavailable`."""
        return self._all(account).addCallback(
            lambda markers: {
                place: id_ for place, id_ in markers.items() if named_in(place) is None
            }
        )

    def of_conversations(self, account: str) -> Deferred[dict[str, int]]:
        """The markers of an account's conversations, by the other account's key.  Fails with
        `Unavailable`.
        """

        def found(markers: dict[str, int]) -> dict[str, int]:
            named = ((named_in(place), id_) for place, id_ in markers.items())
            return {key: id_ for key, id_ in named if key is not None}

        return self._all(account).addCallback(found)

    def _all(self, account: str) -> Deferred[dict[str, int]]:
        table: Deferred[Any] = self._store.table(account_table(MARKERS, account))
        return table.addCallback(
            lambda cells: {
                place: max(int(cell.value), self._known.get((account, place), 0))
                for place, cell in cells.items()
            }
        )

    def _notify(self, account: str, room: str, marker: int) -> None:
        """Send the marker to the account's readers of private events."""
        inbox = self._inboxes.live(account)
        if inbox is not None:
            self._readers.marked(inbox, room, marker)

    def read(self, account: str, owner: Owner) -> Deferred[Read]:
        """The rooms of an account and its markers, with unread counts of those that `owner` may
        read.

        Fails with `Unavailable`.
        """
        tables: Deferred[Any] = gatherResults(
            [
                self._store.table(account_table(JOINED, account)),
                self._store.table(account_table(MARKERS, account)),
            ],
            consumeErrors=True,
        )

        def found(cells: list[Mapping[str, Cell]]) -> Deferred[Read]:
            joined, stored = cells
            markers = {room: int(cell.value) for room, cell in stored.items()}
            rooms = sorted(joined, key=lambda room: joined[room].version)
            counting = [
                self._unread(owner, room, markers.get(room, joined[room].version)) for room in rooms
            ]
            counted: Deferred[Any] = gatherResults(counting, consumeErrors=True)
            counted.addErrback(first_error)
            return counted.addCallback(
                lambda counts: Read(
                    rooms,
                    {room: markers[room] for room in rooms if room in markers},
                    {room: n for room, n in zip(rooms, counts, strict=True) if n is not None},
                )
            )

        return tables.addErrback(first_error).addCallback(found)

    def _unread(self, owner: Owner, name: str, after: int) -> Deferred[int | None]:
        room = self._rooms.live(name)
        if room is None:
            return self._rooms.load(name).addCallback(lambda _: self._unread(owner, name, after))
        try:
            self._readers.check_reading(owner, room)
        except ChatError:
            return succeed(None)
        if after >= room.log.floor and not room.log.incomplete:
            entries = room.log.since(after).entries
            count = sum(isinstance(entry.event, MESSAGES) for entry in entries)
            return succeed(min(count, MOST_UNREAD))
        counted: Deferred[Any] = self._store.count(name, after, MOST_UNREAD)
        return counted
