"""Thousands of readers of one room's stream in a process of their own, cheap enough not to be what
is measured: `python -m bench.crowd FIRST SECOND READERS SINCE`.

Each reads JSON lines at the first port, behind the id SINCE, and if its connection ends, behind
its last id at the second port.  The process prints one line of JSON when all have been answered,
and one for each line on its standard input, which is the id of the last message: when all have it.
"""

from __future__ import annotations

import re
import select
import socket
import sys
from contextlib import suppress
from time import monotonic, process_time

import msgspec

HERE = "127.0.0.1"
MESSAGE = re.compile(rb'^\{"id":(\d+),"type":"message"[^\n]*\n', re.MULTILINE)
AT_ONCE = 1 << 16


class Report(msgspec.Struct):
    """What a crowd says of itself."""

    took: float
    """Seconds since the first connection was lost, or since the beginning if none was."""
    cpu: float
    """Seconds of CPU time of the crowd in that time."""
    back: int
    """Readers that have come to the second port."""
    complete: bool
    """Whether all readers have read the same ids, each id once, in rising order."""
    ids: list[int]
    """What they have read."""


class Reader:
    """One reader."""

    __slots__ = ("answered", "ids", "rest", "socket")

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.rest = b""
        self.answered = False
        self.socket: socket.socket | None = None


class Crowd:
    """All of them."""

    def __init__(self, ports: tuple[int, int], readers: int, since: int) -> None:
        self._ports = ports
        self._since = since
        self._poller = select.epoll()
        self._readers = [Reader() for _ in range(readers)]
        self._by_socket: dict[int, Reader] = {}
        self._unanswered = readers
        self._back = 0
        self._began = monotonic(), process_time()
        for reader in self._readers:
            self._dial(reader, ports[0])

    def _dial(self, reader: Reader, port: int) -> None:
        sock = reader.socket = socket.socket()
        sock.setblocking(False)
        with suppress(BlockingIOError):
            sock.connect((HERE, port))
        self._by_socket[sock.fileno()] = reader
        self._poller.register(sock, select.EPOLLOUT)

    def run(self) -> None:
        """Until the standard input ends."""
        stdin = sys.stdin.fileno()
        self._poller.register(stdin, select.EPOLLIN)
        last = -1
        while True:
            for number, what in self._poller.poll():
                if number == stdin:
                    if not (line := sys.stdin.readline()):
                        return
                    last = int(line)
                elif what & select.EPOLLOUT:
                    self._ask(self._by_socket[number], number)
                else:
                    self._receive(self._by_socket[number], number)
            if not self._unanswered:
                self._unanswered = -1
                self._tell()
            if last >= 0 and all(one.ids[-1:] == [last] for one in self._readers):
                last = -1
                self._tell()

    def _ask(self, reader: Reader, number: int) -> None:
        since = reader.ids[-1] if reader.ids else self._since
        head = f"GET /rooms/lobby/events?since={since} HTTP/1.1\r\nHost: localhost\r\n"
        assert reader.socket
        self._poller.modify(number, select.EPOLLIN)
        try:
            reader.socket.send(f"{head}Accept: application/x-ndjson\r\n\r\n".encode())
        except OSError as problem:
            raise SystemExit(f"no connection: {problem}") from None

    def _receive(self, reader: Reader, number: int) -> None:
        assert reader.socket
        try:
            data = reader.socket.recv(AT_ONCE)
        except OSError:
            data = b""
        if not data:
            self._lost(reader, number)
            return
        if reader.rest:
            data = reader.rest + data
        if not reader.answered:
            if not data.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"refused: {data!r}")
            reader.answered = True
            self._unanswered -= 1
        end = data.rfind(b"\n") + 1
        reader.rest = data[end:]
        if b'"type":"gap"' in data:
            raise SystemExit("a gap was told")
        reader.ids += map(int, MESSAGE.findall(data, 0, end))

    def _lost(self, reader: Reader, number: int) -> None:
        if not self._back:
            self._began = monotonic(), process_time()
        self._back += 1
        self._poller.unregister(number)
        del self._by_socket[number]
        assert reader.socket
        reader.socket.close()
        reader.rest = b""
        self._dial(reader, self._ports[1])

    def _tell(self) -> None:
        ids = self._readers[0].ids
        report = Report(
            monotonic() - self._began[0],
            process_time() - self._began[1],
            self._back,
            all(one.ids == ids for one in self._readers) and ids == sorted(set(ids)),
            ids,
        )
        print(msgspec.json.encode(report).decode(), flush=True)


def main() -> None:
    first, second, readers, since = map(int, sys.argv[1:])
    Crowd((first, second), readers, since).run()


if __name__ == "__main__":
    main()
