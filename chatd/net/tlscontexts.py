"""The server's side of TLS: one certificate for each host name, which can be replaced at any time.

1. TLS 1.2 and 1.3 are spoken, with Python's choice of ciphers and without renegotiation.
2. A client that names a host (SNI) gets the certificate for it; any other client the first one.
3. A connection keeps the certificates with which its handshake began.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import NamedTemporaryFile

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .certificates import BadCertificate, Certificate, by_name, for_name

TICKETS = 1
"""Session tickets for each handshake of TLS 1.3.  OpenSSL sends two, which cost more than the rest
of its last message; a client that opens several connections at once seldom resumes."""


class ServerContexts:
    """What the TLS connections of one door begin with."""

    def __init__(self, protocols: Sequence[str] = ()) -> None:
        """`protocols`: those that the door offers (ALPN), the best first."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        """For the connections that begin now."""
        self._protocols = [*protocols]

    def use(self, certificates: Sequence[Certificate]) -> None:
        """Use these certificates for all connections that begin from now on.

        Raises `BadCertificate`, and then goes on with those that it has.
        """
        contexts = {id(one): self._context(one) for one in certificates}
        named = {name: contexts[id(one)] for name, one in by_name(certificates).items()}

        def choose(tls: ssl.SSLObject, asked: str | None, context: object) -> None:
            name = for_name(named, asked or "")
            if name is not None:
                tls.context = named[name]

        first = contexts[id(certificates[0])]
        first.sni_callback = choose
        self.context = first

    def _context(self, certificate: Certificate) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.num_tickets = TICKETS
        if self._protocols:
            context.set_alpn_protocols(self._protocols)
        try:
            with _file(_pem(certificate)) as path:
                context.load_cert_chain(path)
        except (ssl.SSLError, TypeError, ValueError) as problem:
            raise BadCertificate(f"TLS cannot use {certificate}: {_reason(problem)}") from None
        return context


def _pem(certificate: Certificate) -> bytes:
    """The key, the certificate, and those of its issuers."""
    key = certificate.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = [one.public_bytes(Encoding.PEM) for one in (certificate.leaf, *certificate.chain)]
    return b"".join([key, *chain])


@contextmanager
def _file(data: bytes) -> Iterator[str]:
    """A file for OpenSSL, which reads keys from files only: in memory where the system can."""
    make: Callable[[str], int] | None = getattr(os, "memfd_create", None)
    if make is None:
        with NamedTemporaryFile() as file:  # of mode 0600
            file.write(data)
            file.flush()
            yield file.name
        return
    with open(make("certificate"), "wb") as file:
        file.write(data)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"


def _reason(problem: Exception) -> str:
    """What OpenSSL says, in its own words."""
    return str(getattr(problem, "reason", None) or problem).replace("_", " ").lower()
