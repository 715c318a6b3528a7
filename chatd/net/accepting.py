"""Accepting TCP connections, in as few calls as possible.

Twisted's `Port.doRead` needs fifty calls of Python for each connection, before the door's factory
has made its protocol.  Most of them build a logger in case the accept fails, convert the socket's
family to an enumeration, and format names for a log of Twisted that chatd does not use.

1. An `acceptor` does what `Port.doRead` does, and returns when no connection waits.  After any
   other error it calls `Port.doRead`, which gets the same error again, handles it and logs it.  If
   the factory or the protocol fails, that connection is closed, and the port goes on.
2. At most `ACCEPTS_A_TURN` connections are accepted per call, so that a storm of connections does
   not hold up the ones that exist.
"""

from __future__ import annotations

from collections.abc import Callable
from socket import NI_NUMERICHOST, NI_NUMERICSERV, getnameinfo, socket
from typing import Any, NamedTuple

from twisted.internet.interfaces import IAddress
from twisted.internet.tcp import Port
from twisted.logger import Logger
from zope.interface import implementer

from .private import accepted_descriptor

ACCEPTS_A_TURN = 25
"""Connections that one port accepts per turn; Twisted would raise the number with the load."""


_log = Logger()


@implementer(IAddress)
class Peer(NamedTuple):
    """The address of a client, as far as factories need it.

    Twisted's addresses check their fields, which takes five times as long; `getPeer` of the
    transport returns one of those.
    """

    host: str
    port: int


def acceptor(port: Port, do_read: Callable[[], None]) -> Callable[[], None]:
    """A function that accepts the connections that wait for a TCP port.  `do_read` is the port's
    own `doRead`.
    """
    listening = port.socket
    # Asked once, because Python's socket makes an enumeration of each number.
    kind = listening.family, listening.type, listening.proto

    def accept() -> None:
        for _ in range(ACCEPTS_A_TURN):
            try:
                descriptor, peer = accepted_descriptor(listening)
            except BlockingIOError:
                return
            except OSError:
                port.numberAccepts = ACCEPTS_A_TURN
                do_read()
                return
            try:
                _connect(port, socket(*kind, descriptor), peer)
            except Exception:
                _log.failure("a connection that was accepted could not be served")

    return accept


def _connect(port: Port, accepted: socket, peer: tuple[Any, ...]) -> None:
    """Connect an accepted socket with a protocol of the port's factory, which may refuse it."""
    if len(peer) > 2 and peer[3]:  # a link-local address: have its scope in the address
        host, _ = getnameinfo(peer, NI_NUMERICHOST | NI_NUMERICSERV)
        peer = (host, *peer[1:])
    factory: Any = port.factory
    try:
        protocol = factory.buildProtocol(Peer(peer[0], peer[1]))
    except BaseException:
        accepted.close()
        raise
    if protocol is None:
        accepted.close()
        return
    number = port.sessionno
    port.sessionno = number + 1
    transport = port.transport(accepted, protocol, peer, port, number, port.reactor)
    try:
        protocol.makeConnection(transport)
    except BaseException:
        transport.abortConnection()
        raise
