"""The line door's bytes: lines, packets, ends of input, and clients that are too fast or too
slow.
"""

from __future__ import annotations

import re
import tracemalloc
from unittest.mock import patch

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from chatd.doors.linequeue import COMMANDS_A_TURN, LINES_A_TURN
from chatd.model.commands import Say
from chatd.testing import InMemoryChat

from ...kit.gathering import GatheringConnection
from ...kit.narrow import NarrowConnection
from ...kit.server import MemoryServer
from ...kit.terminal import NOW, Terminal, greeted

IAC, SB, SE = b"\xff", b"\xfa", b"\xf0"


# -- bytes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"one\ntwo\n", b"one\r\ntwo\r\n", b"one\r\0two\r\0", b"one\rtwo\r", b"\n\none\n\r\ntwo\n\n"],
    ids=["lf", "crlf", "cr-nul", "cr", "empty-lines"],
)
@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_every_line_ending_is_understood(ada: Terminal, data: bytes, size: int) -> None:
    """However the packets are cut; empty lines are ignored."""
    ada.wire.send(*([data[i : i + size] for i in range(0, len(data), size)] if size else [data]))
    ada.chat.settle()
    assert ada.heard() == ["<ada> one", "<ada> two"]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"caf\xe9", "caf\ufffd"),
        (b"\xc3\xa9\xc3", "é\ufffd"),
        (b"a\xff\xffb", "a\ufffdb"),
        (b"a\xffb", "a\ufffdb"),
        (b"\xed\xa0\x80!", "\ufffd\ufffd\ufffd!"),
        (b"a\0b", "ab"),
        (b"helo\x08lo", "hello"),
        (b"\xe6\x97\xa5\xe6\x9c\xac\x7f!", "日!"),
        (b"wrong\x15right word\x17", "right"),
        (b"x\xff\xed\xff\xec\xff\xee\xff\xefy", "xy"),
        (b"helo\xff\xf7lo", "hello"),
        (b"\xc3\xff\xf3\xff\xfd\x06ber", "Über"),
    ],
    ids=repr,
)
def test_invalid_utf8_becomes_replacement_characters(
    ada: Terminal, bob: Terminal, sent: bytes, shown: str
) -> None:
    """The rest of the line stays; control bytes of terminals edit the line."""
    ada.wire.send(sent + b"\n")
    ada.chat.settle()
    assert bob.heard() == [f"<ada> {shown}"]


def test_overlong_line_is_answered_with_one_error(ada: Terminal, bob: Terminal) -> None:
    """None of it becomes a message, and the connection stays open."""
    ada.wire.send(b"x" * 5000, b"y" * 20_000, b"z\nnext\n")
    ada.chat.settle()
    error, following = ada.heard()
    assert re.fullmatch(r"!! .*too long.*4096.*", error)
    assert following == "<ada> next"
    assert bob.heard() == ["<ada> next"]


def test_longest_message_is_accepted_with_every_command(ada: Terminal, bob: Terminal) -> None:
    """The limit is in bytes; one more is refused."""
    longest = "é" * 2048
    assert ada.type(longest, f"/me {longest}") == [f"<ada> {longest}", f"* ada {longest}"]
    assert ada.type(f"{longest}x")[0].startswith("!! ")
    assert ada.type(f"/msg bob {longest}") == [f"[to bob] {longest}"]


@pytest.mark.parametrize(
    ("piece", "packets"),
    [(b"x" * 64, 64), (IAC + SB + b"x" * 62, 16), (b"\0" * 64, 16), ((IAC + b"\xf1") * 32, 4)],
    ids=["letters", "subnegotiation", "nul", "nop"],
)
def test_bytes_without_an_end_of_line_take_bounded_memory(
    ada: Terminal, piece: bytes, packets: int
) -> None:
    """The door holds less than one packet of them, however many come."""
    packet = piece * 1024
    tracemalloc.start()
    try:
        for _ in range(packets):
            ada.wire.send(packet)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < len(packet)
    assert not ada.wire.lost
    ada.wire.send(IAC + SE + b"\n")
    assert ada.type("hello")[-1] == "<ada> hello"


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /a b HTTP/1.1\r\nHost: x\r\n\r\ntext",
        b"POST /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\nhello\r\n",
        b"\x05\x01\x00\r\nhello\r\n",
    ],
    ids=["get", "post", "long", "http2", "options", "ssh", "tls", "socks"],
)
@pytest.mark.parametrize("size", [0, 1])
def test_another_protocol_ends_the_connection_without_a_message(
    server: MemoryServer, bob: Terminal, first: bytes, size: int
) -> None:
    """Nor does it get a replay; one line says what this port is for."""
    page = Terminal(server)
    page.wire.send(
        *([first[i : i + size] for i in range(0, len(first), size)] if size else [first])
    )
    page.wire.send(b"/nick evil\r\nhello\r\n")
    server.chat.settle()
    assert page.wire.lost
    (error,) = page.heard()
    assert error.startswith("!! ")
    assert bob.heard() == []
    assert bob.type("/who") == ["== 1 here: bob"]
    assert server.chat.texts("lobby") == []


def test_another_protocol_is_recognized_at_the_end_of_input(server: MemoryServer) -> None:
    """`printf 'GET x HTTP/1.0' | nc -N` sends no message."""
    page = Terminal(server)
    page.wire.send(b"FOO /x HTTP/1.0")
    page.wire.end_input()
    server.chat.settle()
    assert page.wire.lost
    assert server.chat.texts("lobby") == []


def test_http_request_line_after_a_message_is_a_message(ada: Terminal) -> None:
    """Only the first line shows what kind of client it is."""
    assert ada.type("GET / HTTP/1.1") == ["<ada> GET / HTTP/1.1"]


# -- the end of input ------------------------------------------------------------------------------


def test_end_of_input_ends_the_last_line(server: MemoryServer, bob: Terminal) -> None:
    """`printf 'hello' | nc -N` sends hello."""
    guest = Terminal(server)
    guest.wire.send(b"one\nhello")
    guest.wire.end_input()
    server.chat.settle()
    assert bob.heard() == ["<guest-0002> one", "<guest-0002> hello"]


def test_half_closed_client_gets_the_echo_before_the_close(server: MemoryServer) -> None:
    """The connection stays open until the message is stored."""
    guest = Terminal(server)
    server.hold_appends()
    guest.wire.send(b"hello\n")
    guest.wire.end_input()
    server.chat.settle()
    assert not guest.wire.lost
    server.release_appends()
    assert guest.heard() == ["<guest-0001> hello"]
    assert guest.wire.lost


def test_half_closed_client_gets_errors_of_the_store_before_the_close(server: MemoryServer) -> None:
    """So `nc -N` shows them."""
    guest = Terminal(server)
    server.chat.store.refusing = True
    guest.wire.send(b"hello\n/topic tea\n")
    guest.wire.end_input()
    server.chat.settle()
    assert [line[:3] for line in guest.heard()] == ["!! ", "!! "]
    assert guest.wire.lost


def test_half_closed_client_without_input_is_disconnected(server: MemoryServer) -> None:
    """`nc -N </dev/null` gets the greeting."""
    guest = Terminal(server)
    guest.wire.end_input()
    assert guest.wire.lost


def test_half_closed_client_gets_pending_events_before_the_close(
    server: MemoryServer, bob: Terminal
) -> None:
    """Even if backpressure holds them back."""
    guest = Terminal(server)
    guest.wire.fill()
    guest.wire.send(b"hello\n")
    guest.wire.end_input()
    bob.type("hi")
    assert not guest.wire.lost
    assert guest.heard() == []
    guest.wire.drain()
    server.chat.settle()
    assert guest.heard() == ["<bob> hi", "<guest-0002> hello"]
    assert guest.wire.lost


# -- too much, too slowly --------------------------------------------------------------------------


@pytest.fixture
def limited() -> MemoryServer:
    """A server with a rate of five messages a second, and a burst of twenty."""
    return MemoryServer(message_rate=5)


def test_lines_over_the_rate_wait_with_one_error(limited: MemoryServer) -> None:
    """They are carried out one by one as the rate allows, and none is lost."""
    guest, reader = Terminal(limited), Terminal(limited)
    lines = [f"{number}" for number in range(30)]
    told = guest.type(*lines)
    assert [line for line in told if line.startswith("!! ")] == told[:1]
    assert reader.heard() == [f"<guest-0001> {line}" for line in lines[:20]]
    for line in lines[20:]:
        limited.chat.advance(0.1)
        assert reader.heard() == []
        limited.chat.advance(0.1001)
        assert reader.heard() == [f"<guest-0001> {line}"]
    assert not any(line.startswith("!! ") for line in guest.heard())


def test_rate_limited_client_gets_one_error_for_each_burst(limited: MemoryServer) -> None:
    """A second burst, after the limit has recovered, gets an error of its own."""
    guest = Terminal(limited)
    for _ in range(2):
        told = guest.type(*("x" * 21))
        limited.chat.advance(10)
        told += guest.heard()
        assert sum(line.startswith("!! ") for line in told) == 1
        assert told.count("<guest-0001> x") == 21


def test_input_of_a_rate_limited_client_is_paused(limited: MemoryServer) -> None:
    """TCP keeps the rest, and other clients do not wait."""
    guest, other = Terminal(limited), Terminal(limited)
    guest.type(*("x" * 21))
    assert guest.wire.producerState == "paused"
    assert other.type("hi")[-1] == "<guest-0002> hi"
    limited.chat.advance(1)
    assert guest.wire.producerState == "producing"


def test_paste_over_the_rate_is_delivered_whole_after_the_end_of_input(
    limited: MemoryServer,
) -> None:
    """`nc -N < file` takes its time, but it ends."""
    guest, reader = Terminal(limited), Terminal(limited)
    guest.wire.send(b"x\n" * 40)
    guest.wire.end_input()
    limited.chat.advance(3)
    assert not guest.wire.lost
    limited.chat.advance(3)
    assert guest.wire.lost
    assert reader.heard() == ["<guest-0001> x"] * 40


def test_slow_reader_is_told_how_many_events_it_missed() -> None:
    """The gap has the exact number."""
    server = MemoryServer(history=10)
    ada, bob = Terminal(server, "/nick ada"), Terminal(server, "/nick bob")
    ada.heard()
    ada.wire.fill()
    bob.type(*(f"{number}" for number in range(50)))
    assert ada.heard() == []
    ada.wire.drain()
    server.chat.settle()
    gap, *rest = ada.heard()
    assert gap == ">> 40 events were missed here; /history 40 shows what is left"
    assert rest == [f"<bob> {number}" for number in range(40, 50)]


def test_gap_in_another_room_has_the_room_before_it() -> None:
    """The current room, which was quiet, has no gap."""
    server = MemoryServer(history=10)
    ada, bob = Terminal(server, "/nick ada", "/join dev"), Terminal(server, "/nick bob")
    ada.heard()
    ada.wire.fill()
    bob.type(*(f"{number}" for number in range(15)))
    ada.wire.drain()
    server.chat.settle()
    gap, *rest = ada.heard()
    assert gap == "#lobby >> 5 events were missed here; /history 5 shows what is left"
    assert rest == [f"#lobby <bob> {number}" for number in range(5, 15)]


def test_input_of_a_client_that_does_not_read_is_paused(ada: Terminal, bob: Terminal) -> None:
    """A client that does not read answers cannot ask for more."""
    ada.wire.fill()
    ada.type("hello", "/who")
    assert ada.wire.producerState == "paused"
    assert bob.heard() == []
    ada.wire.drain()
    ada.chat.settle()
    assert ada.wire.producerState == "producing"
    assert bob.heard() == ["<ada> hello"]
    assert sorted(ada.heard()) == ["<ada> hello", "== 2 here: ada, bob"]


def test_room_joined_under_backpressure_begins_with_its_replay(server: MemoryServer) -> None:
    """Earlier messages of the room come once."""
    ada, bob = Terminal(server, "/nick ada"), Terminal(server, "/nick bob")
    ada.heard()
    bob.type("/join dev", "old")
    bob.type("/room lobby")
    ada.wire.fill()
    bob.type("lobby one")
    ada.wire.send(b"/join dev\r\n")
    ada.wire.drain()
    server.chat.settle()
    lines = ada.heard()
    assert [line.removeprefix("#lobby ") for line in lines if "<bob>" in line] == [
        "<bob> lobby one",
        f"{NOW} <bob> old",
    ]


def test_room_joined_as_the_buffer_fills_begins_with_its_replay(
    server: MemoryServer,
) -> None:
    """A message that is stored and not shown yet at that moment does not come twice."""
    wire = NarrowConnection(server.line_door)
    server.chat.settle()
    wire.received()

    def join(_: object) -> None:
        wire.room = 0
        wire.send(b"/join dev\r\n")

    service = server.chat.service
    bob = service.visitor("bob")
    service.perform(bob, Say("lobby", "one"))
    service.perform(bob, Say("dev", "two")).addCallback(join)
    server.chat.settle()
    wire.room = None
    wire.drain()
    server.chat.settle()
    lines = wire.received().decode().split("\r\n")
    assert [line for line in lines if "<bob>" in line] == ["<bob> one", f"{NOW} <bob> two"]


# -- lost connections ------------------------------------------------------------------------------

STEPS = [b"/ni", b"ck ada\n", b"hello\n", b"/join dev\n", b"\xff\xfd", b"\x01", b"hi\n/me wa", b"v"]


@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
@pytest.mark.parametrize("settled", [True, False], ids=["settled", "at-once"])
def test_lost_connection_leaves_nothing_behind(
    server: MemoryServer, steps: int, settled: bool
) -> None:
    """At any step: no session, no name, no reader, no timer."""
    terminal = Terminal(server)
    for step in STEPS[:steps]:
        terminal.wire.send(step)
        if settled:
            server.chat.settle()
    terminal.wire.received()
    terminal.wire.hang_up(Failure(ConnectionLost()))
    server.chat.settle()
    assert terminal.wire.received() == b""
    service = server.chat.service
    assert [room.name for room in service.rooms.listings() if room.people] == []
    assert [server.chat.room(name).readers for name in ("lobby", "dev")] == [0, 0]
    assert service.people.held == {}
    assert server.chat.clock.getDelayedCalls() == []
    service.end(server.chat.enter("ada"))


# -- one packet, many lines ------------------------------------------------------------------------


def test_question_waits_for_the_lines_before_it(ada: Terminal) -> None:
    """All lines of a packet are carried out in order."""
    heard = ada.type("/topic tea", "/topic", "one", "/history 1")
    assert heard.index("-- ada set the topic: tea") < heard.index("== the topic of #lobby: tea")
    assert heard.index("<ada> one") < heard.index("== the last 1 event in #lobby:")


def test_echo_setting_of_a_line_is_that_when_it_was_sent(ada: Terminal) -> None:
    """A later `/echo` does not affect it, even if the line is not stored yet."""
    heard = ada.type("/echo off", "hidden", "/echo on", "shown", "/echo off")
    assert [line for line in heard if line.startswith("<")] == ["<ada> shown"]


def test_answer_of_many_lines_is_one_write(server: MemoryServer) -> None:
    """Each write is a call of the kernel, and a packet."""
    wire = GatheringConnection(server.line_door)
    server.chat.settle()
    wire.received()
    wire.writes = 0
    wire.send(b"/help\n")
    assert wire.received().count(b"\n") > 20
    assert wire.writes == 1


def test_client_that_speaks_at_once_gets_greeting_and_answer_in_one_write(
    server: MemoryServer,
) -> None:
    """As those that come back after a restart do, with `/since ID`; then each write is sent."""
    last = server.say("one")
    wire = GatheringConnection(server.line_door)
    wire.send(b"/since %d\n" % last)
    server.chat.settle()
    told = wire.received()
    assert b"== welcome" in told
    assert b"== that is all" in told
    assert wire.writes == 1
    server.say("two")
    assert wire.received() == b"<bob> two\r\n"


def test_lines_of_one_packet_are_carried_out_over_several_turns(server: MemoryServer) -> None:
    """So other connections are served in between."""
    wire = server.line()
    server.chat.settle()
    wire.received()
    service = server.chat.service
    with patch.object(service, "perform", wraps=service.perform) as perform:
        wire.send(b"x\n" * 1000)
        assert perform.call_count == LINES_A_TURN
        server.chat.settle()
    assert wire.received().count(b"> x\r\n") == 1000


def test_paste_into_a_new_room_keeps_its_order(server: MemoryServer) -> None:
    """The first message creates the room, which makes those under way stale; lines that are carried
    out after its acknowledgement must still follow them.
    """
    wire = greeted(server)
    server.hold_appends()
    lines = [f"{number}" for number in range(LINES_A_TURN + 50)]
    wire.send("".join(f"{line}\n" for line in lines).encode())
    server.release_appends()
    assert server.chat.texts("lobby") == lines
    wire.received()


def test_fewer_commands_than_messages_are_carried_out_in_a_turn(server: MemoryServer) -> None:
    """One answer may take as long as fifty messages."""
    wire = server.line()
    server.chat.settle()
    wire.received()
    wire.send(b"/help nick\n" * 20)
    assert wire.received().count(b"\n") == COMMANDS_A_TURN
    server.chat.settle()
    assert wire.received().count(b"\n") == 20 - COMMANDS_A_TURN


@pytest.mark.parametrize("line", ["/rooms", "/help nick", "/echo on", "/nothing", "\x1b", "/me"])
def test_commands_and_errors_over_the_rate_wait(server: MemoryServer, line: str) -> None:
    """Ten a second, with a burst of forty; the client is told once, and no line is lost."""
    guest = Terminal(server)
    told = guest.type(*[line] * 60)
    assert 40 <= len(told) <= 42
    assert sum("too fast" in answer for answer in told) == 1
    server.chat.advance(1)
    told += guest.heard()
    assert 50 <= len(told) <= 53
    server.chat.advance(2)
    told += guest.heard()
    assert len(told) == 61
    assert guest.wire.producerState == "producing"
    assert guest.type("hello") == ["<guest-0001> hello"]


def test_control_characters_in_a_command_are_refused(ada: Terminal) -> None:
    """They are removed from a text, but not from a name."""
    heard = ada.type("/nick \u202eeve", "/nick a\x1bb", "/join \u202edev")
    assert [line[:2] for line in heard] == ["!!"] * 3


# -- catching up from the store --------------------------------------------------------------------


def catching_up(server: MemoryServer) -> Terminal:
    """A client that waits for a page of the store: it did not read while many messages came, and
    now it reads again.
    """
    client = Terminal(server, "/nick slow")
    client.wire.fill()
    server.say(*[f"{number}" for number in range(30)])
    server.chat.store.hold("reads")
    client.wire.drain()
    server.chat.settle()
    return client


@pytest.fixture
def short_log() -> MemoryServer:
    """A server that keeps five events of a room in memory, and all in its store."""
    return MemoryServer(history=5, node=InMemoryChat())


ALL = [f"<bob> {number}" for number in range(30)]


@pytest.mark.parametrize("command", ["/who", "/time utc", "/time off"])
def test_commands_wait_while_a_client_catches_up_from_the_store(
    short_log: MemoryServer, command: str
) -> None:
    """As they do while the client does not read."""
    client = catching_up(short_log)
    assert client.type(command) == []
    short_log.chat.store.release()
    short_log.chat.settle()
    heard = client.heard()
    assert [line for line in heard if "<bob>" in line] == ALL
    assert heard[-1].startswith("== ")


def test_half_closed_client_catches_up_from_the_store_before_the_close(
    short_log: MemoryServer,
) -> None:
    """It gets every event, its own message included."""
    client = catching_up(short_log)
    client.wire.send(b"my last words\r\n")
    client.wire.end_input()
    short_log.chat.settle()
    assert not client.wire.lost
    short_log.chat.store.release()
    short_log.chat.settle()
    assert client.heard() == [*ALL, "<slow> my last words"]
    assert client.wire.lost
