"""IRC over WebSocket, at `/irc`."""

from __future__ import annotations

import pytest

from ...kit.echo import BINARY, HANDSHAKE, TEXT, asked, frame
from ...kit.irc import register
from ...kit.server import HOST, MemoryServer, peer

REGISTERED = ["NICK ada", "USER ada 0 * :Ada", "JOIN #dev"]


class IrcSocketClient:
    """A WebSocket client of IRC."""

    def __init__(self, server: MemoryServer, protocols: str = "", opcode: int = TEXT) -> None:
        self.chat = server.chat
        self.opcode = opcode
        self.wire = server.chat.connect(server.http_door, peer(HOST))
        offered = {"Sec-WebSocket-Protocol": protocols} if protocols else {}
        self.wire.send(asked("GET", "/irc", (HANDSHAKE | offered).items()))
        self.chat.settle()
        self.head = self.wire.received()

    def ask(self, *lines: str) -> list[tuple[int, str]]:
        """Send lines, a frame each; answers the opcodes and texts that have come."""
        for line in lines:
            self.wire.send(frame(self.opcode, line.encode()))
        self.chat.settle()
        data, found = self.wire.received(), []
        while data:
            size, start = data[1], 2
            if size == 126:
                size, start = int.from_bytes(data[2:4], "big"), 4
            found.append((data[0] & 0x0F, data[start : start + size].decode()))
            data = data[start + size :]
        return found


@pytest.mark.parametrize(
    ("offered", "chosen", "opcode"),
    [
        ("text.ircv3.net", b"text.ircv3.net", TEXT),
        ("binary.ircv3.net", b"binary.ircv3.net", BINARY),
        ("binary.ircv3.net, text.ircv3.net", b"binary.ircv3.net", BINARY),
        ("other, text.ircv3.net, binary.ircv3.net", b"text.ircv3.net", TEXT),
        ("", b"", TEXT),
        ("other", b"", TEXT),
    ],
)
def test_the_subprotocol_is_the_client_s_first_known_one(
    server: MemoryServer, offered: str, chosen: bytes, opcode: int
) -> None:
    """It decides between text and binary frames; without one, text."""
    client = IrcSocketClient(server, offered, opcode)
    assert client.head.startswith(b"HTTP/1.1 101 ")
    told = b"Sec-WebSocket-Protocol: %b\r\n" % chosen
    assert (told in client.head) == bool(chosen)
    frames = client.ask(*REGISTERED)
    assert {kind for kind, _ in frames} == {opcode}
    assert frames[-1][1].endswith("366 ada #dev :end of NAMES")
    assert not any("\r" in text or "\n" in text for _, text in frames)


def test_clients_of_both_kinds_share_channels(server: MemoryServer) -> None:
    """A line may come with its end or without."""
    web = IrcSocketClient(server)
    web.ask(*REGISTERED)
    bob = register(server, "bob", rooms="#dev")
    web.ask()
    bob.ask("PRIVMSG #dev :hello")
    ((_, line),) = web.ask()
    assert line.endswith("PRIVMSG #dev :hello")
    web.ask("PRIVMSG #dev :hi\r\n")
    (line,) = bob.read()
    assert line.endswith("PRIVMSG #dev :hi")


def test_a_frame_is_one_line(server: MemoryServer) -> None:
    """Whatever is in it."""
    client = IrcSocketClient(server)
    client.ask(*REGISTERED)
    client.ask("PRIVMSG #dev :one\r\nQUIT")
    assert server.chat.texts("dev") == ["one  QUIT"]


def test_the_refusal_of_invalid_utf_8_names_the_command(server: MemoryServer) -> None:
    """A binary frame need not be UTF-8."""
    client = IrcSocketClient(server)
    client.ask(*REGISTERED)
    client.wire.send(frame(BINARY, b"PRIVMSG #dev :caf\xe9"))
    ((_, line),) = client.ask()
    assert "FAIL PRIVMSG INVALID_UTF8" in line


def test_the_end_of_a_websocket_is_a_quit(server: MemoryServer) -> None:
    """As the end of a TCP connection is."""
    client = IrcSocketClient(server)
    client.ask(*REGISTERED)
    assert server.chat.service.people.own("ada")
    client.wire.hang_up()
    server.chat.settle()
    assert server.chat.service.people.own("ada") is None


def test_quit_closes_a_websocket(server: MemoryServer) -> None:
    """After the goodbye, with the code of a normal end."""
    client = IrcSocketClient(server)
    client.ask(*REGISTERED)
    client.wire.send(frame(TEXT, b"QUIT :tea"))
    server.chat.settle()
    data = client.wire.received()
    assert b"ERROR :closing link: goodbye: tea" in data
    assert data.endswith(b"\x88\x02\x03\xe8")


def test_a_flood_of_frames_is_slowed_down(server: MemoryServer) -> None:
    """No line is lost."""
    server = MemoryServer(message_rate=1)
    client = IrcSocketClient(server)
    client.ask(*REGISTERED)
    client.ask(*(f"PRIVMSG #dev :{number}" for number in range(12)))
    server.chat.advance(30)
    assert server.chat.texts("dev") == [str(number) for number in range(12)]


def test_a_request_without_an_upgrade_is_refused(server: MemoryServer) -> None:
    """With what to use instead."""
    assert server.http().get("/irc").refusal == (400, "malformed")


def test_a_page_of_another_origin_is_refused(server: MemoryServer) -> None:
    """A page anywhere could otherwise speak for its visitor."""
    wire = server.chat.connect(server.http_door, peer(HOST))
    foreign = HANDSHAKE | {"Origin": "https://evil.example"}
    wire.send(asked("GET", "/irc", foreign.items()))
    server.chat.settle()
    assert wire.received().startswith(b"HTTP/1.1 403 ")
