"""A client of the IRC door that shows lines as they come."""

from __future__ import annotations

import base64

from chatd.codecs.irc.message import Message, parse

from .chat import PASSWORD
from .server import HOST, MemoryServer, peer

NEAR = "127.0.0.1"
"""Where clients come from whose passwords are taken without TLS."""


class IrcWire:
    """One connection to the IRC door, and what has come over it."""

    def __init__(self, server: MemoryServer, host: str = HOST) -> None:
        self.chat = server.chat
        self.server = server
        self.wire = server.chat.connect(server.irc_door, peer(host))

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        return self.wire.lost

    def send(self, *lines: str) -> None:
        """Send lines, and wait for nothing."""
        self.wire.send("".join(f"{line}\r\n" for line in lines).encode())

    def ask(self, *lines: str) -> list[str]:
        """Send lines, and answer what has come, without the server's and the tags' parts that
        change: `:irc.example 366 ada …` is `366 ada …`.
        """
        self.send(*lines)
        return self.read()

    def read(self) -> list[str]:
        """The lines that have come."""
        self.chat.settle()
        text = self.wire.received().decode()
        assert text.endswith("\r\n") or not text
        return [line.removeprefix(":irc.example ") for line in text.split("\r\n")[:-1]]

    def messages(self, *lines: str) -> list[Message]:
        """The same, taken apart."""
        return [message for line in self.ask(*lines) if (message := parse(line))]

    def commands(self, *lines: str) -> list[str]:
        """The commands and numerics of what has come."""
        self.send(*lines)
        self.chat.settle()
        text = self.wire.received().decode()
        return [message.command for line in text.split("\r\n") if (message := parse(line))]


def register(
    server: MemoryServer, nick: str, *capabilities: str, host: str = HOST, rooms: str = ""
) -> IrcWire:
    """A client that has registered, with these capabilities, and is in these channels."""
    client = IrcWire(server, host)
    if capabilities:
        client.send(f"CAP REQ :{' '.join(capabilities)}", "CAP END")
    client.ask(f"NICK {nick}", f"USER {nick} 0 * :{nick} B.")
    if rooms:
        client.ask(f"JOIN {rooms}")
    return client


def source(server: MemoryServer, nick: str) -> str:
    """`nick!user@host` of somebody."""
    who = server.irc.who(nick)
    return f"{nick}!{who.user}@{who.host}"


def signing_in(name: str, *capabilities: str) -> list[str]:
    """What a client sends that signs in to an account, and has these capabilities."""
    given = base64.b64encode(f"{name}\0{name}\0{PASSWORD}".encode()).decode()
    return [
        f"CAP REQ :{' '.join(('sasl', *capabilities))}",
        "AUTHENTICATE PLAIN",
        f"AUTHENTICATE {given}",
        "NICK x",
        "USER x 0 * :X",
        "CAP END",
    ]


def of_account(server: MemoryServer, name: str, *capabilities: str) -> IrcWire:
    """A client on this machine that is signed in to an account, with these capabilities."""
    client = IrcWire(server, NEAR)
    client.ask(*signing_in(name, *capabilities))
    return client
