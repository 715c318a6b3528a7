"""The private names of Twisted, and one of Python, that chatd uses, each in one place.

A release of Twisted may rename them without notice.  So `pyproject.toml` bounds Twisted above, and
`tests/net/test_private.py` has a test for each name: to allow a new release, lift the bound and run
the tests.  That file also fails if another module of the server uses one of these names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from socket import socket
from ssl import SSLObject
from typing import Any

from twisted.internet import endpoints
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv6Address
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IProtocol
from twisted.internet.tcp import Port, Server
from twisted.logger import Logger
from twisted.protocols.haproxy._wrapper import HAProxyProtocolWrapper, HAProxyWrappingFactory
from twisted.web.http import HTTPChannel

# -- twisted.internet.abstract.FileDescriptor ----------------------------------------------------


def all_sent(transport: FileDescriptor) -> bool:
    """Whether no bytes wait in a transport's buffers, and it is not to close its sending side.

    Bytes that were written since the last attempt to send are in `_tempDataBuffer`, and
    `_writeDisconnecting` is true while `loseWriteConnection` waits for the buffers.
    """
    return not (transport.dataBuffer or transport._tempDataBuffer or transport._writeDisconnecting)


def bytes_buffered(transport: FileDescriptor) -> int:
    """Bytes in a transport's buffers: `_tempDataLen` counts those of `_tempDataBuffer`."""
    size: int = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
    return size


# -- twisted.internet.tcp.Port -------------------------------------------------------------------


def log_port_to(port: Port, logger: Logger) -> None:
    """Have a port log to `logger`.

    `_logger` is the only way to learn that a port could not accept a connection.
    """
    port._logger = logger


def accepted_descriptor(listening: socket) -> tuple[int, tuple[Any, ...]]:
    """The descriptor and the peer of the next connection to a socket.  Raises `OSError`.

    This is `_accept` of the standard library's socket: its public `accept` converts the socket's
    family and type to enumerations for each connection.
    """
    accepted: tuple[int, tuple[Any, ...]] = listening._accept()  # type: ignore[attr-defined]
    return accepted


# -- twisted.internet.tcp.Server -----------------------------------------------------------------


class LeanServer(Server):
    """A `Server` that has no texts of its own for Twisted's log; they are made when they are used.

    Its constructor sets what those of `Server`, `Connection` and `FileDescriptor` set, in one call
    instead of eight.
    """

    def __init__(
        self,
        sock: socket,
        protocol: IProtocol,
        client: tuple[Any, ...],
        server: Port,
        sessionno: int,
        reactor: Any,
    ) -> None:
        """See `Server`."""
        self.reactor = reactor
        self._tempDataBuffer = []
        self._tempDataLen = 0
        self.socket = sock
        # Looked up once for a million calls; they raise if the socket is closed.
        self.send_now, self.receive = sock.send, sock.recv
        sock.setblocking(False)
        self.fileno = sock.fileno
        self.protocol = protocol
        if len(client) != 2:
            self._addressType = IPv6Address
        self.server = server
        self.client = client
        self.sessionno = sessionno
        self.hostname = client[0]
        reactor.addReader(self)
        self.connected = 1

    def logPrefix(self) -> str:
        """See `ILoggingContext.logPrefix`."""
        return f"{self._getLogPrefix(self.protocol)},{self.sessionno},{self.hostname}"

    def __repr__(self) -> str:
        return f"<{type(self.protocol).__name__} #{self.sessionno} from {self.hostname}>"


# -- twisted.internet.unix.Port ------------------------------------------------------------------


def keep_listening(port: Any) -> None:
    """Make a port, when it is closed, leave its UNIX socket to the process that has made it.

    Twisted would remove the socket's path, unless `_bindPath` begins with a zero byte (an abstract
    socket); and it would shut the socket down for all processes, unless `_shouldShutdown` is false.
    """
    port._bindPath = b"\0" + os.fsencode(port._bindPath)
    port._shouldShutdown = False


# -- twisted.internet.endpoints ------------------------------------------------------------------


def endpoint_words(text: str) -> tuple[list[str], dict[str, str]]:
    """The positional and the named arguments of an endpoint string (`_parse`).

    The public `serverFromString` would at once read the files that an `ssl:` or `tls:` endpoint
    names, and never again.
    """
    words, named = endpoints._parse(text)
    return words, named


def systemd_sockets() -> list[tuple[str, int]]:
    """The sockets that systemd has passed to this process, by name and descriptor.

    Twisted removes the variables from the environment when its endpoints are imported, and keeps
    the sockets in `_SystemdParser._sddaemon`, with their names in `_names`.
    """
    passed = endpoints._SystemdParser._sddaemon
    return [*zip(passed._names, passed.inheritedDescriptors(), strict=True)]


# -- twisted.internet.epollreactor.EPollReactor --------------------------------------------------


def selectables(reactor: EPollReactor) -> Mapping[int, Any]:
    """The objects that the reactor watches, by descriptor (`_selectables`)."""
    watched: Mapping[int, Any] = reactor._selectables
    return watched


def poll_of(reactor: EPollReactor) -> Callable[[float, int], list[tuple[int, int]]]:
    """The `poll` of the reactor's epoll object (`_poller`): seconds and events to events."""
    poll: Callable[[float, int], list[tuple[int, int]]] = reactor._poller.poll
    return poll


def do_read_or_write(reactor: EPollReactor, selectable: Any, fd: int, event: int) -> None:
    """Carry out one event of epoll (`_doReadOrWrite`), with hang-ups and errors."""
    reactor._doReadOrWrite(selectable, fd, event)


def disconnect(reactor: EPollReactor, selectable: Any, why: BaseException) -> None:
    """Close a selectable whose `doRead` has returned or raised `why` (`_disconnectSelectable`)."""
    reactor._disconnectSelectable(selectable, why, True)


# -- twisted.protocols.haproxy -------------------------------------------------------------------


class ProxiedConnection(HAProxyProtocolWrapper):
    """A connection of a `haproxy:` endpoint, which begins with a header of the PROXY protocol.

    It is closed if the header is malformed; for some headers, such as one whose port is no number,
    Twisted raises other exceptions than its own.  Twisted does not accept `PROXY UNKNOWN` without
    addresses, which HAProxy sends in health checks.  `_proxyInfo` is None until the header is read.
    """

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        if self._proxyInfo is None and data.startswith(b"PROXY UNKNOWN\r\n"):
            data = data.replace(b"\r\n", b" \r\n", 1)
        try:
            super().dataReceived(data)
        except Exception:
            if self._proxyInfo is not None:
                raise
            self.loseConnection()


def check_proxy_headers(port: Any) -> None:
    """Have a port of a `haproxy:` endpoint make each connection a `ProxiedConnection`."""
    factory: Any = port.factory
    if isinstance(factory, HAProxyWrappingFactory):
        factory.protocol = ProxiedConnection  # type: ignore[assignment]


# -- twisted.web ---------------------------------------------------------------------------------


class OpenChannel(HTTPChannel):
    """An `HTTPChannel` whose state can be seen by a subclass."""

    @property
    def unparsed(self) -> bytes:
        """Received bytes that are no complete line yet (`_buffer` of `LineReceiver`)."""
        data: bytes = self._buffer
        return data

    @property
    def waiting(self) -> list[bytes]:
        """Bytes received while a request is answered, to be parsed afterwards (`_dataBuffer`)."""
        data: list[bytes] = self._dataBuffer
        return data

    def take_waiting(self) -> bytes:
        """Remove and return the bytes of `waiting`."""
        data, self._dataBuffer = b"".join(self._dataBuffer), []
        return data

    @property
    def request_line(self) -> tuple[bytes, bytes, bytes]:
        """Method, target and version of the current request.

        Twisted keeps them in `_command`, `_path` and `_version` until the body is complete.
        """
        return self._command, self._path, self._version

    @property
    def method(self) -> bytes:
        """The method of the current request; empty before the first request (`_command`)."""
        method: bytes = getattr(self, "_command", b"")
        return method

    @property
    def chunk_length(self) -> int:
        """The length that the client gave for the current chunk (`_transferDecoder`); 0: none."""
        length: int = getattr(self._transferDecoder, "length", 0)
        return length

    def decode_body_with(self, make: Callable[[Callable[[bytes], None]], Any]) -> None:
        """Replace the decoder of the body (`_transferDecoder`).

        `make` returns the new decoder.  Its argument is the function that the decoder has to call
        with the bytes after the body (`_finishRequestBody`).
        """
        self._transferDecoder = make(self._finishRequestBody)

    @property
    def too_many_headers(self) -> bool:
        """Whether a head has more headers, or bytes of headers, than are allowed
        (`_receivedHeaderCount`, `_receivedHeaderSize`).
        """
        return (
            self._receivedHeaderCount > self.maxHeaders
            or self._receivedHeaderSize > self.totalHeadersSize
        )

    def refused_by_twisted(self) -> None:
        """Twisted itself has refused a request."""
        raise NotImplementedError

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        """Twisted calls this to refuse a request; its own answer would have no reason."""
        self.refused_by_twisted()


# -- ssl.SSLObject -------------------------------------------------------------------------------


def openssl_object(tls: SSLObject) -> SSLObject:
    """The object in C that does the work of an `SSLObject` (`_sslobj`): only `do_handshake`, `read`
    and `write` of it may be used.

    Those of `SSLObject` do nothing but call them, which takes a tenth of a push.  They are used
    where Python has no such object.
    """
    worker: SSLObject = getattr(tls, "_sslobj", tls)
    return worker
