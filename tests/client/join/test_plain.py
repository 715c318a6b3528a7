"""Plain lines above a prompt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from chatd.client.answers import Event
from chatd.client.join.places import Note
from chatd.client.join.plain import REPLAY, Plain

from ..network import Network
from .conftest import User, run_alone


class Printed:
    """What a plain client has printed."""

    def __init__(self, user: User) -> None:
        self.lines: list[str] = []
        self._pipe = create_pipe_input()
        self.input = self._pipe.__enter__()
        self.plain = Plain(user.live, self.lines.append, input=self.input, output=DummyOutput())
        self.plain.changed()

    def close(self) -> None:
        self._pipe.__exit__(None, None, None)


@pytest.fixture
def printed(ada: User) -> Iterator[Printed]:
    printed = Printed(ada)
    yield printed
    printed.close()


def test_lines_are_printed_once_and_at_once(network: Network, ada: User, printed: Printed) -> None:
    """Lines of another room begin with its name; answers begin with `==`."""
    network.say("hello")
    ada.type("/join dev")
    printed.plain.changed()
    network.say("over there")
    ada.type("/who")
    texts = [line[6:] if line[2:3] == ":" else line for line in printed.lines]
    assert texts[0] == "== this is #lobby"
    assert texts[2:4] == ["-- ada joined #lobby", "<eve> hello"]
    assert "== this is #dev" in texts
    assert texts[-2].endswith("<eve> over there")
    assert texts[-2].startswith("#lobby ")
    assert texts[-1] == "== 1 in #dev: ada"


def test_a_room_begins_with_its_past_whatever_happens_meanwhile(
    network: Network, ada: User, printed: Printed
) -> None:
    """What happens while the past is loaded, as ada's own coming does, is printed once, behind it;
    all of it, also if it is more than is printed of the past.
    """
    network.say("long ago", room="dev")
    ada.faces.append(printed.plain.changed)
    printed.lines.clear()
    network.holding = True
    ada.live.do(ada.live.join("dev"))
    network.settle()
    network.holding = False
    network.settle()
    texts = [line[6:] if line[2:3] == ":" else line for line in printed.lines]
    assert texts[0] == "== this is #dev"
    assert texts[2:] == ["<eve> long ago", "-- ada joined #dev"]


def test_no_held_line_is_lost_if_there_are_notes_or_the_user_goes_elsewhere_meanwhile(
    network: Network, ada: User, printed: Printed
) -> None:
    """Notes do not count as lines of the place, and each place has its own held lines."""
    places = ada.live.places
    lobby, dev = places.here, places.open("dev")
    places.here = "dev"
    for id_ in range(1, REPLAY + 4):
        said = Event(id_, "message", room="dev", sender="eve", text=f"line {id_}")
        dev.add(said)
        printed.plain.tell(said)
    for _ in range(3):
        dev.add(Note(dev.last, "answer", "something"))
    printed.plain.changed()
    places.here = lobby
    printed.plain.changed()
    places.here, dev.loaded = "dev", True
    printed.plain.changed()
    texts = [line.partition("<eve> ")[2] for line in printed.lines if "<eve> " in line]
    assert texts == [f"line {id_}" for id_ in range(1, REPLAY + 4)]


def test_prompt_reads_a_line(printed: Printed) -> None:
    """At the end of the input, the prompt raises `EOFError`."""
    printed.input.send_text("hello\r")
    assert run_alone(printed.plain.prompt()) == "hello"
    printed.input.send_text("\x04")
    with pytest.raises(EOFError):
        run_alone(printed.plain.prompt())
