"""Listening sockets of several processes: the supervisor binds them, and its workers adopt them.

No worker owns a socket: the kernel hands each connection to one of the processes that accept, and
keeps it in its queue while none does.  So no connection is refused while workers restart.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from typing import Any, NamedTuple

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from .endpoints import beneath
from .ports import CannotOpen, reason

WORKER = "_CHATD_WORKER"
"""The environment variable that makes a process a worker: it holds the process's `Place`."""
CLOSED = -1
"""The descriptor of a door that stays closed, because its default port is taken."""
TCP_ONLY = "--workers is for TCP ports (tcp:, ssl:, tls:)"
BACKLOG = 1024
"""Connections that may wait in the kernel's queue of one socket."""


class Place(NamedTuple):
    """A worker's place: what its supervisor passes to it."""

    number: int
    """The number of this worker, from 1 on."""
    node: str
    """The name of this worker's node."""
    sockets: tuple[int, ...]
    """The descriptors of the listening sockets, in the order of the endpoints, or `CLOSED`."""
    ready: int
    """The descriptor to which the worker writes when all its doors listen."""
    claims: bool
    """Whether this worker makes the claim code of this start (`chatd.chat.claims`)."""

    def written(self) -> str:
        """The value of the environment variable `WORKER`."""
        return json.dumps(self)


def own_place() -> Place | None:
    """The place of this process; None: it is no worker."""
    told = os.environ.get(WORKER)
    if not told:
        return None
    number, node, sockets, ready, claims = json.loads(told)
    return Place(number, node, tuple(sockets), ready, claims)


class Bound(NamedTuple):
    """The sockets of all endpoints."""

    sockets: list[socket.socket | None]
    """In the order of the endpoints; None: the door stays closed."""
    closed: list[str]
    """Why, a text for each door that stays closed."""

    def close(self) -> None:
        """Close all sockets of this process."""
        for bound in self.sockets:
            if bound is not None:
                bound.close()

    def inherited(self, first: int) -> tuple[tuple[int, ...], dict[int, int]]:
        """The descriptors of the sockets in a worker, from `first` on; and which of this process's
        descriptors each of them is.
        """
        places: list[int] = []
        passed: dict[int, int] = {}
        for bound in self.sockets:
            if bound is None:
                places.append(CLOSED)
                continue
            descriptor = first + len(passed)
            places.append(descriptor)
            passed[descriptor] = bound.fileno()
        return tuple(places), passed


def bind(reactor: Any, endpoints: Iterable[tuple[str, bool]]) -> Bound:
    """Bind a socket for each endpoint, and listen.  An endpoint comes with whether its door may
    stay closed if it cannot be bound.  Raises `CannotOpen`.
    """
    binding = Binding(reactor)
    sockets, closed = binding.sockets, []
    for text, yields in endpoints:
        failures: list[Failure] = []
        listening: Deferred[Any] = serverFromString(binding, beneath(text)).listen(Factory())
        listening.addErrback(failures.append)
        if not failures:
            continue
        problem = CannotOpen(text, reason(failures[0]))
        if not yields:
            Bound(sockets, []).close()
            raise problem
        sockets.append(None)
        closed.append(str(problem))
    return Bound(sockets, closed)


class Binding:
    """A reactor that binds TCP sockets, and leaves it to other processes to accept from them."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.sockets: list[socket.socket | None] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(  # noqa: N802
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> None:
        """Bind and listen.  Raises `CannotListenError`."""
        family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((interface, port))
            bound.listen(max(backlog, BACKLOG))
        except (OSError, OverflowError) as problem:
            bound.close()
            raise CannotListenError(interface, port, problem) from problem
        bound.setblocking(False)
        self.sockets.append(bound)

    def listenUNIX(self, address: str, *args: object, **options: object) -> None:  # noqa: N802
        """Raises `CannotListenError`."""
        raise CannotListenError(None, address, OSError(TCP_ONLY))

    def adoptStreamPort(self, descriptor: int, family: int, factory: object) -> None:  # noqa: N802
        """Raises `CannotListenError`: systemd passes its descriptors to one process only."""
        raise CannotListenError(None, descriptor, OSError(TCP_ONLY))


class Adopting:
    """A reactor that listens on a socket that was bound already."""

    def __init__(self, reactor: Any, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(  # noqa: N802
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        """Listen on the socket, whatever the port is called."""
        family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
        return self._reactor.adoptStreamPort(self._descriptor, family, factory)


def signal_ready(place: Place) -> None:
    """Tell the supervisor that all doors of this worker listen."""
    os.write(place.ready, b"ready\n")
    os.close(place.ready)
