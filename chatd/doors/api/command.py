"""What the resources share to which commands are sent."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.web.server import Request

from ...chat.room import Room
from ...http.resource import ApiResource, answer
from ...model.commands import Command
from ...model.errors import NoSession
from ...model.policy import Action
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


class RoomCommandResource(CommandResource):
    """The same below a room, whose name it has."""

    def perform(self, request: Request, command: Command, status: int) -> Deferred[bytes]:
        """See `CommandResource.perform`."""
        return self.carry_out(request, command).addCallback(
            lambda id_: answer(request, {"id": id_}, status)
        )

    def carry_out(self, request: Request, command: Command) -> Deferred[int | None]:
        """Carry it out; fires with its id."""
        performed = maybeDeferred(self._access.perform, request, command)
        return performed.addErrback(self.hidden_first, request)

    def hidden_first(self, failure: Failure, request: Request) -> Deferred[Any]:
        """A request was refused, because nobody knows who asks.  If its room is hidden from
        strangers it is refused as that.
        """
        failure.trap(NoSession)
        owner = self._access.owner(request, None)
        readers = self._access.service.readers

        def judge(room: Room) -> Failure:
            readers.check(owner, Action.READ, room)
            return failure

        return self._access.service.rooms.load(self._name).addCallback(judge)
