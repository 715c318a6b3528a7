"""The administrators of the server: a fold of the table `ADMINS`.

A server that has administrators keeps one.  The unit that takes the right from an account expects
that another administrator's cell has not changed: of two administrators who step down at once, one
is judged again, and refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model.errors import LastAdmin
from ..model.units import ADMINS, Cell, Change, Expect, Unit
from .claims import CLAIMED


class Administrators:
    """The accounts that administer the server, by their keys."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}

    def restated(self, admins: Mapping[str, Cell]) -> None:
        """The store was read, and has these cells."""
        self._versions = {key: cell.version for key, cell in admins.items() if key != CLAIMED}

    def shown(self, change: Change, version: int) -> None:
        """Fold a change of a stored unit."""
        if change.table != ADMINS or change.key == CLAIMED:
            return
        if change.value is None:
            self._versions.pop(change.key, None)
        else:
            self._versions[change.key] = version

    def dismissal(self, key: str, name: str) -> Unit:
        """What takes the right to administer from the account of that key, which is called `name`.

        Raises `LastAdmin` if there is no other administrator.
        """
        other = next((each for each in self._versions if each != key), None)
        if other is None:
            raise LastAdmin(f"{name} is the only administrator; make another one first")
        kept = Expect(ADMINS, other, self._versions[other])
        return Unit((), (Change(ADMINS, key, None),), (kept,))
