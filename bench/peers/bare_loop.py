"""`floor.c` in Python: the least that a Python process has to do for such a chat.

It prints its two ports: lines, polls.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress

lines: list[bytes] = []
readers: dict[int, socket.socket] = {}
askers: dict[int, socket.socket] = {}
held: dict[int, int] = {}
"""Polls by descriptor, and the number of lines that each has."""
poller = select.epoll()


def listening() -> socket.socket:
    """A listening socket, whose port is told."""
    door = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(f"port {door.getsockname()[1]}", flush=True)
    poller.register(door, select.EPOLLIN)
    return door


def answer(since: int) -> bytes:
    """The lines behind the first `since`."""
    texts = b",".join(b'"%b"' % line for line in lines[since:])
    body = b'{"next":%d,"events":[%b]}' % (len(lines), texts)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def take_lines(data: bytes) -> None:
    """Every line to everybody, and to the polls that are held."""
    for line in data.splitlines():
        lines.append(line)
        for reader in readers.values():
            with suppress(OSError):
                reader.send(line + b"\n")
    answers: dict[int, bytes] = {}
    for number, since in held.items():
        if since not in answers:
            answers[since] = answer(since)
        with suppress(OSError):
            askers[number].send(answers[since])
    held.clear()


def take_poll(number: int, data: bytes) -> None:
    """Answer, now or later."""
    since = int(data.split(b"since=", 1)[1].split(None, 1)[0])
    if since < len(lines):
        askers[number].send(answer(since))
    else:
        held[number] = since


def drop(number: int) -> None:
    """It is gone."""
    held.pop(number, None)
    for connections in (readers, askers):
        connection = connections.pop(number, None)
        if connection:
            connection.close()


push, poll = listening(), listening()
homes = {push.fileno(): (push, readers), poll.fileno(): (poll, askers)}
while True:
    for number, _ in poller.poll():
        if number in homes:
            door, home = homes[number]
            connection, _ = door.accept()
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            home[connection.fileno()] = connection
            poller.register(connection, select.EPOLLIN)
            continue
        data = b""
        with suppress(OSError):
            data = (readers.get(number) or askers[number]).recv(65536)
        if not data:
            drop(number)
        elif number in readers:
            take_lines(data)
        else:
            take_poll(number, data)
