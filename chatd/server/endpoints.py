"""Endpoint descriptions: splits those with TLS into a plain endpoint and a source of certificates.

Twisted's own `ssl:` and `tls:` endpoints read certificates only once.  So Twisted opens only the
`tcp:` endpoint beneath, and `chatd.server.tls` reads the certificates, whenever they change.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import Parameter, Signature
from pathlib import Path

from twisted.internet.endpoints import quoteStringArgument

from ..net.certificates import Directory, Pair, Source
from ..net.private import endpoint_words

TLS = ("ssl", "tls")
"""The kinds of endpoints that speak TLS."""


def _signature(*names: str, **defaults: str) -> Signature:
    kind = Parameter.POSITIONAL_OR_KEYWORD
    required = [Parameter(name, kind) for name in names]
    return Signature([*required, *(Parameter(n, kind, default=d) for n, d in defaults.items())])


_SSL = _signature(
    "port",
    privateKey="server.pem",
    certKey="",
    sslmethod="",
    interface="",
    backlog="",
    extraCertChain="",
    dhParameters="",
)
"""`ssl:`, as Twisted has it."""
_TLS = _signature("path", port="443", backlog="", interface="::")
"""`tls:`, as Twisted has it."""


@dataclass(frozen=True)
class Listening:
    """A parsed endpoint description."""

    beneath: str
    """The endpoint of the port, without TLS."""
    certificates: Source | None = None
    """Where the certificates are; None if the endpoint does not speak TLS."""


def kind_of(text: str) -> str:
    """The kind of an endpoint, for example `tcp`."""
    return text.partition(":")[0].lower()


def listening(text: str) -> Listening:
    """Parse an endpoint description.  Raises `ValueError` with the reason."""
    kind = kind_of(text)
    if kind not in TLS:
        return Listening(text)
    signature = _SSL if kind == "ssl" else _TLS
    try:
        words, named = endpoint_words(text)
        bound = signature.bind(*words[1:], **named)
    except Exception as problem:  # Twisted's parser may raise any exception
        raise ValueError(str(problem)) from None
    bound.apply_defaults()
    given = bound.arguments
    if not given["port"].isdecimal():
        raise ValueError(f"{given['port']!r} is no port")
    beneath = f"tcp:{given['port']}"
    for name in ("interface", "backlog"):
        if given[name]:
            beneath += f":{name}={quoteStringArgument(given[name])}"
    if kind == "tls":
        return Listening(beneath, Directory(Path(given["path"]).absolute()))
    for name in ("sslmethod", "dhParameters"):
        if given[name]:
            raise ValueError(f"leave out {name}: TLS 1.2 and 1.3 are spoken, without DHE")
    key = Path(given["privateKey"]).absolute()  # a daemon changes its working directory
    certificate = Path(given["certKey"]).absolute() if given["certKey"] else key
    more = Path(given["extraCertChain"]).absolute() if given["extraCertChain"] else None
    return Listening(beneath, Pair(key, certificate, more))


def beneath(text: str) -> str:
    """The endpoint of the port, without TLS.  Raises `ValueError` with the reason."""
    return listening(text).beneath
