"""Long-polls at a real server, on connections that have learned their poll."""

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
    """A client that polls on one connection, and may read slowly."""

    def __init__(self, daemon: Daemon, *, buffer: int = 0) -> None:
        self._socket = socket.socket()
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(("127.0.0.1", daemon.http))
        self._data = b""

    def end(self) -> None:
        """Half-close the connection."""
        self._socket.shutdown(socket.SHUT_WR)

    def ended(self) -> bool:
        """Whether the server has closed the connection, and all responses were read."""
        return not self._data and self._socket.recv(1) == b""

    def send_poll(self, since: int) -> None:
        """Send a poll without reading its response."""
        request = f"GET /rooms/lobby/events?since={since} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self._socket.sendall(request.encode())

    def texts(self) -> list[str]:
        """The texts in the next response."""
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
        """Reset the connection."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._socket.close()

    def _read(self) -> None:
        data = self._socket.recv(65536)
        assert data, "the server closed the connection"
        self._data += data


class Speaker(Netcat):
    """A telnet user who waits for each echo."""

    def say(self, *texts: str) -> None:
        """Send messages, and wait for the echo of the last."""
        super().say(*texts)
        self.hear(f"> {texts[-1]}\r\n")


@unlimited
def test_a_response_larger_than_the_socket_buffer_arrives_whole(daemon: Daemon) -> None:
    """Repeatedly, and with pipelined polls before and after it."""
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
                poller.send_poll(1)
            assert slow.texts() == quick.texts() == said
        for _ in range(4):
            slow.send_poll(1)
            quick.send_poll(1)
            assert quick.texts() == said
        for _ in range(4):
            assert slow.texts() == said


@unlimited
def test_a_reset_poll_does_not_affect_the_next_connection_on_its_descriptor(
    daemon: Daemon,
) -> None:
    """The new connection has the same descriptor, sends another poll, and gets the response
    to that.
    """
    with ExitStack() as stack:
        speaker = Speaker(daemon.line)
        stack.callback(speaker.close)
        speaker.say("before")
        pollers = [Poller(daemon) for _ in range(60)]
        for poller in pollers:
            for _ in range(2):
                poller.send_poll(1)
                assert poller.texts() == ["before"]
        place = last_in_lobby(daemon)
        for number in range(3):
            for poller in pollers:
                poller.send_poll(place)
            for poller in pollers[::2]:
                poller.reset()
            pollers[::2] = [Poller(daemon) for _ in pollers[::2]]
            for poller in pollers[::2]:
                poller.send_poll(1)
                assert poller.texts()[0] == "before"
            speaker.say(f"message {number}")
            for poller in pollers[1::2]:
                assert poller.texts() == [f"message {number}"]
            for poller in pollers[::2]:
                poller.send_poll(1)
                assert poller.texts()[-1] == f"message {number}"
            place = last_in_lobby(daemon)
        for poller in pollers:
            poller.close()


def last_in_lobby(daemon: Daemon) -> int:
    """The id of the last event in the lobby."""
    with socket.create_connection(("127.0.0.1", daemon.http), PATIENCE) as client:
        client.sendall(b"GET /rooms/lobby HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = client.makefile("rb").read()
    last: int = json.loads(answer.split(b"\r\n\r\n", 1)[1])["last"]
    return last


@unlimited
def test_the_end_of_a_learned_poll_s_connection_is_noticed(daemon: Daemon) -> None:
    """Learned polls are watched in an epoll group of their own. A half-closed one is answered; a
    closed one is removed.
    """
    with ExitStack() as stack:
        speaker = Speaker(daemon.line)
        stack.callback(speaker.close)
        speaker.say("before")
        place = last_in_lobby(daemon)
        pollers = [Poller(daemon) for _ in range(3)]
        for poller in pollers:
            stack.callback(poller.close)
            for _ in range(2):
                poller.send_poll(1)
                assert poller.texts() == ["before"]
            poller.send_poll(place)
        ending, staying, gone = pollers
        ending.end()
        speaker.say("after")
        for poller in pollers:
            assert poller.texts() == ["after"]
        assert ending.ended()
        for poller in (staying, gone):
            poller.send_poll(last_in_lobby(daemon))
        before, deadline = daemon.files(), monotonic() + PATIENCE
        gone.close()
        while daemon.files() == before:
            assert monotonic() < deadline, "the closed connection was not noticed"
        speaker.say("and on")
        assert staying.texts() == ["and on"]


@unlimited
def test_polls_pipelined_behind_a_held_poll_are_answered_in_order(daemon: Daemon) -> None:
    """The same poll twice, and another one behind them, while the first is held."""
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
                one.send_poll(1)
                assert one.texts() == ["before"]
        for number in range(1, 4):
            for since in (place, place, 1):
                poller.send_poll(since)
                other.send_poll(1)
                assert other.texts()  # so the server has read the poll that was sent before
            other.send_poll(place)
            speaker.say("after")
            assert other.texts() == poller.texts() == poller.texts() == ["after"]
            assert poller.texts() == ["before", *["after"] * number]
            place = last_in_lobby(daemon)
