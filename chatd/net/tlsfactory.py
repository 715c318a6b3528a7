"""The factory of the connections of a TLS port."""

from __future__ import annotations

from ssl import SSLContext
from typing import Any, Protocol

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory

from .tls import TlsConnection


class Contexts(Protocol):
    """The source of the SSL context for new connections of a port."""

    context: SSLContext
    """The context for connections that begin now.  It must refuse renegotiation."""


class TlsFactory(Factory):
    """Makes the connections of a TLS port."""

    noisy = False

    def __init__(self, contexts: Contexts, factory: IProtocolFactory) -> None:
        """`factory` makes the protocols to which the connections are the transports."""
        self.contexts = contexts
        self._factory = factory

    def buildProtocol(self, addr: Any) -> Any:
        """See `IProtocolFactory.buildProtocol`."""
        protocol = self._factory.buildProtocol(addr)
        return None if protocol is None else TlsConnection(self.contexts.context, protocol)

    def doStart(self) -> None:  # noqa: N802
        """See `IProtocolFactory.doStart`."""
        self._factory.doStart()

    def doStop(self) -> None:  # noqa: N802
        """See `IProtocolFactory.doStop`."""
        self._factory.doStop()
