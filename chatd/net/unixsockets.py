"""UNIX sockets in the file system that one process binds, and from which other processes accept.

Twisted's own port cannot accept for them: when it adopts a socket it changes the mode of the
socket's file, and when it closes it deletes the file.
"""

from __future__ import annotations

import os
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

from twisted.internet import unix
from twisted.internet.base import BasePort
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

BACKLOG = 1024
"""Connections that may wait in the kernel's queue of one socket."""
MOST_PATH = 103
"""Maximum bytes in the path of a socket: the smallest limit of the systems that chatd runs on."""
PROBE_SECONDS = 1.0
"""Seconds to wait until another server, which may listen at the socket, accepts a connection."""


def clear_away(path: Path) -> None:
    """Remove the socket of a server that was killed.  Raises `OSError` if the path is too long or
    is another file, or if another server listens at it.
    """
    if len(os.fsencode(path)) > MOST_PATH:
        raise OSError(f"a socket's path has at most {MOST_PATH} bytes")
    if not path.is_socket():
        if os.path.lexists(path):
            raise OSError("another file is there")
        return
    with socket(AF_UNIX) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        else:
            raise OSError("another server listens at it")


def bind_unix(path: Path, mode: int) -> socket:
    """A socket that listens at the path, whose file has the mode before the first client connects.

    Raises `OSError`.
    """
    clear_away(path)
    bound = socket(AF_UNIX)
    try:
        bound.bind(str(path))
        path.chmod(mode)
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


class AdoptedUnixPort(unix.Port):
    """A port that accepts from a socket of another process, which owns the socket's file."""

    def __init__(self, reactor: Any, descriptor: int, factory: Factory) -> None:
        """`descriptor` is that of the listening socket, which the port duplicates."""
        self._bound = socket(fileno=os.dup(descriptor))
        self._bound.setblocking(False)
        super().__init__(self._bound.getsockname(), factory, reactor=reactor)

    def startListening(self) -> None:  # noqa: N802
        """Accept connections; the socket listens already."""
        assert self.factory
        self.factory.doStart()
        self.socket = self._bound
        self.fileno = self.socket.fileno  # type: ignore[method-assign]
        self.connected = True
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Failure) -> None:
        """Close this process's descriptor only: Twisted's port would shut the socket down."""
        BasePort.connectionLost(self, reason)
        self.connected = False
        self.socket.close()
        del self.socket, self.fileno
        assert self.factory
        self.factory.doStop()
