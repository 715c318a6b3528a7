"""The server's side of TLS: a certificate for each name, replaced while connections go on."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chatd.net.certificates import BadCertificate, Certificate
from chatd.net.tlscontexts import ServerContexts, quiet_about_names

from ..kit.certificates import Authority
from ..kit.handshakes import Handshake
from ..kit.tls import TlsPair

AUTHORITY = Authority()


def certificate(*hosts: str) -> Certificate:
    leaf, key = AUTHORITY.issue(*hosts)
    return Certificate(key, leaf, (AUTHORITY.issuer,), Path("cert.pem"))


@pytest.fixture
def contexts() -> ServerContexts:
    """A server of two certificates."""
    contexts = ServerContexts(["http/1.1"])
    contexts.use([certificate("a.example", "*.a.example"), certificate("b.example")])
    return contexts


def asked(contexts: ServerContexts, host: str | None) -> str:
    return Handshake(contexts, AUTHORITY.root_pem, host).finish().names[0]


def test_each_name_gets_its_certificate(contexts: ServerContexts) -> None:
    """A client that names no host, or an unknown one, gets the first certificate."""
    assert asked(contexts, "b.example") == "b.example"
    assert asked(contexts, "a.example") == "a.example"
    assert asked(contexts, "x.a.example") == "a.example"
    assert asked(contexts, "c.example") == "a.example"
    assert asked(contexts, None) == "a.example"


def test_a_name_that_is_not_ascii_is_refused_without_a_traceback(
    contexts: ServerContexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may send one, so it must not fill the log; other reports still come."""
    reports: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", quiet_about_names(reports.append))
    sent, received = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(received, sent, server_hostname="b.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello, answer = ssl.MemoryBIO(), ssl.MemoryBIO()
    assert hello.write(sent.read().replace(b"b.example", b"\xff.example"))
    server = contexts.context.wrap_bio(hello, answer, server_side=True)
    with pytest.raises(ssl.SSLError, match="callback failed"):
        server.do_handshake()
    assert answer.read()[:1] == b"\x15", "no alert"
    assert not reports
    other = type("Report", (), {"exc_value": ValueError(), "object": None})
    sys.unraisablehook(other)  # type: ignore[arg-type]
    assert reports == [other]


def test_the_chain_is_sent_with_the_certificate(contexts: ServerContexts) -> None:
    """A client that trusts only the root accepts it, also if its name selects the context."""
    for host in ("a.example", "b.example"):
        assert Handshake(contexts, AUTHORITY.root_pem, host).finish()
    with pytest.raises(ssl.SSLCertVerificationError):
        Handshake(contexts, Authority().root_pem, "a.example").finish()


def test_http_is_negotiated(contexts: ServerContexts) -> None:
    """For each host name (ALPN)."""
    for host in ("a.example", "b.example"):
        handshake = Handshake(contexts, AUTHORITY.root_pem, host, protocols=("h2", "http/1.1"))
        assert handshake.finish().protocol == "http/1.1"


def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(contexts: ServerContexts) -> None:
    """RFC 8996 forbids 1.0 and 1.1."""
    root = AUTHORITY.root_pem
    assert Handshake(contexts, root, "a.example").finish().version == "TLSv1.3"
    v1_2 = Handshake(contexts, root, "a.example", most=ssl.TLSVersion.TLSv1_2)
    assert v1_2.finish().version == "TLSv1.2"
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old = Handshake(contexts, root, "a.example", most=ssl.TLSVersion.TLSv1_1)
    with pytest.raises(ssl.SSLError):
        old.finish()


def test_new_certificates_are_used_from_the_next_connection_on(contexts: ServerContexts) -> None:
    """A handshake that has begun is completed with the old ones."""
    begun = Handshake(contexts, AUTHORITY.root_pem, "b.example")
    contexts.use([certificate("c.example")])
    assert begun.finish().names == ("b.example",)
    assert asked(contexts, "b.example") == "c.example"


def test_a_certificate_that_tls_cannot_use_leaves_the_old_one(contexts: ServerContexts) -> None:
    """For example one with a key that is too short."""
    bad = certificate("c.example")
    short = rsa.generate_private_key(65537, 1024)
    with pytest.raises(BadCertificate, match=r"^TLS cannot use c.example \(cert.pem\): \w+"):
        contexts.use([Certificate(short, bad.leaf, (), bad.path)])
    assert asked(contexts, "b.example") == "b.example"


@pytest.mark.parametrize("host", ["a.example", "b.example"])
def test_the_client_chooses_the_cipher(contexts: ServerContexts, host: str) -> None:
    """A browser or a phone prefers the one that is fastest for it."""
    suites = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"
    for first, second in (suites, suites[::-1]):
        handshake = Handshake(
            contexts,
            AUTHORITY.root_pem,
            host,
            most=ssl.TLSVersion.TLSv1_2,
            ciphers=f"{first}:{second}",
        )
        assert handshake.finish().cipher == first


def test_ticket_is_good_until_its_key_is_replaced(contexts: ServerContexts) -> None:
    """Then the client does a full handshake, without an error."""
    pairs = [TlsPair(contexts)]
    for renewed in (False, True):
        last = pairs[-1]
        last.shake_hands()
        last.tls.write(b"hello")
        last.heard()
        if renewed:
            contexts.renew()
        pairs.append(TlsPair(contexts, after=last))
    first, resumed, full = pairs
    full.shake_hands()
    assert [one.client.session_reused for one in pairs] == [False, True, False]
    full.say(b"hello")
    assert full.protocol.received == b"hello"
    for pair in (first, resumed, full):
        pair.close()
