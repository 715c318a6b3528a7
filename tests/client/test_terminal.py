"""The terminal client: lines in and lines out, over the real HTTP door."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure

from chatd.client import Event
from chatd.client.terminal import ECHO_SECONDS, LINE_BYTES, Input, Terminal, in_lines
from chatd.testing import result_of

from .network import Network, start


class Session:
    """A client at a terminal, or at a pipe that stays open until `end`."""

    def __init__(self, network: Network, name: str = "ada", room: str = "lobby", **options) -> None:
        self.network = network
        self.shown: list[str] = []
        self.complaints: list[str] = []
        self.screen = True
        """Whether the output is still open."""
        self._lines: list[str | bytes | None] = []
        self._more: Deferred[None] = Deferred()
        self._ended = False
        client = network.client(name, patience=30)
        terminal = Terminal(
            client, room, network.clock, self._show, self.complaints.append, **options
        )
        self.status = start(terminal.run(self._input()))
        network.settle()

    def _show(self, line: str) -> None:
        if not self.screen:
            raise BrokenPipeError
        self.shown.append(line)

    async def _input(self) -> AsyncIterator[bytes | None]:
        while self._lines or not self._ended:
            if self._lines:
                line = self._lines.pop(0)
                yield line.encode() if isinstance(line, str) else line
            else:
                self._more = Deferred()
                await self._more

    def type(self, *lines: str | bytes | None) -> Session:
        """Send lines to the client's input."""
        self._lines += lines
        self._wake()
        return self

    def close(self) -> None:
        """End the input."""
        self._ended = True
        self._wake()

    @property
    def listening(self) -> bool:
        """Whether the client waits for more input."""
        return not self._more.called

    def end(self) -> int:
        """End the input; return the exit status after a second."""
        self.close()
        self.network.advance(1)
        return result_of(self.status)

    def _wake(self) -> None:
        if not self._more.called:
            self._more.callback(None)
        self.network.settle()


# -- lines in, lines out ---------------------------------------------------------------------------


def test_every_line_is_sent_and_shown_until_the_input_ends(network: Network) -> None:
    """In order; then the client leaves with status 0, and no connection or timer is left."""
    session = Session(network).type("one", "two", "three")
    assert session.end() == 0
    assert network.texts == ["one", "two", "three"]
    assert session.shown == ["<ada> one", "<ada> two", "<ada> three"]
    assert session.complaints == []
    assert network.people == []
    network.assert_nothing_left()


def test_a_fast_pipe_is_sent_within_the_rate_limit() -> None:
    """Every line of it."""
    network = Network(message_rate=5)
    lines = [str(number) for number in range(60)]
    session = Session(network).type(*lines)
    network.advance(20)
    assert session.end() == 0
    assert network.texts == lines


def test_events_are_shown_as_on_the_line_door(network: Network) -> None:
    """Also actions, topics, private messages and gaps."""
    session = Session(network)
    bob = network.client("bob")
    network.result(bob.act("waves"))
    network.result(bob.topic("today"))
    network.result(bob.tell("ada", "psst"))
    session.type("/msg bob what?")
    network.say("one\ntwo")
    network.restart()
    network.advance(2)
    assert session.shown == [
        "-- bob joined #lobby",
        "* bob waves",
        "-- bob set the topic: today",
        "[bob] psst",
        "[to bob] what?",
        "<eve> one",
        "<eve> two",
        ">> events were missed here; /history shows what is left",
        "-- ada joined #lobby",
    ]
    assert session.end() == 0


def test_commands_work_as_on_the_line_door(network: Network) -> None:
    """Those that make sense in one room."""
    session = Session(network, room="#Dev", name="")
    for line in ("/me waves", "//slash", "/nick ada", "/who", "/topic", "/topic new", "/topic"):
        session.type(line)
    assert session.shown == [
        "* guest-0001 waves",
        "<guest-0001> /slash",
        "-- ada joined #dev",
        "== you are now ada",
        "== 1 in #dev: ada",
        "== #dev has no topic",
        "-- ada set the topic: new",
        "== the topic of #dev: new",
    ]
    session.shown.clear()
    session.type("/topic -", "/history 2", "/who lobby")
    assert session.shown == [
        "-- ada cleared the topic",
        "-- ada set the topic: new",
        "-- ada cleared the topic",
        "== end of the history",
        "== 1 in #lobby: ada",
    ]
    session.type("/help")
    assert "== /me TEXT             say what you do: /me waves" in session.shown
    assert session.end() == 0


def test_quit_leaves_with_a_farewell(network: Network) -> None:
    """Lines after it are not sent."""
    session = Session(network).type("/quit so long", "not this")
    network.advance(1)
    assert result_of(session.status) == 0
    assert network.chat.entries("lobby")[-1].event.text == "so long"  # type: ignore[attr-defined]
    assert network.people == network.texts == []


def test_a_terminal_shows_the_last_events_first(network: Network) -> None:
    """A client whose input is a pipe does not."""
    for number in range(20):
        network.say(str(number))
    session = Session(network, live=True)
    assert session.shown[0] == "== you are ada in #lobby; /help, or ^D to leave"
    assert session.shown[1:-1] == [f"<eve> {number}" for number in range(11, 20)]
    assert session.shown[-1] == "-- ada joined #lobby"
    assert session.end() == 0
    session = Session(network)
    assert session.end() == 0
    assert session.shown == []


@pytest.mark.parametrize("live", [True, False])
def test_a_line_that_begins_with_a_path_is_sent(network: Network, live: bool) -> None:
    """A word with a second slash is no command."""
    line = "/usr/bin/ld: cannot find -lm"
    assert Session(network, live=live).type(line).end() == 0
    assert network.texts == [line]


def test_blanks_before_a_slash_are_refused_at_a_terminal_and_sent_from_a_pipe(
    network: Network,
) -> None:
    """A person meant a command; a program indents its output."""
    assert Session(network).type("  /etc/passwd: no").end() == 0
    session = Session(network, live=True).type(" /msg bob secret")
    assert session.end() == 1
    assert network.texts == ["  /etc/passwd: no"]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("/join dev", "--room dev"),
        ("/j #dev", "--room dev"),
        ("/room dev", "--room dev"),
        ("/leave", "/quit"),
        ("/rooms", "/help"),
    ],
)
def test_a_command_of_the_line_door_only_is_refused_with_advice(
    network: Network, line: str, advice: str
) -> None:
    """This client is in one room."""
    session = Session(network, live=True).type(line)
    assert session.end() == 1
    assert advice in session.complaints[0]


def test_literal_on_sends_every_later_line(network: Network) -> None:
    """As on the line door."""
    assert Session(network).type("/literal on", "/quit", "//x").end() == 0
    assert network.texts == ["/quit", "//x"]


@pytest.mark.parametrize("line", ["/mee waves"])
def test_an_unknown_command_is_sent_from_a_pipe_and_refused_at_a_terminal(
    network: Network, line: str
) -> None:
    """A compiler's output is full of paths; a person has mistyped."""
    assert Session(network).type(line).end() == 0
    assert network.texts == [line]
    session = Session(network, live=True).type(line)
    assert session.end() == 1
    assert network.texts == [line]
    assert session.complaints[0].startswith("no such command /")


@pytest.mark.parametrize("line", ["/me waves", "//comment", "/quit"])
def test_the_literal_option_turns_commands_off(network: Network, line: str) -> None:
    """Every line is sent."""
    assert Session(network, literal=True).type(line).end() == 0
    assert network.texts == [line]


def test_an_overlong_line_is_sent_in_parts(network: Network) -> None:
    """All of it, in order."""
    line = "".join(map(str, range(5000)))
    assert Session(network).type(line).end() == 0
    assert len(network.texts) > 1
    assert "".join(network.texts) == line


def test_a_blank_line_is_ignored(network: Network) -> None:
    """As on the line door."""
    assert Session(network).type("", "   ", "\t", "\x07", "hello").end() == 0
    assert network.texts == ["hello"]


# -- errors and faults -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["/msg nobody psst", "/nick a b", "/join dev", "/me", "\u200b", None]
)
def test_after_a_refused_line_the_next_one_is_sent(network: Network, line: str | None) -> None:
    """The exit status is then 1."""
    session = Session(network).type("one", line, "two")
    assert session.end() == 1
    assert network.texts == ["one", "two"]
    assert len(session.complaints) == 1


def test_an_unreachable_server_ends_the_client(network: Network) -> None:
    """After its patience: status 1, and one line that says why."""
    network.up = False
    session = Session(network).type("one", "two")
    network.advance(60)
    assert session.end() == 1
    (complaint,) = session.complaints
    assert complaint.startswith("no answer from http://chat.example:8080: Connection was refused")


def test_a_server_that_does_not_return_ends_the_client(network: Network) -> None:
    """With one error message, not one per line."""
    session = Session(network).type("one")
    network.up = False
    network.cut()
    session.type("two", "three", "four")
    network.advance(60)
    assert result_of(session.status) == 1
    assert len(session.complaints) == 1
    assert network.texts == ["one"]


def test_a_character_above_the_text_limit_is_refused(network: Network) -> None:
    """It cannot be split."""
    network = Network(max_text=2)
    session = Session(network).type("\u20ac\u20ac", "ok")
    assert session.end() == 1
    assert network.texts == ["ok"]
    assert len(session.complaints) == 1


@pytest.mark.parametrize("options", [{"name": "eve"}, {"name": "a b"}, {"room": "a b"}])
def test_an_unavailable_name_or_room_ends_the_client(network: Network, options) -> None:
    """At once."""
    network.result(network.client("eve").say("hello"))
    session = Session(network, **options)
    assert result_of(session.status) == 1
    assert len(session.complaints) == 1


def test_a_name_taken_by_another_client_ends_the_client(network: Network) -> None:
    """Even if no line is being sent."""
    session = Session(network)
    network.restart()
    network.result(network.client("ada").say("it is mine now"))
    network.advance(2)
    assert result_of(session.status) == 1
    assert session.complaints == ["the name ada is in use; choose another"]
    assert not session.listening


def test_a_pipe_survives_a_restart(network: Network) -> None:
    """Every line is acknowledged and shown, once."""
    session = Session(network).type("one")
    network.up = False
    network.cut()
    session.type("two", "three")
    network.restart()
    network.advance(10)
    assert session.end() == 0
    assert [line for line in session.shown if line[0] == "<"] == [
        "<ada> one", "<ada> two", "<ada> three"
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [3, 60])
def test_at_the_end_of_input_the_client_waits_for_the_last_echo(
    network: Network, seconds: float
) -> None:
    """At most `ECHO_SECONDS`; the line is already acknowledged."""
    session = Session(network).type("one")
    (poll,) = network.busy
    poll.holding = True
    session.type("two")
    network.advance(0.5)
    session.close()
    network.advance(seconds)
    assert session.status.called == (seconds > ECHO_SECONDS)
    poll.holding = False
    assert session.end() == 0
    assert ("<ada> two" in session.shown) == (seconds < ECHO_SECONDS)


def test_an_interrupted_terminal_leaves_the_chat(network: Network) -> None:
    """Its name is free at once."""
    session = Session(network)
    network.chat.store.refusing = True
    session.type("one", "two")
    session.status.cancel()
    network.settle()
    with pytest.raises(CancelledError):
        result_of(session.status)
    assert network.people == []
    network.assert_nothing_left()


def test_a_closed_output_ends_the_client(network: Network) -> None:
    """As any program whose output pipe is closed."""
    session = Session(network)
    session.screen = False
    session.type("one")
    with pytest.raises(BrokenPipeError):
        result_of(session.status)
    assert network.people == []


def test_an_event_of_an_unknown_type_is_ignored() -> None:
    """A newer server may send one."""
    assert list(in_lines(Event(1, "reaction", "lobby", "eve"), "ada")) == []


def test_control_characters_from_a_server_are_removed() -> None:
    """A hostile server cannot control the terminal."""
    (line,) = in_lines(Event(1, "message", "lobby", "eve", "a\x1b[2Jb"), "ada")
    assert line == "<eve> ab"


# -- the input -------------------------------------------------------------------------------------


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe to read lines from."""
    ends = Pipe()
    yield ends
    ends.close()


class Pipe:
    """A pipe whose reading end is the input of a client, and a reactor that the test runs."""

    def __init__(self) -> None:
        self.end, self._writing = os.pipe()
        self.reactor = MemoryReactor()
        self.input = Input(self.reactor, self.end)

    def write(self, data: bytes) -> None:
        os.write(self._writing, data)

    def finish(self) -> None:
        """Close the writing end."""
        os.close(self._writing)
        self._writing = -1

    def look(self) -> None:
        """Let the reactor read."""
        for reader in self.reactor.getReaders():
            reader.doRead()

    def next(self) -> bytes | None:
        """Read the next line."""
        line = start(self.input.__anext__())
        self.look()
        return result_of(line)

    def close(self) -> None:
        for end in {self.end, self._writing} - {-1}:
            os.close(end)


def test_lines_are_read_only_when_requested(pipe: Pipe) -> None:
    """So the pipe of a fast writer fills up."""
    pipe.write(b"one\ntwo\r\n\n")
    assert pipe.reactor.getReaders() == []
    assert [pipe.next(), pipe.next()] == [b"one", b"two"]
    assert pipe.reactor.getReaders() == []
    waiting = start(pipe.input.__anext__())
    for part in (b"x" * LINE_BYTES, b"y\nlast"):
        pipe.write(part)
        pipe.look()
    assert result_of(waiting) is None
    pipe.finish()
    assert pipe.next() == b"last"
    for _ in range(2):
        with pytest.raises(StopAsyncIteration):
            pipe.next()


@pytest.mark.parametrize("how", ["hung up", "broken"])
def test_a_broken_input_counts_as_ended(pipe: Pipe, how: str) -> None:
    """A terminal or a writer that is gone."""
    waiting = start(pipe.input.__anext__())
    if how == "hung up":
        pipe.input.connectionLost(Failure(ConnectionDone()))
    else:
        os.close(pipe.end)
        pipe.look()
        pipe.end = -1
    with pytest.raises(StopAsyncIteration):
        result_of(waiting)
    assert pipe.reactor.getReaders() == []


def test_a_spurious_wakeup_does_not_end_the_input(pipe: Pipe) -> None:
    """Another process that shares the input was faster."""
    os.set_blocking(pipe.end, False)
    waiting = start(pipe.input.__anext__())
    pipe.look()
    assert not waiting.called
    pipe.write(b"hello\n")
    pipe.look()
    assert result_of(waiting) == b"hello"


def test_a_cancelled_read_leaves_no_reader_in_the_reactor(pipe: Pipe) -> None:
    """The input is not polled any more."""
    waiting = start(pipe.input.__anext__())
    waiting.cancel()
    with pytest.raises(CancelledError):
        result_of(waiting)
    assert pipe.reactor.getReaders() == []
