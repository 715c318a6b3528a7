"""A lane of their own for connections on which the same is asked again and again.

The reactor asks epoll(7) what has come in, and epoll keeps those who are ready in a queue.  When
thousands ask at once, whatever anybody else says stands behind all of them there.  So connections
with a learned poll (`chatd.transports.polltemplates`) are watched by an epoll of their own, and it
is one reader among the reactor's others: in each of its rounds, so many of the lane's have their
turn.

Why this is right:

1. A connection is watched in one place.  Its transport stops reading when it has come here, and
   reads again when it has gone (`WriteThrough.stand_in` and `stand_down`).
2. Only what is simple happens here: bytes have come in.  Whoever finds anything else - the end, an
   error - steps aside, and the reactor finds the same, and does what it always does then.  Whoever
   raises is closed, as the reactor would, and the others are not concerned.
3. A descriptor's number is used again for the next connection, so whoever stops reading, as before
   a close, is not known here any more.
"""

from __future__ import annotations

import select
from typing import Any, Protocol

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

AT_ONCE = 100
"""Connections that have their turn before everybody else has: a millisecond's work."""


class Stand(Protocol):
    """What reads from a connection in its transport's place."""

    def doRead(self) -> None:
        """Something has come in."""

    def step_aside(self) -> None:
        """Leave reading to the transport."""

    def failed(self) -> None:
        """It has raised: nobody knows what of its bytes was done."""


@implementer(IReadDescriptor)
class Lane:
    """An epoll(7) as one of a reactor's readers."""

    possible = hasattr(select, "epoll")

    _log = Logger()

    def __init__(self) -> None:
        self._stands: dict[int, Stand] = {}
        self._epoll: Any = None
        self._reactor: Any = None

    def enter(self, fd: int, stand: Stand, reactor: Any) -> None:
        """Watch a descriptor in the reactor's place, for `stand` to read from.

        All that enter have one reactor.  Raises `OSError` if there is no room for it.
        """
        if self._epoll is None:
            self._epoll = select.epoll()
            self._reactor = reactor
        self._epoll.register(fd, select.EPOLLIN)
        if not self._stands:
            reactor.addReader(self)
        self._stands[fd] = stand

    def leave(self, fd: int) -> None:
        """Watch it no more."""
        del self._stands[fd]
        self._epoll.unregister(fd)
        if not self._stands:
            self._reactor.removeReader(self)

    def doRead(self) -> None:
        """See `twisted.internet.interfaces.IReadDescriptor.doRead`."""
        stands = self._stands
        for fd, event in self._epoll.poll(0, AT_ONCE):
            stand = stands.get(fd)
            if stand is None:
                continue  # one before it in this round has sent it away
            try:
                if event == select.EPOLLIN:
                    stand.doRead()
                else:
                    stand.step_aside()
            except Exception:
                self._log.failure("a poll could not be read")
                stand.failed()

    def fileno(self) -> int:
        """See `twisted.internet.interfaces.IFileDescriptor.fileno`."""
        number: int = self._epoll.fileno() if self._epoll else -1
        return number

    def connectionLost(self, reason: Failure) -> None:
        """The reactor lets go of all that it watches: the transports are to be among them."""
        for stand in list(self._stands.values()):
            stand.step_aside()

    def logPrefix(self) -> str:
        """See `twisted.internet.interfaces.ILoggingContext.logPrefix`."""
        return "lane"
