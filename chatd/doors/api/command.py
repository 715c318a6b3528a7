"""What the resources share to which commands are sent."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from ...http.resource import ApiResource, answer
from ...model.commands import Command
from ..access import Access


class CommandResource(ApiResource):
    """A resource below a room or a person where commands are given."""

    isLeaf = True

    def __init__(self, access: Access, name: str) -> None:
        super().__init__()
        self._access = access
        self._name = name

    def perform(self, request: Request, command: Command, status: int) -> Deferred[bytes]:
        """Carry it out, and answer its id."""
        performed = self._access.perform(request, command)
        return performed.addCallback(lambda id_: answer(request, {"id": id_}, status))
