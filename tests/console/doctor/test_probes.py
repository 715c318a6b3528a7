"""The examinations, with proxies that are broken on purpose; real ones are in `tests/e2e`."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

import pytest

from chatd.console.doctor import probes
from chatd.console.doctor.asking import Address, address_of
from chatd.console.doctor.findings import Finding, NoChatd

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
READY = b'event: ready\ndata: {"next":1}\n\n'


class BrokenProxy:
    """Answers every request with the same bytes, and then keeps or closes the connection."""

    def __init__(self) -> None:
        self.answer = b""
        self.keeps = False
        self._kept: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> Address:
        return address_of(f"http://127.0.0.1:{self.port}")

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._listening.accept()
            except OSError:
                return
            with suppress(OSError):
                link.recv(65536)
                link.sendall(self.answer)
            if self.keeps:
                self._kept.append(link)
            else:
                link.close()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for link in self._kept:
            link.close()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[BrokenProxy]:
    """A broken proxy; deadlines are short, because its bytes may never arrive."""
    monkeypatch.setattr(probes, "READY_SECONDS", 0.2)
    monkeypatch.setattr(probes, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(probes, "ANSWER_SECONDS", 0.2)
    proxy = BrokenProxy()
    yield proxy
    proxy.close()


def answer(body: bytes, status: str = "200 OK", head: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 " + status.encode() + b"\r\n" + head + length + b"\r\n" + body


Probe = Callable[[Address], Finding]
POLL: Probe = lambda address: probes.examine_poll(address, 0)  # noqa: E731
IDLE: Probe = lambda address: probes.examine_idle(address, 5)  # noqa: E731


@pytest.mark.parametrize(
    ("probe", "bytes_", "keeps", "fault", "text"),
    [
        (POLL, answer(b"{}", "504 Gateway Timeout"), False, "timeout", "(status 504)"),
        (POLL, b"", False, "timeout", "cut after"),
        (POLL, b"", True, "timeout", "cut after"),
        (POLL, answer(b'{"next":1}'), False, "", "answered after"),
        (POLL, answer(b'{"error":{"code":"no-session"}}', "401 No"), False, "", "not examined"),
        (probes.examine_stream, HEAD + b"\r\n", True, "buffering", "buffered"),
        (probes.examine_stream, b"", True, "buffering", "buffered"),
        (probes.examine_stream, HEAD + b"\r\n", False, "buffering", "ended before"),
        (probes.examine_stream, answer(b"x"), False, "buffering", "no event stream any more"),
        (
            probes.examine_stream,
            HEAD + b"Content-Encoding: gzip\r\n\r\n" + READY,
            False,
            "buffering",
            "compressed (gzip)",
        ),
        (probes.examine_stream, HEAD + b"\r\n" + READY, False, "", "begins after"),
        (probes.examine_websocket, answer(b"{}", "400 Bad"), False, "websocket", "(status 400)"),
        (probes.examine_websocket, b"", True, "websocket", "sees a long-poll"),
        (
            probes.examine_websocket,
            b"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: x\r\n\r\n",
            True,
            "websocket",
            "proof",
        ),
        (
            probes.examine_websocket,
            answer(b'{"error":{"code":"no-session"}}', "401 No"),
            False,
            "",
            "not examined: the server refuses it (no-session)",
        ),
        (probes.examine_websocket, answer(b"no", "403 Bad"), False, "websocket", "(status 403)"),
        (IDLE, HEAD + b"\r\n" + READY, False, "idle", "ended after"),
        (IDLE, HEAD + b"\r\n" + READY, True, "buffering", "no heartbeat"),
    ],
)
def test_a_fault_is_distinguished_from_a_working_proxy(
    proxy: BrokenProxy, probe: Probe, bytes_: bytes, keeps: bool, fault: str, text: str
) -> None:
    """The finding has the key of its remedies."""
    proxy.answer, proxy.keeps = bytes_, keeps
    found = probe(proxy.address)
    assert found.fault == fault
    assert text in found.text
    assert found.examined is ("not examined" not in found.text)


@pytest.mark.parametrize(
    ("bytes_", "fault"),
    [
        (answer(b'{"error":{"code":"wrong-host"}}', "421 Misdirected Request"), "host"),
        (answer(b'{"error":{"code":"foreign-origin"}}', "403 Forbidden"), "host"),
        (answer(b'{"error":{"code":"not-allowed"}}', "403 Forbidden"), ""),
        (answer(b'{"token":"x"}', "201 Created"), ""),
    ],
)
def test_a_lost_host_name_is_reported(proxy: BrokenProxy, bytes_: bytes, fault: str) -> None:
    """The server itself answers that it does not know the name, or that the page's origin is not
    its own, even where it refuses sessions to guests.
    """
    proxy.answer = bytes_
    assert probes.examine_host(proxy.address).fault == fault


@pytest.mark.parametrize("bytes_", [b"", answer(b"<html>", "405 Method Not Allowed")])
def test_a_host_is_not_called_right_without_an_answer_of_the_server(
    proxy: BrokenProxy, bytes_: bytes
) -> None:
    """A proxy may refuse what the examination asks for."""
    proxy.answer = bytes_
    assert "not examined" in probes.examine_host(proxy.address).text


@pytest.mark.parametrize(
    ("cookie", "fault"), [(b"a=b; HttpOnly", "proto"), (b"a=b; Secure", ""), (b"", "")]
)
def test_a_cookie_shows_whether_the_scheme_arrives(
    proxy: BrokenProxy, cookie: bytes, fault: str
) -> None:
    """The cookie is `Secure` if the server knows that its clients speak TLS."""
    head = b"Set-Cookie: " + cookie + b"\r\n" if cookie else b""
    proxy.answer = answer(b'{"token":"x"}', "201 Created", head)
    assert probes.examine_forwarded(proxy.address).fault == fault


@pytest.mark.parametrize(
    ("bytes_", "why"),
    [
        (b"", "no answer"),
        (b"hello\r\n", "no answer"),
        (answer(b"<html>", "502 Bad Gateway"), "reaches no chatd (status 502)"),
        (answer(b"<html>"), "is no chatd (status 200)"),
    ],
)
def test_a_server_other_than_chatd_is_not_examined(
    proxy: BrokenProxy, bytes_: bytes, why: str
) -> None:
    """The error distinguishes a proxy that cannot reach its server."""
    proxy.answer = bytes_
    with pytest.raises(NoChatd) as told:
        probes.greet(proxy.address)
    assert why in str(told.value)


def test_chatd_is_recognised_by_its_health(proxy: BrokenProxy) -> None:
    """Also if it is unhealthy; the header `Server` names the proxy."""
    proxy.answer = answer(b'{"status":"ok"}', head=b"Server: nginx/1.22\r\n")
    assert probes.greet(proxy.address) == "nginx/1.22"
    proxy.answer = answer(b'{"error":{"code":"unavailable"}}', "503 No")
    with pytest.raises(NoChatd):
        probes.greet(proxy.address)
