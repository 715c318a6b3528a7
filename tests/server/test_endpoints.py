"""Endpoint descriptions are split into a plain endpoint and the source of certificates."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.net.certificates import Directory, Pair
from chatd.server.endpoints import Listening, beneath, listening


@pytest.mark.parametrize("text", ["tcp:80", "unix:/run/x", "systemd:domain=INET:index=0", "", "x"])
def test_other_endpoints_are_left_to_twisted(text: str) -> None:
    """Of any kind, known or not."""
    assert listening(text) == Listening(text)


def test_ssl_names_a_key_and_its_certificate() -> None:
    """Paths are made absolute, because a daemon changes its working directory."""
    assert listening("ssl:443:privateKey=k.pem:certKey=/c.pem:extraCertChain=x:backlog=9") == (
        Listening("tcp:443:backlog=9", Pair(Path.cwd() / "k.pem", Path("/c.pem"), Path.cwd() / "x"))
    )
    both = Path.cwd() / "both.pem"
    assert listening("ssl:0:both.pem:interface=127.0.0.1") == (
        Listening("tcp:0:interface=127.0.0.1", Pair(both, both))
    )


def test_tls_names_a_directory() -> None:
    """By default the endpoint listens on all addresses."""
    assert listening("tls:/certs:port=8443") == (
        Listening(r"tcp:8443:interface=\:\:", Directory(Path("/certs")))
    )
    assert beneath("tls:certs:interface=127.0.0.1") == "tcp:443:interface=127.0.0.1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ssl", "missing a required argument: 'port'"),
        ("ssl:x", "'x' is no port"),
        ("ssl:1:what=2", "what"),
        ("tls:/certs:port=x", "'x' is no port"),
        ("ssl:1:sslmethod=SSLv3_METHOD", "leave out sslmethod: TLS 1.2 and 1.3"),
        ("ssl:1:dhParameters=dh.pem", "leave out dhParameters"),
    ],
)
def test_a_bad_endpoint_is_refused_with_the_reason(text: str, why: str) -> None:
    """As a `ValueError`."""
    with pytest.raises(ValueError, match=why):
        listening(text)


@given(st.text(st.sampled_from("tls:=\\ port0é"), max_size=20))
def test_no_text_causes_another_error(text: str) -> None:
    """Also if Twisted's parser raises another exception."""
    for kind in ("ssl:", "tls:"):
        with suppress(ValueError):
            listening(kind + text)
