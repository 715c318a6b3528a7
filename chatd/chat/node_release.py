"""Releasing: what a survivor does with the persons of a node that is gone.

1. The store elects one of the remaining nodes.  That node stores one unit for each person who
   leaves; the unit expects that the name is still held as it was (`chatd.chat.node_loss`).
2. A person who has sessions on other nodes stays.  So does a person who reconnects to another node
   before the unit is stored.
3. A guest's session over HTTP goes on at the node where its next request comes in.  So the guest
   stays for its grace, if its node was lost; and its session is deleted when it has left, or
   `FORGET_SECONDS` after its node was shut down.  What the guest was given ends then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from msgspec import DecodeError
from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from ..model.account import GuestSession, decode_guest
from ..model.errors import ChatError
from ..model.units import (
    ATTACHED,
    GUESTS,
    JOINED,
    MEMBERS,
    NAMES,
    Expect,
    Unit,
    account_table,
    room_table,
)
from .attached import Attached, ids_of
from .consequences import Consequences
from .core import Core
from .elsewhere import Elsewhere
from .judge import forgotten
from .node_loss import NodeLoss
from .person import Person
from .room import Room
from .sessions import GRACE_SECONDS

AT_ONCE = 200
"""Persons released at a time."""
AGAIN_SECONDS = 1.0
"""Seconds after which a release that failed is tried again."""
FORGET_SECONDS = 2 * GRACE_SECONDS
"""Seconds after which the sessions of guests are deleted whose node was shut down."""
_MEMBERS = room_table(MEMBERS, "")


class NodeRelease:
    """Releases the persons of nodes that are gone."""

    def __init__(
        self, core: Core, loss: NodeLoss, attached: Attached, consequences: Consequences
    ) -> None:
        self._clock = core.clock
        self._journal = core.journal
        self._store = core.store
        self._people = core.people
        self._rooms = core.rooms
        self._loss = loss
        self._attached = attached
        self._consequences = consequences

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
        await self._release(leaving, cells, guests, announced, places)
        staying = {person.key for person in present} - {person.key for person in leaving}
        staying |= {person.key for person in leaving if self._is_back(person, places)}
        return [cell for key in staying for cell in cells.get(key, ())]

    def _is_back(self, person: Elsewhere, places: Collection[str]) -> bool:
        """Whether a person who was about to leave has reconnected to another node."""
        held = self._people.held.get(person.key)
        if held is None or held.id != person.id:
            return False
        return isinstance(held, Person) or bool(self._attached.others(person.id, places))

    def _wait_no_more(self, ids: Collection[str]) -> None:
        """Release the guests with these ids who have not gone on at another node: the grace of
        their sessions is over.
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
        places: Collection[str] = (),
    ) -> None:
        """Remove persons.  `cells` are the cells of their node, by their names' keys: these cells
        contain the rooms; `guests` are the sessions of the guests among them; `places` are as for
        `NodeLoss.release`.

        Raises the `ChatError` with which the store refuses a removal.
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
                self._loss.release(person, await self._load(sorted(names)), announced, places)
                for person, names in where[at : at + AT_ONCE]
            ]
            for _, outcome in await DeferredList(leaving, consumeErrors=True):
                if isinstance(outcome, Failure):
                    outcome.raiseException()
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
        """The sessions over HTTP of these guests, by the hashes of their tokens, each with the
        version of its cell.
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
        """Delete the sessions of guests who have not come back, and end what they were given."""
        here = {held.id for held in self._people.held.values()}
        for person, rooms in gone:
            if person.id not in here:
                self._consequences.departed(person, rooms)
        units = [
            Unit((), forgotten(hash_), (Expect(GUESTS, hash_, version),))
            for hash_, (id_, version) in guests.items()
            if id_ not in here
        ]
        if units:
            # A unit is stale if its guest has come back meanwhile.
            self._store.append(units).addErrback(self._not_forgotten, guests)

    def _not_forgotten(self, failure: Failure, guests: Mapping[str, tuple[str, int]]) -> None:
        failure.trap(ChatError)
        if not self._journal.draining:
            self._clock.callLater(AGAIN_SECONDS, self._forget, guests, ())

    async def _load(self, names: list[str]) -> list[Room]:
        return [await self._rooms.load(name) for name in names]
