"""The server's side of TLS: one certificate for each host name, which can be replaced at any time.

1. TLS 1.2 and 1.3 are spoken, with Twisted's choice of ciphers.
2. A client that names a host (SNI) gets the certificate for it; any other client the first one.
3. A connection keeps the certificates with which its handshake began.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from OpenSSL.SSL import Connection, Context, Error
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions
from zope.interface import implementer

from .certificates import BadCertificate, Certificate, by_name, for_name


@implementer(IOpenSSLServerConnectionCreator)
class ServerContexts:
    """Makes the TLS connections of one door; Twisted asks its factory for protocols (ALPN)."""

    def __init__(self) -> None:
        self._first: Context | None = None

    def use(self, certificates: Sequence[Certificate]) -> None:
        """Use these certificates for all connections that begin from now on.

        Raises `BadCertificate`, and then goes on with those that it has.
        """
        contexts: dict[int, Context] = {}
        named = {name: id(one) for name, one in by_name(certificates).items()}

        def choose(asked: bytes | None) -> Context | None:
            name = for_name(named, (asked or b"").decode("ascii", "replace"))
            return None if name is None else contexts[named[name]]

        for certificate in certificates:
            contexts[id(certificate)] = self._context(certificate, choose)
        self._first = contexts[id(certificates[0])]

    def _context(self, certificate: Certificate, choose: Any) -> Context:
        try:
            options = CertificateOptions(
                # Twisted passes them to pyOpenSSL, which no longer wants types of its own.
                privateKey=cast("Any", certificate.key),
                certificate=cast("Any", certificate.leaf),
                extraCertChain=cast("Any", [*certificate.chain]),
                contextForServerName=choose,
            )
            context: Context = options.getContext()
        except (Error, TypeError, ValueError) as problem:
            raise BadCertificate(f"TLS cannot use {certificate}: {_reason(problem)}") from None
        return context

    def serverConnectionForTLS(self, protocol: object) -> Connection:  # noqa: N802
        """See `IOpenSSLServerConnectionCreator`."""
        assert self._first is not None
        return Connection(self._first, None)


def _reason(problem: Exception) -> str:
    """What OpenSSL says, in its own words."""
    told = problem.args[0] if problem.args else ""
    if isinstance(told, list) and told:
        return str(told[-1][-1])
    return str(told)
