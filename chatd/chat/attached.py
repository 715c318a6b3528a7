"""Which nodes have sessions of which persons, where several nodes share a store.

1. A person is present as long as any node has a session of it.  Each of these nodes keeps a cell in
   the table `attached`; it is a presence table, so the cells of a node that dies are released.
2. A node attaches itself by a unit that also rewrites the name's cell.  The unit by which the
   person leaves expects that cell unchanged: of the two, the later one is judged again.
3. A node that has no session of a person any more detaches itself, expecting that another node is
   still attached; the last node has the person leave.
4. A chat of one node keeps no such cells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from ..model.policy import Action, Policy
from ..model.units import ATTACHED, NAMES, Cell, Change, Expect, Unit
from .card import PLAIN
from .elsewhere import Elsewhere
from .judge import hold
from .people import People
from .person import Person


class Attached:
    """The nodes that persons have sessions on: a fold of the table `attached`."""

    def __init__(self, node: str, people: People) -> None:
        """`node` is this node's name; it is empty if there are no other nodes."""
        self.shared = bool(node)
        """Whether there may be other nodes."""
        self._people = people
        self._start = people.start
        self._versions: dict[str, dict[str, int]] = {}
        """The versions of the cells, by the persons' ids and the nodes' starts."""
        self._several: set[str] = set()
        """The ids of persons who have, or had, sessions on several nodes."""

    # -- the fold --------------------------------------------------------------------------------

    def restated(self, cells: Mapping[str, Cell]) -> None:
        """Take over the cells that the store has."""
        self._versions.clear()
        for key, cell in cells.items():
            id_, start = _parts(key)
            starts = self._versions.setdefault(id_, {})
            starts[start] = cell.version
            if len(starts) > 1:
                self._several.add(id_)

    def shown(self, change: Change, version: int) -> None:
        """Fold one change of a stored unit."""
        if change.table != ATTACHED:
            return
        id_, start = _parts(change.key)
        if change.value is not None:
            starts = self._versions.setdefault(id_, {})
            starts[start] = version
            if len(starts) > 1:
                self._several.add(id_)
            return
        starts = self._versions.get(id_, {})
        starts.pop(start, None)
        if not starts:
            self._versions.pop(id_, None)
            self._several.discard(id_)

    def here(self, id: str) -> bool:
        """Whether this node is attached to that person."""
        return self._start in self._versions.get(id, ())

    def has(self, key: str, start: str) -> bool:
        """Whether the node of that start is attached to the account's person with that key; empty:
        whether any other node is, since older versions do not store the start.
        """
        held = self._people.held.get(key)
        if held is None:
            return False
        starts = self._versions.get(held.id, {}).keys()
        return start in starts if start else bool(starts - {self._start})

    def several(self, id: str) -> bool:
        """Whether that person has, or had, sessions on several nodes."""
        return id in self._several

    def others(self, id: str, gone: Collection[str] = ()) -> list[Expect]:
        """The cells of the other nodes that are attached to that person, each to be expected
        unchanged; `gone` are keys of cells that do not count.
        """
        keys = ((_key(id, start), start, v) for start, v in self._versions.get(id, {}).items())
        return [
            Expect(ATTACHED, key, version)
            for key, start, version in keys
            if start != self._start and key not in gone
        ]

    # -- judging ---------------------------------------------------------------------------------

    def arriving(self, person: Person, unit: Unit) -> Unit:
        """Add to the unit by which a person comes that this node is attached to it."""
        if not self.shared:
            return unit
        attached = Change(ATTACHED, _key(person.id, self._start), b"")
        return replace(unit, changes=(*unit.changes, attached))

    def leaving(self, id: str, unit: Unit) -> Unit:
        """Add to the unit by which a person leaves that no node is attached to it."""
        starts = self._versions.get(id)
        if not starts:
            return unit
        gone = [Change(ATTACHED, _key(id, start), None) for start in starts]
        return replace(unit, changes=(*unit.changes, *gone))

    def is_present(self, person: Person) -> bool:
        """Whether a person holds its name, and this node is attached to it."""
        own = self._people.own(person.key) is person
        return own and (self.here(person.id) or not self.shared)

    def attach(self, policy: Policy, person: Person, held: Person | Elsewhere) -> Unit:
        """Attach this node to a person who is coming, and already holds the name, as `held`, on
        other nodes.  Raises `NotAllowed`.
        """
        if held.id != person.id:
            self._people.identify(person, held.id)
        policy.may(person, Action.ENTER)
        card = held.card if person.card is PLAIN else person.card
        holding = hold(person, held.name, held.key, named=held.named, card=card)
        expects = (Expect(NAMES, held.key, held.version),)
        return self.arriving(person, Unit((), (holding,), expects))

    def detach(self, id: str) -> Unit | None:
        """Detach this node from that person; None if no other node is attached, so the person must
        leave.
        """
        others = self.others(id)
        if not others:
            return None
        return Unit((), (Change(ATTACHED, _key(id, self._start), None),), others[:1])

    def stay_away(self, id: str) -> Unit:
        """Keep this node detached from that person: an earlier unit that attaches it, and is in
        doubt, becomes stale.
        """
        key = _key(id, self._start)
        return Unit((), (Change(ATTACHED, key, None),), (Expect(ATTACHED, key, 0),))


def ids_of(held: Collection[tuple[str, str]]) -> set[str]:
    """The ids of the persons to which a node is attached that made these cells."""
    return {_parts(key)[0] for table, key in held if table == ATTACHED}


def _key(id: str, start: str) -> str:
    return f"{id}\n{start}"


def _parts(key: str) -> tuple[str, str]:
    id_, _, start = key.partition("\n")
    return id_, start
