"""SSL contexts of a server, one for each certificate, which can be replaced at any time.

1. The server speaks TLS 1.2 and 1.3, with Python's choice of ciphers and without renegotiation.  Of
   the ciphers, the client's first one is used: browsers prefer AES-128 and SHA-256, with which a
   handshake takes 40 µs less than with OpenSSL's first, and phones without AES prefer ChaCha20.
2. A client that names a host (SNI) gets the certificate for that host; any other client gets the
   first certificate.
3. A connection keeps the certificates that were in use when its handshake began.
4. A client may resume a session with the ticket that it was given (RFC 8446, section 2.2; RFC
   5077).  Tickets are encrypted with a key that OpenSSL makes for each context, that stays in the
   memory of this process, and that `renew` and `use` replace.  A ticket of another key, of another
   process for example, is no error: the client and the server do a full handshake.
5. A client that names a host in other bytes than ASCII (RFC 6066, section 3) gets an alert, and the
   log nothing (`quiet_about_names`).
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from tempfile import NamedTemporaryFile
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .certificates import BadCertificate, Certificate, by_name, for_name

TICKETS = 1
"""Session tickets per handshake of TLS 1.3.  OpenSSL's default is two, which cost more than the
rest of its last message, and help only clients that resume several connections at once."""


class ServerContexts:
    """The SSL contexts for new connections of one door."""

    def __init__(self, protocols: Sequence[str] = ()) -> None:
        """`protocols` are the protocols that the door offers (ALPN), the preferred one first."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        """The context for connections that begin now."""
        self._protocols = [*protocols]
        self._certificates: Sequence[Certificate] = ()

    def use(self, certificates: Sequence[Certificate]) -> None:
        """Use these certificates for all connections that begin from now on.

        Raises `BadCertificate`; the earlier certificates then stay in use.
        """
        contexts = {id(one): self._context(one) for one in certificates}
        named = {name: contexts[id(one)] for name, one in by_name(certificates).items()}

        def choose(tls: ssl.SSLObject, asked: str | None, context: object) -> None:
            name = for_name(named, asked or "")
            if name is not None:
                tls.context = named[name]

        first = contexts[id(certificates[0])]
        if len(contexts) > 1:
            first.sni_callback = choose
            _install_hook()
        self.context = first
        self._certificates = certificates

    def renew(self) -> None:
        """Make new contexts of the same certificates, with a new key for tickets."""
        self.use(self._certificates)

    def _context(self, certificate: Certificate) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        context.num_tickets = TICKETS
        if self._protocols:
            context.set_alpn_protocols(self._protocols)
        try:
            with _file(_pem(certificate)) as path:
                context.load_cert_chain(path)
        except (ssl.SSLError, TypeError, ValueError) as problem:
            raise BadCertificate(f"TLS cannot use {certificate}: {_reason(problem)}") from None
        return context


def quiet_about_names(report: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A `sys.unraisablehook` that calls `report`, except for names of hosts that are not ASCII.

    `ssl` decodes the name before it calls `sni_callback`.  If that fails, it refuses the handshake,
    and reports an error that nothing can catch, with a traceback: so any client could fill the log.
    """

    def hook(unraisable: Any) -> None:
        problem, where = unraisable.exc_value, unraisable.object
        if not (isinstance(problem, UnicodeDecodeError) and isinstance(where, bytes)):
            report(unraisable)

    return hook


@cache
def _install_hook() -> None:
    """Install it once in this process."""
    sys.unraisablehook = quiet_about_names(sys.unraisablehook)


def _pem(certificate: Certificate) -> bytes:
    """The key, the certificate, and those of its issuers."""
    key = certificate.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = [one.public_bytes(Encoding.PEM) for one in (certificate.leaf, *certificate.chain)]
    return b"".join([key, *chain])


@contextmanager
def _file(data: bytes) -> Iterator[str]:
    """The path of a temporary file, in memory where the system supports that: `load_cert_chain`
    reads keys from files only.
    """
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
    """The reason that OpenSSL gives."""
    return str(getattr(problem, "reason", None) or problem).replace("_", " ").lower()
