"""Rehearsal of the doors: checks that all can be opened before the first one is.

Doors open one after another, so when the third cannot be opened, clients may have connected to the
first.  In the rehearsal the same endpoints listen on a reactor that only binds sockets, and closes
them.  A failure that the rehearsal cannot foresee (another process may take the port in between)
still ends the start when the door is opened.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from errno import EADDRINUSE
from pathlib import Path
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from .endpoints import beneath, kind_of

REHEARSED = ("tcp", "tcp6", "ssl", "tls", "unix")
"""Kinds of endpoints that can be rehearsed without side effects.  A `systemd:` endpoint cannot: the
rehearsal would close the descriptor that systemd has passed."""
_EVERYWHERE = ("", "0.0.0.0", "::")


class CannotOpen(Exception):
    """A door cannot listen on its endpoint."""

    def __init__(self, endpoint: str, problem: object) -> None:
        super().__init__(f"cannot listen on {endpoint}: {problem}")


def rehearse(reactor: Any, endpoints: Iterable[str]) -> None:
    """Raise `CannotOpen` for the first of the endpoints that cannot be listened on."""
    with ExitStack() as bound:
        rehearsal = Rehearsal(reactor, bound)
        for text in endpoints:
            if why := _refusal(rehearsal, text):
                raise CannotOpen(text, why)


def contradictions(endpoints: Iterable[tuple[str, str]]) -> list[str]:
    """Why endpoints, each with its door, cannot be listened on together, whatever else listens on
    this machine.  Opens nothing.
    """
    paper = Paper()
    tried = [(door, text, _refusal(paper, text)) for door, text in endpoints]
    return [f"--{door} {text}: {why}" for door, text, why in tried if why]


def _refusal(reactor: Any, text: str) -> object | None:
    """Why the reactor cannot listen on an endpoint; None if it can, or if the kind of the endpoint
    is not rehearsed.
    """
    if kind_of(text) not in REHEARSED:
        return None
    failures: list[Failure] = []
    listening: Deferred[Any] = serverFromString(reactor, beneath(text)).listen(Factory())
    listening.addErrback(failures.append)
    return reason(failures[0]) if failures else None


def reason(failure: Failure) -> object:
    """The reason why an endpoint could not listen: the socket's error, if there is one."""
    problem: object = getattr(failure.value, "socketError", failure.value)
    return problem


class Rehearsal:
    """A reactor that binds sockets without listening; raises `CannotListenError` on failure."""

    def __init__(self, reactor: Any, bound: ExitStack) -> None:
        self._reactor = reactor
        self._bound = bound
        self._taken: list[tuple[str, int]] = []
        self._paths: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(  # noqa: N802
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> None:
        """Bind, as `IReactorTCP.listenTCP` does before it listens."""
        family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
        bound = self._bound.enter_context(socket.socket(family, socket.SOCK_STREAM))
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            if any(port == other and _same(interface, place) for place, other in self._taken):
                # With SO_REUSEADDR two sockets may share an address until one of them listens.
                raise OSError(EADDRINUSE, os.strerror(EADDRINUSE))
            bound.bind((interface, port))
        except (OSError, OverflowError) as problem:
            raise CannotListenError(interface, port, problem) from problem
        if port:
            self._taken.append((interface, port))

    def listenUNIX(  # noqa: N802
        self, address: str, factory: object, backlog: int = 50, mode: int = 0, **lock: bool
    ) -> None:
        """Check that a UNIX socket could be created; `wantPID`: a lock file guards the socket."""
        path = Path(address)
        if not path.parent.is_dir():
            problem = "there is no such directory"
        elif not os.access(path.parent, os.W_OK):
            problem = "the directory cannot be written to"
        elif lock.get("wantPID") and _held(f"{address}.lock"):
            problem = "another process listens there"
        elif address in self._paths:
            problem = "another door has this path"
        else:
            self._paths.add(address)
            return
        raise CannotListenError(None, address, OSError(problem))


class Paper:
    """A reactor that opens nothing, and remembers what listens where; raises `CannotListenError`
    for a second endpoint at the same place.
    """

    def __init__(self) -> None:
        self._taken: list[tuple[str, int]] = []
        self._paths: set[str] = set()

    def listenTCP(  # noqa: N802
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> None:
        """Note the port."""
        if port and any(port == other and _same(interface, place) for place, other in self._taken):
            raise CannotListenError(interface, port, OSError("another door has this port"))
        self._taken.append((interface, port))

    def listenUNIX(  # noqa: N802
        self, address: str, factory: object, backlog: int = 50, mode: int = 0, **lock: bool
    ) -> None:
        """Note the path."""
        path = os.path.abspath(address)
        problem = ""
        if path in self._paths:
            problem = "another door has this path"
        elif not Path(path).parent.is_dir():
            problem = "there is no such directory"
        elif not os.access(Path(path).parent, os.W_OK):
            problem = "the directory cannot be written to"
        if problem:
            raise CannotListenError(None, address, OSError(problem))
        self._paths.add(path)


def _held(lock: str) -> bool:
    """Whether a living process holds a lock of `twisted.python.lockfile`: a link to its process id.

    Twisted's own check is not used, because it breaks the lock of a dead process, and then Twisted
    would not remove that process's socket.
    """
    try:
        os.kill(int(os.readlink(lock)), 0)
    except PermissionError:
        return True  # the process lives, and belongs to another user
    except (OSError, ValueError):
        return False
    return True


def _same(interface: str, other: str) -> bool:
    """Whether sockets on these two interfaces would conflict if they had the same port."""
    return interface == other or interface in _EVERYWHERE or other in _EVERYWHERE
