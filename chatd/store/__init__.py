"""The contract of all stores: one small asynchronous interface for several engines.

1. The store gives the ids: `max(previous + 1, microseconds now)`, strictly rising over the whole
   chat and over restarts.  The id of a unit that is then refused is not used again.
2. A unit is stored whole or not at all; of its events only `RoomEvent`s are kept.  A unit without
   events takes one id.
3. A unit is judged by versions only (`Unit.expects`), against everything stored before it, units
   of the same batch included.  A stale unit changes nothing.
4. Everything stored comes back through `Follower.shown`, in the order of the ids, and the Deferred
   of `append` fires right after it, in the same turn of the reactor, so senders know their ids
   before readers wake.  Clients see nothing that the follower was not shown.  An append that stored
   nothing is answered when the follower was shown everything that its units were judged by.
5. A unit whose request key is known answers the id that it was given the first time.
6. A room's log in memory is a window on the store.  It may be dropped when it has no reader:
   `load` restores it, and `read` pages through the events before it.
7. Some tables are *noted*, outside units: read markers, last uses.  A note has no id; if several
   notes of one cell wait, only the last is stored.  Of what other nodes note a follower is told
   read markers only (`Follower.noted`), and after a time without a connection to the database that
   it was not told of some (`Follower.unheard`).
8. An event that a unit redacts is overwritten in the same transaction.  From then on no `read` and
   no `load` returns its text, no `search` finds it, and the engine keeps the text nowhere.  A
   redaction of an event that is not kept any more changes nothing.
9. `erase` deletes all events of one room for good, and the engine keeps nothing of them.  No gap is
   reported for them: the floor of the room does not change.
10. Cells of presence tables (`chatd.model.units.PRESENCE`) are empty at a start; all others
    are kept, whatever retention forgets of the events.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct
from twisted.internet.defer import Deferred

from ..model.search import Query
from ..model.units import Cell, Change, Redaction, Stale, Unit
from ..stream.eventlog import Entry, Page
from ..stream.pages import MOST_BYTES
from .retained import Retention

CLOSING = "the server is going down; try again in a moment"
"""The message of `Unavailable` for a store that is closed."""


class Shown(Struct, frozen=True):
    """A stored unit, as every follower sees it."""

    id: int
    """Its highest id: the version of the cells that it changed."""
    entries: Sequence[Entry]
    """Its events and their ids; empty if it had none."""
    changes: Sequence[Change]
    request_key: bytes | None
    redacts: Sequence[Redaction] = ()
    """Stored events that were replaced."""

    @property
    def answer(self) -> int:
        """The id in the answer to its sender: the id of its first event."""
        return self.entries[0].id if self.entries else self.id


class RoomSummary(NamedTuple):
    """The oldest and the newest of a room's events that are kept."""

    first: int
    """The id of the oldest event kept."""
    last: int
    """The id of the newest."""


class Opened(NamedTuple):
    """The contents of a store when it opens."""

    last: int
    """The highest id ever given, or the time of the start: nothing older is remembered."""
    rooms: Mapping[str, RoomSummary]
    """The rooms with events that are kept."""
    request_keys: Mapping[bytes, int]
    """The request keys of the last `REMEMBERED_SECONDS`, and the ids they answer."""


class Loaded(NamedTuple):
    """A room as it was at one id: the end of its log, and its cells."""

    entries: Sequence[Entry]
    """The newest events, oldest first: as many as a log holds in memory."""
    floor: int
    """The lowest cursor after which `entries` are complete; not above that id.  It is never 0,
    because the store knows nothing of the time before it was created."""
    tables: Mapping[str, Mapping[str, Cell]]
    """Its tables (`chatd.model.units.ROOM_TABLES`) that have any cells, by their names without the
    room's."""


class Found(NamedTuple):
    """The outcome of a search."""

    entries: Sequence[Entry]
    """Messages, the newest first."""
    next: int | None
    """The `before` of the search for more; None: there are no more.  An answer may have fewer
    entries than were asked for, and a `next`: the engine has looked through enough for one answer.
    """


class Follower(Protocol):
    """Receives everything that a store has stored."""

    def shown(self, batch: Sequence[Shown]) -> None:
        """These units were stored, in this order."""

    def forgotten(self, firsts: Mapping[str, int | None]) -> None:
        """Retention has removed the oldest events of these rooms, or `erase` all of one.  Each room
        comes with the id of its oldest event left, or None if it has none left.
        """

    def noted(self, table: str, key: str, value: bytes) -> None:
        """Another node, or this one, has raised a cell of a table that never falls
        (`chatd.model.units.never_falls`).
        """

    def unheard(self, since: int) -> None:
        """Other nodes may have raised cells without a call of `noted`: this node had no connection
        to the database, and has one again.  Such a cell's version is not below the id `since`.
        """

    def missed(self, since: int, survey: Callable[[], Deferred[Opened]]) -> None:
        """Read the state again, beginning with `survey`: units above the id `since` were stored and
        not shown, or were shown and then lost.  Units that are stored from now on are shown.

        A store that several nodes share calls this when its node was behind for too long, or when
        the database has lost units that it had acknowledged.
        """

    def over(self) -> None:
        """The other nodes have given this one up: all its persons have left.  From now on it counts
        as a new node.
        """

    def gone(
        self, held: Collection[tuple[str, str]], announced: bool
    ) -> Deferred[Collection[tuple[str, str]]]:
        """Release the persons of another node, which is gone: `held` are the cells of presence
        tables that it wrote, as tables and keys.  With `announced` the rooms' histories have it.

        Fires when that is done, with the cells that stay; they count as this node's from then on,
        and the store deletes the others.
        """


class Store(Protocol):
    """The engine under a `ChatService`."""

    retention: Retention
    """How much of the history is kept.  It may be changed at any time; what is more than that is
    forgotten within a minute."""

    @property
    def ahead(self) -> float:
        """Seconds by which the clock that ids are made of is ahead of this node's wall clock: 0
        where ids are made by this node's clock, or where the two agree.
        """

    @property
    def id(self) -> str:
        """The store's own id, once it is open: random ASCII letters and digits, kept as long as the
        history.
        """

    def check(self) -> None:
        """Check whether the engine can be used, and release it again.

        Raises `Unavailable`, whose message says why it cannot.
        """

    def open(self, follower: Follower) -> Deferred[Opened]:
        """Open the store: `follower` is shown everything that is stored from now on.

        Fails with `Unavailable`, whose message says why, if the engine cannot be used.
        """

    def append(self, units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        """Store units, each whole or not at all.  Fires with the answer to each: the id of its
        first event, or `Stale`.

        Fails with `Unavailable` if the engine refused: then no unit was stored.  Fails with
        `InDoubt` if it is not known whether the units were stored.
        """

    def given(self, cursor: int) -> bool:
        """Whether another node may have given a cursor that is above every id shown here: that node
        may be a moment ahead.
        """

    def kept(self, cursor: int) -> int:
        """The highest id that is stored of what a client got that has this cursor: the cursor
        itself, unless the database has lost what it gave last before that.
        """

    def probe(self) -> Deferred[None]:
        """Check whether the engine can store units now; stores and shows nothing.

        Fails with `Unavailable`, whose message says why it cannot, without the store's path.
        """

    def load(self, room: str, until: int) -> Deferred[Loaded]:
        """A room up to and including the id `until`, which the follower was shown.

        Fails with `Unavailable`.
        """

    def read(
        self,
        room: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
        size: int = MOST_BYTES,
    ) -> Deferred[Page]:
        """A page of a room's events: the first ones after the id `after`; or the last ones before
        the id `before`; or, with neither, the newest.

        At most `limit` events and `size` bytes of them as JSON, but at least one event if there is
        one, and only what the follower was shown.  Fails with `Unavailable`.
        """

    def table(self, name: str) -> Deferred[Mapping[str, Cell]]:
        """All cells of a table, as the follower was shown them.  Fails with `Unavailable`."""

    def get(self, table: str, keys: Collection[str]) -> Deferred[Mapping[str, Cell]]:
        """The cells of these keys that are not absent.  Fails with `Unavailable`."""

    def having(self, tables: Collection[str], key: str) -> Deferred[Collection[str]]:
        """Those of these tables that have a cell with this key; the tables are kept ones (not of
        presence), and may be many.  Fails with `Unavailable`.
        """

    def cells(
        self, table: str, place: str | None, limit: int, *, down: bool = False
    ) -> Deferred[Sequence[tuple[str, Cell]]]:
        """The first `limit` cells behind the key `place` of a table that is kept (not of presence),
        in the order of their keys' code points; `down`, in the other direction.  None: from the
        first, or from the last.

        For tables that are too large to be read whole: an engine reads no more of them than it has
        to, and holds up no append.  What was stored and not shown yet may be among the cells.
        Fails with `Unavailable`.
        """

    def size(self, table: str) -> Deferred[int]:
        """How many cells a table has that is kept (not of presence); what was stored and not shown
        yet may be counted.  Fails with `Unavailable`.
        """

    def note(self, table: str, key: str, value: bytes | None) -> Deferred[None]:
        """Give a cell of a noted table a value, or with None make it absent; fires when that is
        stored, and `get` answers it from then on.

        Fails with `Unavailable`.
        """

    def count(self, room: str, after: int, most: int) -> Deferred[int]:
        """How many messages a room has above the id `after`: `most` at most, and only what the
        follower was shown.  Fails with `Unavailable`.
        """

    def search(
        self,
        room: str,
        query: Query,
        *,
        before: int | None = None,
        limit: int,
        size: int = MOST_BYTES,
    ) -> Deferred[Found]:
        """The newest messages and actions of a room, below the id `before`, that match a query.

        At most `limit` of them and `size` bytes of them as JSON, but at least one if one is found,
        and only what the follower was shown.  Fails with `Unavailable`, and with `NoSearch` if the
        engine cannot search.
        """

    def erase(self, room: str) -> Deferred[None]:
        """Delete all events of a room, for good; the cells stay.  Fires after `Follower.forgotten`
        has been called.

        Fails with `Unavailable`: then some of them, or all, may be left.
        """

    def close(self) -> Deferred[None]:
        """Store the accepted appends, then accept no more."""
