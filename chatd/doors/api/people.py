"""`/people/{name}`: private messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from ...http.body import read_body
from ...http.resource import ApiResource, resource_named
from ...model.commands import Tell
from ...model.errors import ChatError
from ..access import Access, for_programs
from .command import CommandResource
from .forms import TextForm


class PeopleResource(ApiResource):
    """`/people/{name}/messages`: private messages."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access

    def getChild(self, path: bytes, request: Request) -> Resource:
        """A person; whether the person is here shows when a message is sent."""
        return resource_named(path, "person", self._person)

    def _person(self, name: str) -> Resource:
        person = ApiResource()
        for below, make in OF_PERSON.items():
            person.putChild(below, make(self._access, name))
        return person


class PrivateResource(CommandResource):
    """`/people/{name}/messages`."""

    def render_POST(self, request: Request) -> Deferred[bytes]:
        """Send a private message; answered when it has its id."""
        command = Tell(self._name, read_body(request, TextForm).text)
        performed = maybeDeferred(self.perform, request, command, 201)
        return performed.addErrback(_for_programs)


def _for_programs(failure: Failure) -> NoReturn:
    failure.trap(ChatError)
    assert isinstance(failure.value, ChatError)
    raise for_programs(failure.value)


OF_PERSON: dict[bytes, Callable[[Access, str], IResource]] = {b"messages": PrivateResource}
"""What is below `/people/{name}`; a new resource is one line."""
