"""TLS handshakes in memory, and their result on the client's side."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import NamedTuple

from cryptography import x509

from chatd.net.tlscontexts import ServerContexts


class Seen(NamedTuple):
    """The result of a handshake, on the client's side."""

    names: tuple[str, ...]
    """The names in the server's certificate."""
    version: str
    protocol: str | None
    """The negotiated protocol (ALPN)."""
    sent: int
    """The certificates that the server sent."""
    cipher: str
    """The name that OpenSSL gives the cipher."""


class Handshake:
    """One client of a server with these contexts; it trusts `root`."""

    def __init__(
        self,
        contexts: ServerContexts,
        root: str,
        host: str | None,
        *,
        protocols: tuple[str, ...] = (),
        most: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
        ciphers: str = "",
    ) -> None:
        """`ciphers` are those of TLS 1.2 that the client offers, in the order of its preference."""
        context = ssl.create_default_context(cadata=root)
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = most
        if protocols:
            context.set_alpn_protocols([*protocols])
        if ciphers:
            context.set_ciphers(ciphers)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._received, self._produced = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._server = contexts.context.wrap_bio(self._received, self._produced, server_side=True)

    def turn(self) -> bool:
        """Each side takes one step; returns whether the client is done."""
        done = True
        try:
            self._client.do_handshake()
        except ssl.SSLWantReadError:
            done = False
        self._received.write(self._out.read())
        with suppress(ssl.SSLWantReadError):
            self._server.do_handshake()
        self._in.write(self._produced.read())
        return done

    def finish(self) -> Seen:
        """Complete the handshake.  Raises `ssl.SSLError`."""
        for _ in range(10):
            if self.turn():
                break
        data = self._client.getpeercert(binary_form=True)
        version, cipher = self._client.version(), self._client.cipher()
        assert data
        assert version
        assert cipher
        certificate = x509.load_der_x509_certificate(data)
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(extension.value.get_values_for_type(x509.DNSName))
        chain = (
            self._client.get_unverified_chain()
            if hasattr(self._client, "get_unverified_chain")
            else []
        )
        protocol = self._client.selected_alpn_protocol()
        return Seen(names, version, protocol, len(chain), cipher[0])
