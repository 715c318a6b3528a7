"""Connections to hosts of the Internet only, whoever has named the host.

The address of a push service comes from a client.  So that no client reaches through this server
what only this server reaches:

1. A name is resolved here, and if any of its addresses is not of the Internet
   (`chatd.model.addresses.is_on_internet`), nothing is connected to.
2. The connection goes to one of the addresses that were checked; the name is not resolved again.
3. Only TLS is spoken, with the host's certificate checked.
4. A connection on which more than `MOST_BYTES` come is aborted, and so is one that is open for
   longer than `OPEN_SECONDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI
from twisted.web.error import SchemeNotSupported
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from ..model.addresses import is_on_internet

CONNECT_SECONDS = 10.0
"""Seconds to connect to a host, over all its addresses."""
MOST_BYTES = 65_536
"""Bytes that a host may send in answer to a request, its headers included."""
OPEN_SECONDS = 30.0
"""Seconds that a connection may be open: it is for one request."""
WARNING_SECONDS = 600.0
"""Seconds between two warnings in the log that a name has another address."""
PORT = 443


@implementer(IResolutionReceiver)
class _Checked:
    """Passes the addresses of a name on if all of them are of the Internet, or none of them."""

    def __init__(self, receiver: IResolutionReceiver, warn: Callable[[str, str], None]) -> None:
        """`warn(name, host)` tells that the name has the address `host`, which is another one."""
        self._receiver = receiver
        self._warn = warn
        self._found: list[IAddress] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """See `IResolutionReceiver`."""
        self._name = resolutionInProgress.name
        self._receiver.resolutionBegan(resolutionInProgress)

    def addressResolved(self, address: IAddress) -> None:
        """See `IResolutionReceiver`."""
        self._found.append(address)

    def resolutionComplete(self) -> None:
        """See `IResolutionReceiver`."""
        hosts = [getattr(address, "host", "") for address in self._found]
        foreign = [host for host in hosts if not _is_on_internet(host)]
        if foreign:
            self._warn(self._name, foreign[0])
        else:
            for address in self._found:
                self._receiver.addressResolved(address)
        self._receiver.resolutionComplete()


def _is_on_internet(host: str) -> bool:
    try:
        return is_on_internet(host)
    except ValueError:
        return False


@implementer(IHostnameResolver)
class InternetResolver:
    """Resolves names whose addresses are all of the Internet; for any other name it finds none."""

    _log = Logger()

    def __init__(self, inner: IHostnameResolver, seconds: Callable[[], float]) -> None:
        """`seconds` is a monotonic clock."""
        self._inner = inner
        self._seconds = seconds
        self._warned = float("-inf")

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See `IHostnameResolver`."""
        receiver = _Checked(resolutionReceiver, self._warn)
        return self._inner.resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )

    def _warn(self, name: str, host: str) -> None:
        """Log it now and then: clients choose the names."""
        now = self._seconds()
        if now - self._warned >= WARNING_SECONDS:
            self._warned = now
            self._log.warn(
                "nothing is sent to {name}: its address {host} is not of the Internet",
                name=name,
                host=host,
            )


@implementer(IReactorPluggableNameResolver, IReactorTCP, IReactorTime)
class InternetReactor:
    """A reactor that connects by TCP, and resolves names with an `InternetResolver`."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.nameResolver = InternetResolver(reactor.nameResolver, reactor.seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


class _Bounded(ProtocolWrapper):
    """A connection on which a bounded number of bytes may come, for a bounded time."""

    _come = 0
    _deadline: IDelayedCall | None = None

    def open_on(self, clock: IReactorTime) -> None:
        """It is open from now on."""
        self._deadline = clock.callLater(OPEN_SECONDS, self._abort)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        super().connectionLost(reason)

    def _abort(self) -> None:
        self.transport.abortConnection()  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        self._come += len(data)
        if self._come > MOST_BYTES:
            self._abort()
        else:
            super().dataReceived(data)


@implementer(IStreamClientEndpoint)
class BoundedEndpoint:
    """An endpoint whose host may send `MOST_BYTES`, within `OPEN_SECONDS`."""

    def __init__(self, clock: IReactorTime, inner: IStreamClientEndpoint) -> None:
        self._clock = clock
        self._inner = inner

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See `IStreamClientEndpoint`."""
        bounded = WrappingFactory(protocolFactory)
        bounded.protocol = _Bounded
        bounded.noisy = False
        connecting: Deferred[Any] = self._inner.connect(bounded)
        return connecting.addCallback(self._connected)

    def _connected(self, wrapper: Any) -> Any:
        wrapper.open_on(self._clock)
        return wrapper.wrappedProtocol


Secure = Callable[[str, IStreamClientEndpoint], IStreamClientEndpoint]
"""Wraps an endpoint in TLS, for the host of that name."""


def secured(host: str, endpoint: IStreamClientEndpoint) -> IStreamClientEndpoint:
    """Wrap an endpoint in TLS; the host has to show a certificate that this machine trusts."""
    from twisted.internet.ssl import optionsForClientTLS  # needs the extra `push`

    return wrapClientTLS(optionsForClientTLS(host), endpoint)


@implementer(IAgentEndpointFactory)
class InternetEndpoints:
    """The endpoints of `https` URLs, for `twisted.web.client.Agent`."""

    def __init__(self, reactor: Any, secure: Secure = secured) -> None:
        self._reactor = InternetReactor(reactor)
        self._secure = secure

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """See `IAgentEndpointFactory`.  Raises `SchemeNotSupported`."""
        if uri.scheme != b"https" or uri.port != PORT:
            raise SchemeNotSupported("only https, at port 443")
        host = uri.host.decode("ascii")
        endpoint = HostnameEndpoint(self._reactor, host, PORT, CONNECT_SECONDS)
        return BoundedEndpoint(self._reactor, self._secure(host, endpoint))
