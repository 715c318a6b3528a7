"""Readers that stop reading, at a real server: their cost in memory, and their disconnection."""

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
TEXT = b"x" * 16000
MESSAGES = 40_000_000 // len(TEXT)
WARM = 1500
"""Messages that fill the room's log, so that its memory is not counted as slow readers'."""
SLOW = ("--message-rate", "0", "--stall", "600", "--max-text", "20000")
"""Options with which readers may stall for longer than a busy machine takes for all messages."""
WINDOW = 50
"""Messages that are sent before waiting for their echoes."""


def opened(port: int) -> socket.socket:
    """Open a connection with a small receive buffer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    client.settimeout(PATIENCE)
    client.connect(("127.0.0.1", port))
    return client


def connected(daemon: Daemon, style: str) -> socket.socket:
    """Connect a reader, and wait for its first bytes."""
    client = opened(daemon.line if style == "line" else daemon.http)
    if style != "line":
        head = b"GET /rooms/lobby/events HTTP/1.1\r\nHost: localhost\r\n"
        client.sendall(head + STYLES[style] + b"\r\n")
    assert client.recv(16)
    return client


def resident(daemon: Daemon) -> int:
    """Resident memory of the server in bytes."""
    with open(f"/proc/{daemon.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024


class Flooder:
    """A telnet user who sends many messages, as fast as quick readers can read them."""

    def __init__(self, daemon: Daemon, text: bytes = TEXT) -> None:
        self._client = connected(daemon, "line")
        self._text = text
        self._number = 0

    def say(self, count: int, *quick: QuickReader) -> None:
        """Send `count` messages."""
        end = self._number + count
        while self._number < end:
            for _ in range(WINDOW):
                self._number += 1
                self._client.sendall(b"%d %b\n" % (self._number, self._text))
            mark = b"%d xxx" % self._number
            read_until(self._client, mark)
            for reader in quick:
                reader.read(mark)

    def close(self) -> None:
        """Leave."""
        self._client.close()


class QuickReader:
    """A reader that keeps up, and counts messages and gaps."""

    def __init__(self, daemon: Daemon, style: str) -> None:
        self._client = connected(daemon, style)
        self._gap = GAPS[style]
        self.heard = 0
        self.gaps = 0

    def read(self, mark: bytes) -> None:
        """Read until the mark has come."""
        data = read_until(self._client, mark)
        self.heard += data.count(b" xxx")
        self.gaps += data.count(self._gap)

    def close(self) -> None:
        """Leave."""
        self._client.close()


def read_until(client: socket.socket, mark: bytes) -> bytes:
    """The bytes received up to and including a mark."""
    data = b""
    heard = []
    while mark not in data:
        chunk = client.recv(262144)
        assert chunk, "the server closed the connection"
        heard.append(chunk)
        data = data[-len(mark) :] + chunk
    return b"".join(heard)


@pytest.mark.parametrize(
    ("daemon", "kept"),
    [((*SLOW,), True), ((*SLOW, "--store", "memory:"), False)],
    ids=["kept", "forgotten"],
    indirect=["daemon"],
)
def test_stalled_readers_cost_little_memory_and_delay_nobody(daemon: Daemon, kept: bool) -> None:
    """Twenty at each door, while 40 MB pass, take less than 40 MB in all. Readers that keep up miss
    nothing. Those that read again continue from the store, or get a gap if nothing is stored.
    """
    speaker = Flooder(daemon)
    quick = [QuickReader(daemon, style) for style in STYLES]
    speaker.say(WARM, *quick)
    slow = [(style, connected(daemon, style)) for style in STYLES for _ in range(EACH)]
    before = resident(daemon)
    speaker.say(MESSAGES, *quick)
    assert resident(daemon) - before < 40_000_000
    assert [(reader.heard, reader.gaps) for reader in quick] == [(WARM + MESSAGES, 0)] * 3
    last = b"%d xxx" % (WARM + MESSAGES)
    for number, (style, client) in enumerate(slow):
        if not kept:
            read_until(client, GAPS[style])
        elif number % EACH == 0:
            data = read_until(client, last)
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
def test_readers_that_never_read_are_disconnected(daemon: Daemon) -> None:
    """At every push door, and while receiving ordinary responses."""
    speaker = Flooder(daemon, b"x" * 20_000)
    speaker.say(500)
    clients = [connected(daemon, style) for style in STYLES]
    page = b"GET /rooms/lobby/events?limit=500&before=%d HTTP/1.1\r\nHost: localhost\r\n" % 10**17
    for headers in (b"", b"Accept: text/plain\r\n"):
        clients.append(opened(daemon.http))
        # Responses of fifteen megabytes in all, more than the kernel buffers.
        clients[-1].sendall((page + headers + b"\r\n") * 60)
    speaker.say(500)
    ends = select.poll()
    for client in clients:
        ends.register(client, 0)  # hang-ups are always reported
    ended: set[int] = set()
    while len(ended) < len(clients):
        fresh = ends.poll(PATIENCE * 1000)
        assert fresh, f"only {len(ended)} were disconnected"
        for descriptor, _ in fresh:
            ends.unregister(descriptor)
            ended.add(descriptor)
    for client in clients:
        client.close()
    speaker.say(WINDOW)
    speaker.close()
