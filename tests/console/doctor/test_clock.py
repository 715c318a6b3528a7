"""The examination of the server's clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from chatd.console.doctor.asking import Address, address_of
from chatd.console.doctor.clock import examine_clock, judge


@pytest.mark.parametrize(
    ("beside", "kept", "store", "verdict", "words"),
    [
        (0.4, True, 0.0, "ok", "agrees with this machine's, and is kept right"),
        (-0.4, None, 0.0, "ok", "agrees with this machine's"),
        (0.4, False, 0.0, "?", "nothing (NTP) keeps it right"),
        (2.5, False, 0.0, "?", "agrees"),
        (7.0, False, 0.0, "FAULT", "7 seconds ahead of this machine's, and nothing keeps it right"),
        (-7.0, None, 0.0, "FAULT", "7 seconds behind this machine's"),
        (3600.0, True, 0.0, "ok", "this machine's is wrong"),
        (0.0, True, 12.2, "FAULT", "12 seconds behind that of Redis"),
        (0.0, None, -12.2, "FAULT", "12 seconds ahead of that of Redis"),
    ],
)
def test_a_clock_is_judged_beside_others(
    beside: float, kept: bool | None, store: float, verdict: str, words: str
) -> None:
    """An answer that took a second says little about the half second around it."""
    found = judge(beside, 0.5, kept, store)
    assert (found.verdict, words in found.text) == (verdict, True), found


class Told(BaseHTTPRequestHandler):
    """Answers every request with the same bytes."""

    body = b""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def address() -> Iterator[Address]:
    """Where such a server is."""
    with HTTPServer(("127.0.0.1", 0), Told) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield address_of(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


def test_the_servers_time_is_compared_with_the_middle_of_the_answer(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of this machine is passed in: the answer takes two seconds by it."""
    told = {"clock": {"now": 1_000_001_000_000, "kept": True, "store": 0.0}}
    monkeypatch.setattr(Told, "body", json.dumps(told).encode())
    times = iter([1_000_000.0, 1_000_002.0, 1_000_000.0, 1_000_000.0])
    assert examine_clock(address, lambda: next(times)).text.startswith("it agrees")
    assert examine_clock(address, lambda: next(times)).text.startswith("it agrees")


@pytest.mark.parametrize(
    "body", [b"{}", b"no JSON", b"[]", b'{"clock":{"now":"x","kept":true,"store":0}}']
)
def test_a_server_that_does_not_tell_its_time_is_not_examined(
    address: Address, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """An older one, or a proxy's own answer."""
    monkeypatch.setattr(Told, "body", body)
    found = examine_clock(address)
    assert (found.verdict, found.text) == ("?", "not examined: the server does not tell its time")


def test_a_server_that_is_gone_is_not_examined(address: Address) -> None:
    """The other examinations say so."""
    closed = address._replace(port=1)
    assert examine_clock(closed).text == "not examined: Connection refused"
