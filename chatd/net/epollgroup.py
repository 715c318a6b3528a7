"""An epoll group: one epoll(7) for many connections that repeat the same request.

Epoll keeps ready descriptors in a queue.  When thousands of long-polls arrive at once, a message
from any other connection would wait behind all of them in the reactor's queue.  So connections with
a learned poll (`chatd.doors.polls.templates`) are watched by an epoll of their own, which is one
reader of the reactor: in each turn of the reactor, at most `AT_ONCE` of them are read.

Why this is right:

1. A connection is watched in one place.  Its transport stops reading when it has come here, and
   reads again when it has gone (`WriteThrough.delegate_reads` and `take_back_reads`).
2. Only incoming bytes and the end of input are handled here, as the transport would
   (`WriteThrough.received`).  A delegate that finds anything else, such as an error, steps aside,
   and the reactor handles it as usual.  A delegate that raises is closed, as the reactor would do,
   and the other connections go on.
3. The kernel reuses the numbers of descriptors, so a connection that stops reading, as before a
   close, is removed from the group.
"""

from __future__ import annotations

import select
from typing import Any, Protocol

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

AT_ONCE = 100
"""Connections of the group that are read per turn of the reactor: about 1 ms of work."""


class ReadDelegate(Protocol):
    """Reads from a connection in place of its transport."""

    def doRead(self) -> None:
        """Read the bytes that have come in."""

    def step_aside(self) -> None:
        """Leave reading to the transport."""

    def failed(self) -> None:
        """Close the connection: `doRead` has raised, so it is unknown which bytes were handled."""


@implementer(IReadDescriptor)
class EpollGroup:
    """An epoll(7) as one of a reactor's readers."""

    possible = hasattr(select, "epoll")

    _log = Logger()

    def __init__(self) -> None:
        self._delegates: dict[int, ReadDelegate] = {}
        self._epoll: Any = None
        self._reactor: Any = None

    def enter(self, fd: int, delegate: ReadDelegate, reactor: Any) -> None:
        """Watch a descriptor in place of the reactor, for `delegate` to read from.

        All connections of a group have the same reactor.  Raises `OSError` if the kernel refuses.
        """
        if self._epoll is None:
            self._epoll = select.epoll()
            self._reactor = reactor
        self._epoll.register(fd, select.EPOLLIN)
        if not self._delegates:
            reactor.addReader(self)
        self._delegates[fd] = delegate

    def leave(self, fd: int) -> None:
        """Stop watching a descriptor."""
        del self._delegates[fd]
        self._epoll.unregister(fd)
        if not self._delegates:
            self._reactor.removeReader(self)

    def doRead(self) -> None:
        """See `twisted.internet.interfaces.IReadDescriptor.doRead`."""
        delegates = self._delegates
        for fd, event in self._epoll.poll(0, AT_ONCE):
            delegate = delegates.get(fd)
            if delegate is None:
                continue  # an earlier delegate of this round has closed it
            try:
                if event == select.EPOLLIN:
                    delegate.doRead()
                else:
                    delegate.step_aside()
            except Exception:
                self._log.failure("a poll could not be read")
                delegate.failed()

    def fileno(self) -> int:
        """See `twisted.internet.interfaces.IFileDescriptor.fileno`."""
        number: int = self._epoll.fileno() if self._epoll else -1
        return number

    def connectionLost(self, reason: Failure) -> None:
        """The reactor disconnects everything that it watches; so the transports go back to it."""
        for delegate in list(self._delegates.values()):
            delegate.step_aside()

    def logPrefix(self) -> str:
        """See `twisted.internet.interfaces.ILoggingContext.logPrefix`."""
        return "epoll_group"
