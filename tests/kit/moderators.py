"""Clients with accounts and roles."""

from __future__ import annotations

from chatd.chat.person import Person
from chatd.model.names import name_key

from .http import HttpClient
from .server import HOST, MemoryServer


def signed_in(
    server: MemoryServer, name: str, *rooms: str, admin: bool = False, host: str = HOST
) -> HttpClient:
    """An HTTP client in a session of that account, which has joined these rooms."""
    http = server.http(host)
    http.enter(name)
    person = person_of(server, name)
    person.account, person.admin = person.key, admin
    for room in rooms:
        assert http.request("PUT", f"/rooms/{room}/membership").status == 200
    return http


def person_of(server: MemoryServer, name: str) -> Person:
    """The person with this name."""
    person = server.chat.service.people.own(name_key(name))
    assert person is not None
    return person
