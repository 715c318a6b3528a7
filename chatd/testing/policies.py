"""Policies for tests."""

from __future__ import annotations

from collections.abc import Callable

from ..model.errors import NotAllowed
from ..model.identity import Identity
from ..model.policy import Action, RoomView


class DenyAll:
    """Forbids everything: no door may send a byte of any room."""

    def may(self, identity: Identity, action: Action, room: RoomView | None = None) -> None:
        """See `Policy.may`."""
        raise NotAllowed(f"you may not {action.value}")


class DenyIf:
    """Forbids the actions for which a test's function is true."""

    def __init__(self, forbidden: Callable[[Identity, Action, RoomView | None], bool]) -> None:
        self._forbidden = forbidden

    def may(self, identity: Identity, action: Action, room: RoomView | None = None) -> None:
        """See `Policy.may`."""
        if self._forbidden(identity, action, room):
            raise NotAllowed(f"you may not {action.value}")
