"""Socket activation: listening sockets that systemd passes to the server (sd_listen_fds(3)).

1. The name of a socket (`FileDescriptorName=http`) is the name of its door; several sockets may
   have the same name.
2. Sockets replace the default endpoints of their door.  If the operator gave endpoints, a socket
   replaces the endpoint with its port or path, and speaks TLS if that endpoint does; the other
   endpoints stay as they are.
3. systemd owns the sockets: they stay open while the server restarts, and new connections wait in
   the sockets' queues.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from zope.interface import implementer

from ..net.private import endpoint_words, keep_listening
from .endpoints import kind_of, listening


class BadActivation(Exception):
    """A socket cannot be used; the message says which one, and why."""


class Inherited(NamedTuple):
    """A listening socket that systemd has passed."""

    name: str
    descriptor: int
    family: int
    place: str
    """The socket's port, or its path."""


class Opening(NamedTuple):
    """One place where a door is to listen."""

    door: str
    text: str
    """The endpoint; for a socket that replaces the defaults, its description in messages."""
    inherited: Inherited | None = None
    """The socket that replaces the endpoint."""


def inherited(passed: Iterable[tuple[str, int]]) -> list[Inherited]:
    """Examine the passed sockets, each a name and a descriptor.  Raises `BadActivation`."""
    return [_examined(name, descriptor) for name, descriptor in passed]


def _examined(name: str, descriptor: int) -> Inherited:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as passed:
            listens = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if passed.type != socket.SOCK_STREAM or not listens:
                raise BadActivation(
                    f"systemd's socket {name!r} does not listen for streams: use ListenStream= "
                    "and Accept=no"
                )
            bound = passed.getsockname()
            family = passed.family
    except OSError as problem:
        raise BadActivation(f"systemd's socket {name!r} is unusable: {problem}") from None
    os.set_inheritable(descriptor, False)
    place = str(bound[1]) if isinstance(bound, tuple) else os.fsdecode(bound)
    return Inherited(name, descriptor, family, place)


def openings(
    doors: Mapping[str, tuple[str, ...]], defaults: frozenset[str], sockets: list[Inherited]
) -> list[Opening]:
    """Where each door listens; `defaults` are the doors whose endpoints the operator did not give.

    Raises `BadActivation` for a socket that is for no door.
    """
    own = any(kind_of(text) == "systemd" for texts in doors.values() for text in texts)
    for passed in sockets:
        if passed.name not in doors and not own:  # `systemd:` endpoints may name it
            raise BadActivation(
                f"systemd's socket {passed.name!r} is for no door: set FileDescriptorName= to one "
                f"of {', '.join(doors)}"
            )
    planned = []
    for door, texts in doors.items():
        named = [passed for passed in sockets if passed.name == door]
        for text in () if named and door in defaults else texts:
            place = _place(text)
            taken = next((passed for passed in named if place and passed.place == place), None)
            if taken is not None:
                named.remove(taken)
            planned.append(Opening(door, text, taken))
        planned += [Opening(door, f"systemd:{passed.place}", passed) for passed in named]
    return planned


def _place(text: str) -> str:
    """The port or the path in an endpoint; empty if it has none."""
    try:
        words, named = endpoint_words(listening(text).beneath)
    except Exception:  # opening the door reports the error and ends the start
        return ""
    for name in ("port", "address"):
        if name in named:
            return named[name]
    return words[1] if len(words) > 1 else ""


@implementer(IStreamServerEndpoint)
class InheritedEndpoint:
    """The endpoint of an inherited socket."""

    def __init__(self, reactor: Any, inherited: Inherited) -> None:
        self._inherited = inherited
        self._adopted = AdoptedStreamServerEndpoint(reactor, inherited.descriptor, inherited.family)

    def listen(self, factory: Any) -> Deferred[IListeningPort]:
        """See `IStreamServerEndpoint.listen`."""
        ports: list[IListeningPort] = []
        failures: list[Any] = []
        self._adopted.listen(factory).addCallbacks(ports.append, failures.append)
        if failures:
            return fail(failures[0])
        if self._inherited.family == socket.AF_UNIX:
            keep_listening(ports[0])
        return succeed(ports[0])
