"""TLS handshakes in memory, and what the client saw of the server."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any, NamedTuple

from cryptography import x509
from OpenSSL.SSL import WantReadError
from twisted.internet.interfaces import IProtocolNegotiationFactory
from zope.interface import implementer


class Seen(NamedTuple):
    """What a client saw."""

    names: tuple[str, ...]
    """The names in the server's certificate."""
    version: str
    protocol: str | None
    """The protocol that was agreed upon (ALPN)."""
    sent: int
    """The certificates that the server sent."""


@implementer(IProtocolNegotiationFactory)
class OfHttp:
    """A connection of HTTP, and its own factory."""

    @property
    def factory(self) -> OfHttp:
        """See `TLSMemoryBIOProtocol`."""
        return self

    @property
    def wrappedFactory(self) -> OfHttp:  # noqa: N802
        """See `TLSMemoryBIOFactory`."""
        return self

    def acceptableProtocols(self) -> list[bytes]:
        """The protocols of HTTP doors."""
        return [b"http/1.1"]


class Handshake:
    """One client of a server, whose connection `creator` makes; it trusts `root`."""

    def __init__(
        self,
        creator: Any,
        root: str,
        host: str | None,
        *,
        protocols: tuple[str, ...] = (),
        most: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> None:
        context = ssl.create_default_context(cadata=root)
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = most
        if protocols:
            context.set_alpn_protocols([*protocols])
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._server = creator.serverConnectionForTLS(None)
        self._server.set_app_data(OfHttp())
        self._server.set_accept_state()

    def turn(self) -> bool:
        """Each side takes one step; returns whether the client is done."""
        done = True
        try:
            self._client.do_handshake()
        except ssl.SSLWantReadError:
            done = False
        with suppress(Exception):
            self._server.bio_write(self._out.read())
        with suppress(WantReadError):
            self._server.do_handshake()
        with suppress(WantReadError):
            self._in.write(self._server.bio_read(65536))
        return done

    def finish(self) -> Seen:
        """Complete the handshake.  Raises `ssl.SSLError`, or OpenSSL's error."""
        for _ in range(10):
            if self.turn():
                break
        data = self._client.getpeercert(binary_form=True)
        version = self._client.version()
        assert data
        assert version
        certificate = x509.load_der_x509_certificate(data)
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(extension.value.get_values_for_type(x509.DNSName))
        chain = (
            self._client.get_unverified_chain()
            if hasattr(self._client, "get_unverified_chain")
            else []
        )
        return Seen(names, version, self._client.selected_alpn_protocol(), len(chain))
