"""Encrypted connections in memory, as to a door with TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from twisted.internet.interfaces import IAddress, IProtocolFactory

from chatd.net.tlsfactory import TlsFactory
from chatd.testing import FakeConnection, InMemoryChat

from .tls import OneContext, server_context

CLIENT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CLIENT.check_hostname = False
CLIENT.verify_mode = ssl.CERT_NONE


class SecureConnection(FakeConnection):
    """Both ends of a TLS connection; `send` and `received` are what the client encrypts and
    decrypts.
    """

    ending = "alert and FIN"
    """What the client sends to half-close the connection."""

    def __init__(
        self, contexts: OneContext, factory: IProtocolFactory, peer: IAddress | None = None
    ) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client = CLIENT.wrap_bio(self._in, self._out)
        self._heard = b""
        self._stops = False
        self._unread: bytes | None = None
        super().__init__(TlsFactory(contexts, factory), peer)
        for _ in range(2):
            with suppress(ssl.SSLWantReadError):
                self._client.do_handshake()
            super().send(self._out.read())
        self._hear()

    def send(self, *parts: bytes) -> None:
        """See `FakeConnection.send`; each part is a record."""
        for part in parts:
            if not self.lost and part:
                self._client.write(part)
                super().send(self._out.read())

    def send_on(self, *parts: bytes) -> None:
        """Like `send`, but the client receives what is written meanwhile only after the last part:
        so does a client whose packets cross those of the server.
        """
        self._unread = b""
        self.send(*parts)
        self.go_on()

    def end_input(self) -> None:
        """See `FakeConnection.end_input`: the client sends its closing alert, a FIN, or both."""
        if "alert" in self.ending and not self.lost:
            with suppress(ssl.SSLError):
                self._client.unwrap()
            super().send(self._out.read())
        if "FIN" in self.ending and not self.lost:
            super().end_input()

    def write(self, data: bytes) -> None:
        """The client receives records of the server; it answers a closing alert with its own."""
        if self._unread is not None:
            self._unread += data
            return
        if self._stops:
            half = len(data) // 2
            self._unread, data = data[half:], data[:half]
            if self.producer:
                self.fill()
        self._in.write(data)
        if self._client.version():
            self._hear()

    def stop_within_a_record(self) -> None:
        """The client reads half of the next record, and stops there; then all buffers are full."""
        self._stops = True

    def go_on(self) -> None:
        """The client reads the rest."""
        unread, self._unread, self._stops = self._unread, None, False
        assert unread, "the client has not stopped"
        self.write(unread)
        if self.producer:
            self.drain()

    def received(self) -> bytes:
        """See `FakeConnection.received`."""
        data, self._heard = self._heard, b""
        return data

    def _hear(self) -> None:
        with suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while part := self._client.read(1 << 20):
                self._heard += part
            self._client.unwrap()
            super().send(self._out.read())


@contextmanager
def all_secure() -> Iterator[None]:
    """Within this context, all connections of clients in memory are encrypted."""
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        contexts = server_context(Path(directory))

        def connect(
            chat: InMemoryChat, factory: IProtocolFactory, peer: IAddress | None = None
        ) -> FakeConnection:
            return SecureConnection(contexts, factory, peer)

        patch.setattr(InMemoryChat, "connect", connect)
        yield
