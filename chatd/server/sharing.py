"""Listening sockets of several processes: the supervisor binds them, and its workers adopt them.

No worker owns a socket: the kernel hands each connection to one of the processes that accept, and
keeps it in its queue while none does.  So no connection is refused while workers restart.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from ..net.unixsockets import BACKLOG, AdoptedUnixPort, bind_unix
from .endpoints import beneath
from .ports import CannotOpen, reason

WORKER = "_CHATD_WORKER"
"""The environment variable that makes a process a worker: it holds the process's `Place`."""
CLOSED = -1
"""The descriptor of a door that stays closed, because its default port is taken."""


class Place(NamedTuple):
    """A worker's place: what its supervisor passes to it."""

    number: int
    """The number of this worker, from 1 on."""
    node: str
    """The name of this worker's node."""
    sockets: tuple[int, ...]
    """The descriptors of the listening sockets, in the order of the endpoints, or `CLOSED`."""
    console: int
    """The descriptor of the console's socket, or `CLOSED`."""
    ready: int
    """The descriptor to which the worker writes when all its doors listen."""
    claims: bool
    """Whether this worker makes the claim code of this start (`chatd.chat.claims`)."""

    def written(self) -> str:
        """The value of the environment variable `WORKER`."""
        return json.dumps(self)


def own_place() -> Place | None:
    """The place of this process; None if the process is no worker."""
    told = os.environ.get(WORKER)
    if not told:
        return None
    number, node, sockets, console, ready, claims = json.loads(told)
    return Place(number, node, tuple(sockets), console, ready, claims)


class Bound(NamedTuple):
    """The sockets of all endpoints."""

    sockets: list[socket.socket | None]
    """In the order of the endpoints; None: the door stays closed."""
    closed: list[str]
    """Why, a text for each door that stays closed."""
    files: list[Path]
    """The files of UNIX sockets."""

    def close(self) -> None:
        """Close all sockets of this process, and remove their files."""
        for bound in self.sockets:
            if bound is not None:
                bound.close()
        for path in self.files:
            with suppress(OSError):
                path.unlink()

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
    bound = Bound(binding.sockets, [], binding.files)
    for text, yields in endpoints:
        failures: list[Failure] = []
        listening: Deferred[Any] = serverFromString(binding, beneath(text)).listen(Factory())
        listening.addErrback(failures.append)
        if not failures:
            continue
        problem = CannotOpen(text, reason(failures[0]))
        if not yields:
            bound.close()
            raise problem
        bound.sockets.append(None)
        bound.closed.append(str(problem))
    return bound


class Binding:
    """A reactor that binds sockets but does not accept connections: other processes do."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.sockets: list[socket.socket | None] = []
        self.files: list[Path] = []
        """The files of UNIX sockets."""

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

    def listenUNIX(  # noqa: N802
        self, address: str, factory: object, backlog: int = 50, mode: int = 0o666, **lock: object
    ) -> None:
        """Bind and listen.  No lock file is needed, because `bind_unix` connects to a socket that
        is there before it replaces it.  Raises `CannotListenError`.
        """
        path = Path(address).absolute()
        try:
            self.sockets.append(bind_unix(path, mode))
        except OSError as problem:
            raise CannotListenError(None, address, problem) from problem
        self.files.append(path)

    def adoptStreamPort(self, descriptor: int, family: int, factory: object) -> None:  # noqa: N802
        """Take over a socket that systemd has bound; the file of a UNIX socket stays systemd's."""
        self.sockets.append(socket.socket(fileno=os.dup(descriptor)))


class Adopting:
    """A reactor that listens on a socket that was bound already."""

    def __init__(self, reactor: Any, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def adoptStreamPort(self, descriptor: int, family: int, factory: Any) -> Any:  # noqa: N802
        """Listen on the inherited socket; the descriptor in the endpoint is ignored."""
        if family == socket.AF_UNIX:
            return self.listenUNIX("", factory)
        return self._reactor.adoptStreamPort(self._descriptor, family, factory)

    def listenTCP(  # noqa: N802
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        """Listen on the socket, whatever the port is called."""
        family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
        return self._reactor.adoptStreamPort(self._descriptor, family, factory)

    def listenUNIX(  # noqa: N802
        self, address: str, factory: Any, *options: object, **more: object
    ) -> AdoptedUnixPort:
        """Listen on the inherited socket; the supervisor has set its path and its file's mode."""
        port = AdoptedUnixPort(self._reactor, self._descriptor, factory)
        port.startListening()
        return port


def adopted_endpoint(reactor: Any, text: str, descriptor: int) -> IStreamServerEndpoint:
    """A worker's endpoint on an inherited socket.  Raises whatever the parser of `text` raises."""
    adopting = Adopting(reactor, descriptor)
    # Twisted's parser of `systemd:` finds only sockets that systemd passed to this very process.
    if text.partition(":")[0] == "systemd":
        with socket.socket(fileno=os.dup(descriptor)) as bound:
            family = bound.family
        endpoint: IStreamServerEndpoint = AdoptedStreamServerEndpoint(adopting, descriptor, family)
        return endpoint
    endpoint = serverFromString(adopting, text)
    return endpoint
