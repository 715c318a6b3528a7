"""Long-polls at a real server: connections that have learned their question, over real sockets."""

from __future__ import annotations

import json
import re
import socket
import struct
from contextlib import ExitStack
from time import monotonic

import pytest

from ..kit.processes import PATIENCE, Daemon, Netcat

TEXT = "x" * 4000
MESSAGES = 60
unlimited = pytest.mark.parametrize(
    "daemon", [("--message-rate", "0")], ids=["unlimited"], indirect=True
)


class Poller:
    """A connection that polls, and may read slowly."""

    def __init__(self, daemon: Daemon, *, buffer: int = 0) -> None:
        self._socket = socket.socket()
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(("127.0.0.1", daemon.http))
        self._data = b""

    def end(self) -> None:
        """Ask no more."""
        self._socket.shutdown(socket.SHUT_WR)

    def ended(self) -> bool:
        """Whether the server closes behind what was read."""
        return not self._data and self._socket.recv(1) == b""

    def ask(self, since: int) -> None:
        """Ask, and read nothing."""
        request = f"GET /rooms/lobby/events?since={since} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self._socket.sendall(request.encode())

    def texts(self) -> list[str]:
        """What the next answer brings."""
        while b"\r\n\r\n" not in self._data:
            self._read()
        head, self._data = self._data.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        found = re.search(rb"Content-Length: (\d+)", head, re.IGNORECASE)
        assert found
        size = int(found[1])
        while len(self._data) < size:
            self._read()
        body, self._data = self._data[:size], self._data[size:]
        return [event["text"] for event in json.loads(body)["events"] if "text" in event]

    def reset(self) -> None:
        """Go, rudely."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> None:
        data = self._socket.recv(65536)
        assert data, "the server has closed"
        self._data += data


class Speaker(Netcat):
    """A telnet user who waits until it is heard."""

    def say(self, *texts: str) -> None:
        """Say it, and wait until it comes back."""
        super().say(*texts)
        self.hear(f"> {texts[-1]}\r\n")


@unlimited
def test_an_answer_that_is_too_long_for_the_socket_comes_whole(daemon: Daemon) -> None:
    """Again and again, in one piece with those before and after it, though it is pipelined."""
    with ExitStack() as stack:
        speaker = Speaker(daemon.line)
        stack.callback(speaker.close)
        said = [f"{number} {TEXT}" for number in range(MESSAGES)]
        speaker.say(*said)
        slow, quick = Poller(daemon, buffer=4096), Poller(daemon)
        stack.callback(slow.close)
        stack.callback(quick.close)
        for _ in range(3):
            for poller in (slow, quick):
                poller.ask(1)
            assert slow.texts() == quick.texts() == said
        for _ in range(4):
            slow.ask(1)
            quick.ask(1)
            assert quick.texts() == said
        for _ in range(4):
            assert slow.texts() == said


@unlimited
def test_clients_that_reset_hurt_nobody_and_neither_do_those_who_take_their_place(
    daemon: Daemon,
) -> None:
    """A held poll is reset, and the next connection gets its descriptor: it asks for something
    else, and is answered that."""
    with ExitStack() as stack:
        speaker = Speaker(daemon.line)
        stack.callback(speaker.close)
        speaker.say("before")
        pollers = [Poller(daemon) for _ in range(60)]
        for poller in pollers:
            for _ in range(2):
                poller.ask(1)
                assert poller.texts() == ["before"]
        place = last_in_lobby(daemon)
        for number in range(3):
            for poller in pollers:
                poller.ask(place)
            for poller in pollers[::2]:
                poller.reset()
            pollers[::2] = [Poller(daemon) for _ in pollers[::2]]
            for poller in pollers[::2]:
                poller.ask(1)
                assert poller.texts()[0] == "before"
            speaker.say(f"message {number}")
            for poller in pollers[1::2]:
                assert poller.texts() == [f"message {number}"]
            for poller in pollers[::2]:
                poller.ask(1)
                assert poller.texts()[-1] == f"message {number}"
            place = last_in_lobby(daemon)
        for poller in pollers:
            poller.close()


def last_in_lobby(daemon: Daemon) -> int:
    """The cursor behind everything that was said in the lobby."""
    with socket.create_connection(("127.0.0.1", daemon.http), PATIENCE) as client:
        client.sendall(b"GET /rooms/lobby HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = client.makefile("rb").read()
    last: int = json.loads(answer.split(b"\r\n\r\n", 1)[1])["last"]
    return last


@unlimited
def test_whoever_ends_while_it_waits_is_noticed(daemon: Daemon) -> None:
    """A poll that is asked again and again is watched apart from the others; its end is seen all
    the same.  It may have ended only what it asks: it is answered, or let go after a moment."""
    with ExitStack() as stack:
        speaker = Speaker(daemon.line)
        stack.callback(speaker.close)
        speaker.say("before")
        place = last_in_lobby(daemon)
        pollers = [Poller(daemon) for _ in range(3)]
        for poller in pollers:
            stack.callback(poller.close)
            for _ in range(2):
                poller.ask(1)
                assert poller.texts() == ["before"]
            poller.ask(place)
        ending, staying, gone = pollers
        ending.end()
        speaker.say("after")
        for poller in pollers:
            assert poller.texts() == ["after"]
        assert ending.ended()
        for poller in (staying, gone):
            poller.ask(last_in_lobby(daemon))
        before, deadline = daemon.files(), monotonic() + PATIENCE
        gone.close()
        while daemon.files() == before:
            assert monotonic() < deadline, "nobody noticed"
        speaker.say("and on")
        assert staying.texts() == ["and on"]


@unlimited
def test_who_asks_again_before_it_is_answered_is_answered_in_order(daemon: Daemon) -> None:
    """Twice the same words, and other words behind them, while the first is held."""
    with ExitStack() as stack:
        speaker = Speaker(daemon.line)
        stack.callback(speaker.close)
        speaker.say("before")
        place = last_in_lobby(daemon)
        poller, other = Poller(daemon), Poller(daemon)
        stack.callback(poller.close)
        stack.callback(other.close)
        for one in (poller, other):
            for _ in range(2):
                one.ask(1)
                assert one.texts() == ["before"]
        for number in range(1, 4):
            for since in (place, place, 1):
                poller.ask(since)
                other.ask(1)
                assert other.texts()  # so it has read what was asked before
            other.ask(place)
            speaker.say("after")
            assert other.texts() == poller.texts() == poller.texts() == ["after"]
            assert poller.texts() == ["before", *["after"] * number]
            place = last_in_lobby(daemon)
