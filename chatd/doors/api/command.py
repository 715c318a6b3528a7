"""The base classes of resources whose requests are commands."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.python.failure import Failure
from twisted.web.server import Request

from ...chat.owners import Owner
from ...chat.room import Room
from ...chat.service import ChatService
from ...http.resource import ApiResource, answer
from ...model.commands import Command
from ...model.errors import NoSession
from ...model.policy import Action
from ..access import Access


class CommandResource(ApiResource):
    """A resource below a room or a person; its requests are commands."""

    isLeaf = True

    def __init__(self, access: Access, name: str) -> None:
        super().__init__()
        self._access = access
        self._name = name

    def perform(self, request: Request, command: Command, status: int) -> Deferred[bytes]:
        """Carry out a command, and answer the id of its event."""
        performed = self._access.perform(request, command)
        return performed.addCallback(lambda id_: answer(request, {"id": id_}, status))


class RoomCommandResource(CommandResource):
    """A resource below the room `name`; its requests are commands."""

    def perform(self, request: Request, command: Command, status: int) -> Deferred[bytes]:
        """See `CommandResource.perform`."""
        return self.carry_out(request, command).addCallback(
            lambda id_: answer(request, {"id": id_}, status)
        )

    def carry_out(self, request: Request, command: Command) -> Deferred[int | None]:
        """Carry out a command; fires with the id of its event."""
        performed = maybeDeferred(self._access.perform, request, command)
        return performed.addErrback(self.hide_room, request)

    def hide_room(self, failure: Failure, request: Request) -> Deferred[Any]:
        """See `hide_room`."""
        access = self._access
        return hide_room(failure, access.service, access.owner(request, None), self._name)


def hide_room(failure: Failure, service: ChatService, owner: Owner, name: str) -> Deferred[Any]:
    """Replace the refusal of a request without a session, if its room is hidden from strangers: the
    answer must not tell that such a room exists.

    `owner` is the stranger who sends the request, and `name` the room's.  The Deferred fails
    with `NoSession`, or with the policy's refusal; any other failure stays as it is.
    """
    if not failure.check(NoSession):
        return fail(failure)  # raised, it would be part of a reference cycle

    def judge(room: Room) -> Failure:
        service.readers.check(owner, Action.READ, room)
        return failure

    return service.rooms.load(name).addCallback(judge)
