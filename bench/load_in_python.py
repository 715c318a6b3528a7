"""The load of `load.c` in Python: for machines without a C compiler, or without OpenSSL's headers.

It takes the same arguments, and gives the same answers. It needs several times the CPU time of the
program in C, so latencies and other figures of real time are partly its own. The server's CPU time
does not include it.
"""

from __future__ import annotations

import json
import math
import re
import select
import socket
import ssl
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STAMP = re.compile(rb"@@([0-9a-f]{16})@@")
PARTIAL = re.compile(rb"@(@[0-9a-f]{0,16}@?)?\Z")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CURSOR = re.compile(rb"[^\",}\r]*")
SECOND = 1_000_000_000
PATIENCE = 5 * SECOND
QUIET = SECOND // 4
AT_ONCE = 1 << 18
"""Bytes read from a socket at a time."""


class Connection:
    """One connection of a reader or speaker."""

    __slots__ = ("cursor", "ready", "rest", "said", "socket")

    def __init__(self, sock: socket.socket, cursor: bytes, ready: bool) -> None:
        self.socket = sock
        self.cursor = cursor
        self.ready = ready
        self.rest = b""
        self.said = 0
        """The stamp of the message whose acknowledgement this speaker waits for; 0: none."""


class Load:
    """Many connections to one server, and counts of their deliveries."""

    def __init__(self, arguments: dict[str, str]) -> None:
        def text(name: str) -> bytes:
            return bytes.fromhex(arguments.get(name, ""))

        self.kind = arguments["kind"]
        self.pid = int(arguments["pid"])
        self.count = int(arguments["connections"])
        self.ask, self.ask_after, self.mark = text("ask"), text("ask_after"), text("mark")
        self.say, self.say_after = text("say"), text("say_after")
        self.padding = b"x" * (int(arguments["size"]) - 20)
        self.tls: ssl.SSLContext | None = None
        if "tls" in arguments:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self.tls.check_hostname = False
            self.tls.verify_mode = ssl.CERT_NONE
            self.tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self.session: ssl.SSLSession | None = None
        """The session that connections resume."""
        self.resumed = 0
        self.delivered = self.answers = self.accepted = self.errors = self.latest = 0
        self.speaking = False
        self.timed_from = self.timed_to = math.inf
        self.latencies: dict[int, int] = {}
        self.connections: dict[int, Connection] = {}
        self.poller = select.epoll()
        self.publisher: socket.socket | None = None
        if "say_port" in arguments:
            self.publisher = self._dial(int(arguments["say_port"]))
            if greet := text("greet"):
                self.publisher.sendall(greet)
                self.publisher.recv(4096)
            self._watch(self.publisher)
        if "resume" in arguments:
            self._take_ticket(int(arguments["port"]), text("cursor"))
        self._connect(int(arguments["port"]), text("cursor"))

    def _secured(self, plain: socket.socket) -> socket.socket:
        if self.tls is None:
            return plain
        secure = self.tls.wrap_socket(plain, session=self.session)
        self.resumed += bool(secure.session_reused)
        return secure

    def _take_ticket(self, port: int, cursor: bytes) -> None:
        """Make a connection for a session ticket, which comes in the first bytes of the server."""
        with self._secured(self._dial(port)) as secure:
            assert isinstance(secure, ssl.SSLSocket)
            self._send(secure, self.ask + cursor + self.ask_after)
            secure.setblocking(False)
            end = self._now() + PATIENCE
            while not (secure.session and secure.session.has_ticket) and self._now() < end:
                with suppress(ssl.SSLWantReadError):
                    secure.recv(AT_ONCE)
            self.session = secure.session
        if self.session is None:
            sys.exit("no session ticket came")

    def _connect(self, port: int, cursor: bytes) -> None:
        self._settle()
        memory, spent, begun = self._resident(), self._cpu(), self._now()
        for number in range(self.count):
            sock = self._secured(self._dial(port))
            one = self.connections[sock.fileno()] = Connection(sock, cursor, self.kind == "post")
            if self.ask:
                self._ask(one)
            self._watch(sock)
            if number % 64 == 63:
                self._listen(0)
        seconds = (self._now() - begun) / SECOND
        self._settle()
        self._tell(
            cpu=self._cpu() - spent,
            seconds=seconds,
            kilobytes=self._resident() - memory,
            errors=self.errors,
            resumed=self.resumed,
        )

    def measure(self, how: str, many: float, warm: float, seconds: float) -> None:
        """Run one measurement, and print its outcome."""
        begun = due = self._now()
        warmed, last, base = begun + int(warm * SECOND), begun, self.delivered
        said = complete = 0
        errors = self.errors
        self.latencies = {}
        self.timed_from = self.timed_to = math.inf
        self.speaking = how == "speak"
        if self.speaking:
            for one in self.connections.values():
                self._speak(one)
        start = None
        while True:
            # With a window, a measurement begins and ends when all readers have got a message.
            whole, now = (self.delivered - base) // self.count, self._now()
            if how != "window" or whole > complete:
                last = now
                if start is None and now >= warmed:
                    start = self._taken(said)
                    self.timed_from = start[0]
                elif start and now >= start[0] + seconds * SECOND:
                    break
            if now > last + PATIENCE:
                break
            complete = whole
            while how == "window" and said - complete < many:
                said += 1
                self._publish(self.publisher)
            while how == "rate" and due <= now:
                said += 1
                due += int(SECOND / many)
                self._publish(self.publisher)
            self._listen(max(0.0, min((due - self._now()) / SECOND, 1)) if how == "rate" else 0.001)
        end = self._taken(said)
        start = start or end
        self.timed_to = end[0]
        self.speaking = False
        # Wait for the outstanding deliveries, as long as any arrive.
        expected = 0 if how == "speak" else said * self.count
        last, seen = self._now(), self.delivered
        while self._now() < last + PATIENCE and (
            self.delivered - base < expected
            if expected
            else any(one.said for one in self.connections.values())
        ):
            self._listen(0.01)
            if self.delivered != seen:
                seen, last = self.delivered, self._now()
        took = [after - before for before, after in zip(start, end, strict=True)]
        self._tell(
            seconds=took[0] / SECOND,
            cpu=took[1],
            said=took[2],
            delivered=took[3],
            answers=took[4],
            accepted=took[5],
            lost=expected - (self.delivered - base) if expected else 0,
            errors=self.errors - errors,
            latencies=sorted(self.latencies.items()),
        )

    def _taken(self, said: int) -> tuple[float, ...]:
        return (self._now(), self._cpu(), said, self.delivered, self.answers, self.accepted)

    def _listen(self, patience: float) -> None:
        """Receive on all connections, after waiting at most `patience` seconds for input."""
        for number, _ in self.poller.poll(patience, 256):
            one = self.connections.get(number)
            if one:
                self._receive(one)
            elif self.publisher and not self.publisher.recv(AT_ONCE):
                sys.exit("the publisher's connection was closed")

    def _receive(self, one: Connection) -> None:
        for data in self._chunks(one):
            when = self._now()
            data = one.rest + data if one.rest else data
            if self.kind in ("push", "speak"):
                self._count(one, data, when)
                partial = PARTIAL.search(data, max(0, len(data) - 19))
                one.rest = partial[0] if partial else b""
            else:
                one.rest = data
                while self._take_answer(one, when):
                    pass
            if not one.ready:
                one.ready = True
                self._speak(one)

    def _chunks(self, one: Connection) -> Iterator[bytes]:
        """The available input; over TLS all of it, because epoll does not see decrypted bytes."""
        while True:
            try:
                data = one.socket.recv(AT_ONCE)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except OSError:
                data = b""
            if not data:
                self.errors += 1
                self.poller.unregister(one.socket)
                one.said = 0
                one.socket.close()
                return
            yield data
            if not self.tls:
                return

    def _count(self, one: Connection, data: bytes, when: int) -> None:
        for digits in STAMP.findall(data):
            stamp = int(digits, 16)
            self.delivered += 1
            self._time(stamp, when)
            if stamp == one.said:
                one.said = 0
                self.accepted += 1
                self._speak(one)

    def _take_answer(self, one: Connection, when: int) -> bool:
        """Take one answer to a poll or a post, if it is complete."""
        data = one.rest
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            return False
        length = LENGTH.search(data, 0, end)
        end += int(length[1]) if length else 0
        if len(data) < end:
            return False
        answer, one.rest = data[:end], data[end:]
        self.answers += 1
        if not answer.startswith(b"HTTP/1.1 2"):
            self.errors += 1
        if self.kind == "post":
            self._time(one.said, when)
            one.said = 0
            self.accepted += 1
            self._speak(one)
            return True
        self._count(one, answer, when)
        place = answer.find(self.mark)
        cursor = CURSOR.match(answer, place + len(self.mark)) if place >= 0 else None
        if cursor:
            one.cursor = cursor[0]
        else:
            self.errors += 1
        self._ask(one)
        return True

    def _time(self, said: int, heard: int) -> None:
        """Note a latency.  Messages sent during the measurement count whenever they arrive: the
        last to arrive are the slowest.
        """
        if self.timed_from <= said < self.timed_to:
            latency = heard - said
            # Buckets of a thirty-second of a power of two, as in load.c.
            low = max(latency.bit_length() - 6, 0)
            value = latency >> low << low
            self.latencies[value] = self.latencies.get(value, 0) + 1

    def _ask(self, one: Connection) -> None:
        self._send(one.socket, self.ask + one.cursor + self.ask_after)

    def _speak(self, one: Connection) -> None:
        if self.speaking and one.ready and not one.said:
            one.said = self._publish(one.socket)

    def _publish(self, sock: socket.socket | None) -> int:
        stamp = self._now()
        if sock:
            self._send(sock, b"%b@@%016x@@%b%b" % (self.say, stamp, self.padding, self.say_after))
        return stamp

    def _send(self, sock: socket.socket, data: bytes) -> None:
        while data:
            try:
                data = data[sock.send(data) :]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                continue
            except OSError:
                self.errors += 1
                return

    def _dial(self, port: int) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _watch(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.poller.register(sock, select.EPOLLIN)

    def _settle(self) -> None:
        """Wait until the server has been idle for a while."""
        end = self._now() + 4 * PATIENCE
        before, spent = -1.0, self._cpu()
        while spent - before > 0.002 and self._now() < end:
            before = spent
            quiet = self._now() + QUIET
            while self._now() < quiet:
                self._listen(0.01)
            spent = self._cpu()

    def _now(self) -> int:
        """Nanoseconds, strictly rising, so that a stamp identifies a message."""
        self.latest = max(self.latest + 1, time.monotonic_ns())
        return self.latest

    def _cpu(self) -> float:
        """Seconds of CPU time that the server has used: clock_getcpuclockid(3)."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def _resident(self) -> int:
        """Kilobytes of memory that the server has resident."""
        with open(f"/proc/{self.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def _tell(self, **figures: object) -> None:
        print(json.dumps(figures), flush=True)


def main() -> None:
    load = Load(dict(word.split("=", 1) for word in sys.argv[1:]))
    for line in sys.stdin:
        how, *numbers = line.split()
        load.measure(how, *map(float, numbers))


if __name__ == "__main__":
    main()
