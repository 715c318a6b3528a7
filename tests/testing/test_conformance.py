"""The echo server for conformance suites."""

from __future__ import annotations

from ..kit.echo import NEXT, POST, EchoConnection


def test_the_echo_server_returns_what_it_received() -> None:
    """GET returns OK and POST its body, at every path, so that these tests see what was
    accepted.
    """
    wire = EchoConnection()
    assert wire.talk(NEXT).endswith(b"\r\n\r\nOK")
    assert wire.talk(NEXT.replace(b"GET", b"HEAD")).endswith(b"\r\n\r\n")
    assert wire.talk(POST + b"Content-Length: 4\r\n\r\n\0\xff\r\n").endswith(b"\r\n\r\n\0\xff\r\n")
    for path in (b"/other", b"/other/", b"/a/b?c", b"//"):
        assert wire.talk(NEXT.replace(b"/ ", path + b" ")).endswith(b"\r\n\r\nOK")
