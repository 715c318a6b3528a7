"""Readers that stop reading, at a real server: what they cost, whom, and how long."""

from __future__ import annotations

import re
import select
import socket

import pytest

from ..kit.processes import PATIENCE, Daemon

STYLES = {
    "line": b"",
    "sse": b"Accept: text/event-stream\r\n",
    "websocket": b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
}
GAPS = {
    "line": b">> ",
    "sse": b"event: gap",
    "websocket": b'{"type":"gap"}',
}
EACH = 20
"""Slow readers at each door."""
TEXT = b"x" * 4000
MESSAGES = 40_000_000 // len(TEXT)
WARM = 1500
"""Messages that fill the room's log, which would be there without any slow reader."""
WINDOW = 50
"""Messages that are on their way at a time."""


def opened(port: int) -> socket.socket:
    """A connection whose buffers are soon full."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    client.settimeout(PATIENCE)
    client.connect(("127.0.0.1", port))
    return client


def connected(daemon: Daemon, style: str) -> socket.socket:
    """A reader who has been answered."""
    client = opened(daemon.line if style == "line" else daemon.http)
    if style != "line":
        head = b"GET /rooms/lobby/events HTTP/1.1\r\nHost: localhost\r\n"
        client.sendall(head + STYLES[style] + b"\r\n")
    assert client.recv(16)
    return client


def resident(daemon: Daemon) -> int:
    """Bytes of memory that the server has."""
    with open(f"/proc/{daemon.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024


class Flooder:
    """A telnet user who says a lot, as fast as those who keep up can read it."""

    def __init__(self, daemon: Daemon, text: bytes = TEXT) -> None:
        self._client = connected(daemon, "line")
        self._text = text
        self._number = 0

    def say(self, count: int, *quick: Quick) -> None:
        """Say so many messages."""
        end = self._number + count
        while self._number < end:
            for _ in range(WINDOW):
                self._number += 1
                self._client.sendall(b"%d %b\n" % (self._number, self._text))
            mark = b"%d xxx" % self._number
            found(self._client, mark)
            for reader in quick:
                reader.read(mark)

    def close(self) -> None:
        """Leave."""
        self._client.close()


class Quick:
    """A reader who keeps up; counts what it is told."""

    def __init__(self, daemon: Daemon, style: str) -> None:
        self._client = connected(daemon, style)
        self._gap = GAPS[style]
        self.heard = 0
        self.gaps = 0

    def read(self, mark: bytes) -> None:
        """Read until that has come."""
        data = found(self._client, mark)
        self.heard += data.count(b" xxx")
        self.gaps += data.count(self._gap)

    def close(self) -> None:
        """Leave."""
        self._client.close()


def found(client: socket.socket, mark: bytes) -> bytes:
    """What comes on a connection up to that mark, whose end it is read with."""
    data = b""
    heard = []
    while mark not in data:
        chunk = client.recv(262144)
        assert chunk, "the connection has ended"
        heard.append(chunk)
        data = data[-len(mark) :] + chunk
    return b"".join(heard)


@pytest.mark.parametrize(
    ("daemon", "kept"),
    [(("--message-rate", "0"), True), (("--message-rate", "0", "--store", "memory:"), False)],
    ids=["kept", "forgotten"],
    indirect=["daemon"],
)
def test_readers_that_stop_reading_cost_little_and_hold_up_nobody(
    daemon: Daemon, kept: bool
) -> None:
    """Twenty at each door, while 40 MB pass: less than 40 MB of memory in all.  Readers that keep
    up miss nothing.  Those that read again read on from the store, or are told of the gap if
    nothing is kept.
    """
    speaker = Flooder(daemon)
    quick = [Quick(daemon, style) for style in STYLES]
    speaker.say(WARM, *quick)
    slow = [(style, connected(daemon, style)) for style in STYLES for _ in range(EACH)]
    before = resident(daemon)
    speaker.say(MESSAGES, *quick)
    assert resident(daemon) - before < 40_000_000
    assert [(reader.heard, reader.gaps) for reader in quick] == [(WARM + MESSAGES, 0)] * 3
    last = b"%d xxx" % (WARM + MESSAGES)
    for number, (style, client) in enumerate(slow):
        if not kept:
            found(client, GAPS[style])
        elif number % EACH == 0:
            data = found(client, last)
            numbers = [int(number) for number in re.findall(rb"(\d+) xxx", data)]
            assert numbers == [*range(numbers[0], WARM + MESSAGES + 1)]
            assert GAPS[style] not in data
        client.close()
    for reader in quick:
        reader.close()
    speaker.close()


@pytest.mark.parametrize(
    "daemon",
    [("--message-rate", "0", "--stall", "1", "--max-text", "30000")],
    ids=["stall"],
    indirect=True,
)
def test_readers_that_never_read_are_let_go(daemon: Daemon) -> None:
    """At every push door, and of ordinary answers too."""
    speaker = Flooder(daemon, b"x" * 20_000)
    speaker.say(500)
    clients = [connected(daemon, style) for style in STYLES]
    page = b"GET /rooms/lobby/events?limit=500&before=%d HTTP/1.1\r\nHost: localhost\r\n" % 10**17
    for headers in (b"", b"Accept: text/plain\r\n"):
        clients.append(opened(daemon.http))
        # Answers of fifteen megabytes in all, more than the kernel takes off the server's hands.
        clients[-1].sendall((page + headers + b"\r\n") * 60)
    speaker.say(500)
    ends = select.poll()
    for client in clients:
        ends.register(client, 0)  # only its end, which is told without being asked for
    ended: set[int] = set()
    while len(ended) < len(clients):
        fresh = ends.poll(PATIENCE * 1000)
        assert fresh, f"only {len(ended)} were let go"
        for descriptor, _ in fresh:
            ends.unregister(descriptor)
            ended.add(descriptor)
    for client in clients:
        client.close()
    speaker.say(WINDOW)
    speaker.close()
