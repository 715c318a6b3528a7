"""Several nodes of one chat: what this node does when another one is gone, or is gone itself.

A store that is not shared never tells any of this (`chatd.store.Follower`).

1. `gone`: another node is gone, and this one was elected to release its persons.  Each leaves once,
   by a unit that expects that the name is still held as it was.  Persons who have sessions on other
   nodes stay, and guests whose sessions over HTTP may go on elsewhere stay for their grace.
2. `over`: the others have given this node up, and released its persons.  Their sessions end here
   too: their readers are told, and their tokens are no good any more.
3. `missed`: the state is read anew.  Meanwhile no command is taken.  Readers go on from the store;
   those that were shown what is lost are told of a gap.  A person of this node whose name was lost
   takes it again, or a guest's if it was quicker taken by somebody else.  What is known of accounts
   is read anew too, and sessions whose account or token was lost end.
4. A guest's session over HTTP goes on at the node where its next request comes in.  It is forgotten
   when the guest has left, or `FORGET_SECONDS` after its node went down in order; what the guest
   was given ends then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import DecodeError
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.account import GuestSession, decode_guest
from ..model.errors import ChatError, NoSession, Unavailable
from ..model.units import (
    ATTACHED,
    GUESTS,
    JOINED,
    MEMBERS,
    NAMES,
    ROOMS,
    Cell,
    Change,
    Expect,
    Unit,
    account_table,
    room_table,
)
from ..store import Loaded, Opened, Store
from .attached import Attached, ids_of
from .consequences import Consequences
from .elsewhere import Elsewhere
from .livecells import together
from .node_loss import NodeLoss
from .people import People
from .readers import Readers
from .room import Room
from .rooms import Rooms
from .sessions import GRACE_SECONDS

AT_ONCE = 200
"""Persons released at a time."""
AGAIN_SECONDS = 1.0
"""Seconds between two attempts to read the state anew."""
MOST_LOST = 100
"""Stretches of lost history that are remembered: each is a failover that lost something."""
FORGET_SECONDS = 2 * GRACE_SECONDS
"""Seconds after which the sessions of guests whose node went down in order are forgotten."""
_MEMBERS = room_table(MEMBERS, "")
Anew = Callable[[], Deferred[Callable[[], object]]]


class State:
    """The state as it was read anew."""

    def __init__(self, results: list[Any], rooms: list[Room]) -> None:
        self.opened: Opened = results[0]
        self.settings: Mapping[str, Cell] = results[1]
        self.names: Mapping[str, Cell] = results[2]
        self.attached: Mapping[str, Cell] = results[3]
        self.fold: Callable[[], object] = results[4]
        """Folds what else was read."""
        self.rooms: list[tuple[Room, Loaded]] = list(zip(rooms, results[5:], strict=True))


class Nodes:
    """This node among others."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        people: People,
        rooms: Rooms,
        readers: Readers,
        loss: NodeLoss,
        attached: Attached,
        consequences: Consequences,
        kept: Sequence[Anew],
    ) -> None:
        """`kept` reads anew, in this order, what else the chat knows of the store's cells; each
        fires with what folds it.
        """
        self._clock = clock
        self._store = store
        self._people = people
        self._rooms = rooms
        self._readers = readers
        self._loss = loss
        self._attached = attached
        self._consequences = consequences
        self._kept = kept
        self._attempt = 0
        self.lost: list[tuple[int, int]] = []
        """Stretches of ids that were shown here and lost since: from behind the first to the
        second."""

    # -- another node is gone --------------------------------------------------------------------

    async def gone(
        self, held: Collection[tuple[str, str]], announced: bool
    ) -> Collection[tuple[str, str]]:
        """See `chatd.store.Follower.gone`."""
        cells: dict[str, list[tuple[str, str]]] = {}
        for table, key in held:
            if table == NAMES or table.startswith(_MEMBERS):
                cells.setdefault(key, []).append((table, key))
        ids, places = ids_of(held), {key for table, key in held if table == ATTACHED}
        present = [p for p in self._people.held.values() if p.key in cells or p.id in ids]
        gone = [
            person
            for person in present
            if isinstance(person, Elsewhere) and not self._attached.others(person.id, places)
        ]
        guests = await self._guests({person.id for person in gone}) if gone else {}
        waiting = {guest.id for guest, _ in guests.values()} if announced else set()
        if waiting:
            self._clock.callLater(GRACE_SECONDS, self._wait_no_more, waiting)
        leaving = [person for person in gone if person.id not in waiting]
        await self._release(leaving, cells, guests, announced)
        staying = {person.key for person in present} - {person.key for person in leaving}
        return [cell for key in staying for cell in cells.get(key, ())]

    def _wait_no_more(self, ids: Collection[str]) -> None:
        """The grace of guests' sessions over HTTP is over that were begun at a node that is gone:
        those that did not go on at another node have left.
        """
        gone = [
            held
            for held in self._people.held.values()
            if held.id in ids and isinstance(held, Elsewhere) and not self._attached.others(held.id)
        ]

        async def release() -> None:
            guests = await self._guests({person.id for person in gone})
            await self._release(gone, {}, guests, announced=True)

        if gone:
            released: Deferred[None] = Deferred.fromCoroutine(release())
            released.addErrback(self._not_released, ids)

    def _not_released(self, failure: Failure, ids: Collection[str]) -> None:
        failure.trap(ChatError)
        self._clock.callLater(AGAIN_SECONDS, self._wait_no_more, ids)

    async def _release(
        self,
        gone: Sequence[Elsewhere],
        cells: Mapping[str, Collection[tuple[str, str]]],
        guests: Mapping[str, tuple[GuestSession, int]],
        announced: bool,
    ) -> None:
        """Persons leave; `cells` say, by their names' keys, in which rooms they were known to be,
        and `guests` are their sessions.
        """
        kept = {guest.id: guest.rooms for guest, _ in guests.values()}
        where: list[tuple[Elsewhere, set[str]]] = []
        for person in gone:
            tables = [table for table, _ in cells.get(person.key, ())]
            names = {table[len(_MEMBERS) :] for table in tables if table.startswith(_MEMBERS)}
            names.update(kept.get(person.id, ()))
            if self._attached.several(person.id) or not cells:
                names.update(room.name for room in self._rooms if person.key in room.members)
                if person.account is not None:
                    names.update(await self._store.table(account_table(JOINED, person.account)))
            where.append((person, names))
        for at in range(0, len(where), AT_ONCE):
            leaving = [
                self._loss.release(person, await self._load(sorted(names)), announced)
                for person, names in where[at : at + AT_ONCE]
            ]
            await DeferredList(leaving, consumeErrors=True)
        if gone:
            left = {person.id for person in gone}
            sessions = {
                hash_: (guest.id, version)
                for hash_, (guest, version) in guests.items()
                if guest.id in left
            }
            seconds = 0 if announced else FORGET_SECONDS
            self._clock.callLater(seconds, self._forget, sessions, where)

    async def _guests(self, ids: Collection[str]) -> dict[str, tuple[GuestSession, int]]:
        """The sessions over HTTP of these guests, by the hashes of their tokens, and the versions
        of their cells.
        """
        kept: dict[str, tuple[GuestSession, int]] = {}
        for hash_, cell in (await self._store.table(GUESTS)).items():
            with suppress(DecodeError):
                guest: GuestSession = decode_guest(cell.value)
                if guest.id in ids:
                    kept[hash_] = guest, cell.version
        return kept

    def _forget(
        self,
        guests: Mapping[str, tuple[str, int]],
        gone: Sequence[tuple[Elsewhere, Collection[str]]],
    ) -> None:
        """Forget the sessions of guests who have not come back, and end what they were given."""
        here = {held.id for held in self._people.held.values()}
        for person, rooms in gone:
            if person.id not in here:
                self._consequences.departed(person, rooms)
        units = [
            Unit((), (Change(GUESTS, hash_, None),), (Expect(GUESTS, hash_, version),))
            for hash_, (id_, version) in guests.items()
            if id_ not in here
        ]
        if units:
            # One that is stale has come back meanwhile.
            self._store.append(units).addErrback(lambda failure: failure.trap(ChatError))

    async def _load(self, names: list[str]) -> list[Room]:
        return [await self._rooms.load(name) for name in names]

    # -- this node is gone -----------------------------------------------------------------------

    def over(self) -> None:
        """See `chatd.store.Follower.over`."""
        ended = NoSession(
            "this server lost touch with the others for too long, and you have left; enter again"
        )
        self._loss.give_up(ended)

    # -- the state is read anew ------------------------------------------------------------------

    def missed(
        self,
        since: int,
        horizon: int,
        survey: Callable[[], Deferred[Opened]],
        anew: Callable[[State], object],
    ) -> None:
        """See `chatd.store.Follower.missed`; `horizon` is the highest id that was shown, and `anew`
        is called with what there is.
        """
        self._attempt += 1
        if since < horizon:
            self.lost = [*self.lost, (since, horizon)][-MOST_LOST:]
        for person in self._people.local():
            # Private messages are kept nowhere.
            person.inbox.restart((), since + 1, since + 1, self._rooms.notifier)
        self._read(self._attempt, survey, anew)

    def _read(
        self,
        attempt: int,
        survey: Callable[[], Deferred[Opened]],
        anew: Callable[[State], object],
    ) -> None:
        rooms = list(self._rooms)

        def load(opened: Opened) -> Deferred[list[Any]]:
            asked: list[Deferred[Any]] = [
                self._store.table(ROOMS),
                self._store.table(NAMES),
                self._store.table(ATTACHED),
                together(read() for read in self._kept),
                *(self._store.load(room.name, opened.last) for room in rooms),
            ]
            read = gatherResults(asked, consumeErrors=True)
            return read.addCallback(lambda results: [opened, *results])

        def known(results: list[Any]) -> None:
            if attempt == self._attempt:
                anew(State(results, rooms))

        def failed(failure: Failure) -> None:
            cause: Failure = getattr(failure.value, "subFailure", failure)
            if not cause.check(Unavailable):
                self._log.failure("the state could not be read anew", cause)
            if attempt == self._attempt:
                self._clock.callLater(AGAIN_SECONDS, self._read, attempt, survey, anew)

        survey().addCallback(load).addCallbacks(known, failed)

    def restate(self, state: State) -> None:
        """Fold the state that was read anew, and wake the readers."""
        self._rooms.index.restated(state.opened.rooms, state.settings)
        self._rooms.directory.restated()
        self._attached.restated(state.attached)
        bereft = self._people.restated(state.names)
        for room, loaded in state.rooms:
            self._rooms.restate(room, loaded, state.opened.last)
        self._people.rejoined([room for room, _ in state.rooms])
        state.fold()
        for room, _ in state.rooms:
            self._consequences.restated(room)
        if self.lost:
            since, until = self.lost[-1]
            self._readers.rewind(since, until)
        unattached = [p for p in self._people.local() if not self._attached.here(p.id)]
        for person in dict.fromkeys((*bereft, *unattached)):
            self._loss.claim_again(person).addErrback(self._unclaimed)

    def _unclaimed(self, failure: Failure) -> None:
        if not failure.check(ChatError):
            self._log.failure("a name could not be taken again", failure)

    def was_lost(self, cursor: int) -> bool:
        """Whether a cursor was given behind events that are lost."""
        return any(since < cursor <= until for since, until in self.lost)
