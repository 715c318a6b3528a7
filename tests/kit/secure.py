"""Connections in memory that are encrypted, as a door with TLS has them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.python.failure import Failure

from chatd.net.tls import TlsFactory
from chatd.testing import FakeConnection, InMemoryChat

from .tls import OneContext, server_context


class SecureConnection(FakeConnection):
    """Both ends of a TLS connection; `send` and `received` are what the client encrypts and
    decrypts.
    """

    def __init__(
        self, contexts: OneContext, factory: IProtocolFactory, peer: IAddress | None = None
    ) -> None:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client = client.wrap_bio(self._in, self._out)
        self._decrypted = b""
        super().__init__(TlsFactory(contexts, factory), peer)
        for _ in range(2):
            try:
                self._client.do_handshake()
            except ssl.SSLWantReadError:
                pass
            super().send(self._out.read())
            self._take()

    def send(self, *parts: bytes) -> None:
        """See `FakeConnection.send`; each part is a record."""
        for part in parts:
            if not self.lost and part:
                self._client.write(part)
                super().send(self._out.read())

    def received(self) -> bytes:
        """See `FakeConnection.received`."""
        self._take()
        data = b""
        while True:
            try:
                part = self._client.read(1 << 20)
            except ssl.SSLWantReadError:
                return data
            if not part:
                return data
            data += part

    def _take(self) -> None:
        """The client takes the packets that the server has sent."""
        if packets := super().received():
            self._in.write(packets)

    def loseConnection(self) -> None:
        """The server closes the connection."""
        super().loseConnection()

    def hang_up(self, reason: Failure | None = None) -> None:
        """The connection is lost."""
        super().hang_up(reason)


@contextmanager
def all_secure() -> Iterator[None]:
    """Each connection of a client in memory is encrypted."""
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        contexts = server_context(Path(directory))

        def connect(
            chat: InMemoryChat, factory: IProtocolFactory, peer: IAddress | None = None
        ) -> FakeConnection:
            return SecureConnection(contexts, factory, peer)

        patch.setattr(InMemoryChat, "connect", connect)
        yield
