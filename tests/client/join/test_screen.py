"""The screen: keys go in, drawn lines come out, without a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prompt_toolkit.application.current import set_app
from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import fragment_list_to_text, to_formatted_text
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.output import DummyOutput

from chatd.client.join.commands import carry_out
from chatd.client.join.screen import Screen, window

from ...kit.chat import PASSWORD
from ..network import Network
from .conftest import User, run_alone


class Output(DummyOutput):
    """A terminal that counts how often it rings."""

    bells = 0

    def bell(self) -> None:
        self.bells += 1

    def get_size(self) -> Size:
        return Size(24, 80)


class Desk:
    """A user in front of a screen."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.output = Output()
        self._pipe = create_pipe_input()
        self.input = self._pipe.__enter__()
        self.screen = Screen(
            user.live,
            lambda text: carry_out(user.live, text),
            input=self.input,
            output=self.output,
        )
        self.screen.application.timeoutlen = None  # type: ignore[assignment]  # no timer

    def press(self, keys: str) -> None:
        """Press keys, as a terminal sends them."""
        app = self.screen.application
        parser = Vt100Parser(app.key_processor.feed)
        with set_app(app):
            parser.feed(keys)
            parser.flush()
            app.key_processor.process_keys()
        self.user.network.settle()

    def drawn(self, width: int = 80, height: int = 20) -> list[str]:
        """The lines of the log."""
        content = self.screen.log.create_content(width, height)
        return [
            fragment_list_to_text(content.get_line(number)) for number in range(content.line_count)
        ]

    @property
    def bar(self) -> str:
        return fragment_list_to_text(to_formatted_text(self.screen._bar()))

    @property
    def head(self) -> str:
        return fragment_list_to_text(to_formatted_text(self.screen._head()))

    def close(self) -> None:
        self._pipe.__exit__(None, None, None)


@pytest.fixture
def desk(ada: User) -> Iterator[Desk]:
    desk = Desk(ada)
    yield desk
    desk.close()


def test_typed_line_is_said_and_shown(desk: Desk, network: Network) -> None:
    """Below the earlier lines; the input is then empty, and the Up key recalls the line."""
    desk.press("hello\r")
    assert network.texts == ["hello"]
    assert desk.drawn()[-1].endswith("<ada> hello")
    assert len(desk.drawn()) == 20
    desk.press("\x1b[A")
    assert desk.screen.typed.text in ("", "hello")  # history is loaded by a running application


def test_pasted_lines_are_one_message(desk: Desk, network: Network) -> None:
    """Bracketed paste does not send the text; Alt+Enter begins a new line."""
    desk.press("\x1b[200~one\n\ttwo\x1b[201~")
    assert network.texts == []
    desk.press("\x1b\rthree\r")
    assert network.texts == ["one\n\ttwo\nthree"]


def test_incoming_line_does_not_disturb_the_input(desk: Desk, network: Network) -> None:
    """The line is drawn above the input."""
    desk.press("half a li")
    network.say("boo")
    assert desk.drawn()[-1].endswith("<eve> boo")
    assert desk.screen.typed.text == "half a li"


def test_bar_counts_unread_messages(desk: Desk, network: Network) -> None:
    """Keys step from room to room, and jump to a room with unread messages."""
    desk.press("/join dev\r")
    network.say("hi ada")
    assert desk.bar == " 1 #lobby (1!) [2 #dev]"
    desk.press("\x1ba")
    assert desk.bar == "[1 #lobby] 2 #dev "
    desk.press("\x1b2")
    assert desk.head.startswith(" #dev  (1)")
    desk.press("\x10")
    assert desk.user.live.places.here == "lobby"
    desk.press("\x0e")
    assert desk.user.live.places.here == "dev"


def test_page_up_scrolls_and_loads_the_past(desk: Desk, network: Network) -> None:
    """PageDown scrolls back; sending a line goes to the end."""
    for number in range(120):
        network.say(f"m{number}")
    assert desk.drawn()[-1].endswith("m119")
    for _ in range(20):
        desk.press("\x1b[5~")
        desk.drawn()
    assert any(line.endswith("m0") for line in desk.drawn())
    assert "lines below" in desk.head
    network.say("news")
    assert desk.user.live.places.open("lobby").unread == 1
    desk.press("\x1b[6~")
    assert "lines below" in desk.head
    desk.press("x\r")
    assert desk.drawn()[-1].endswith("<ada> x")


def test_password_is_not_shown_and_not_kept(desk: Desk, network: Network) -> None:
    """Nor is a line that contains one."""
    desk.press("/register\r")
    assert fragment_list_to_text(to_formatted_text(desk.screen._prompt())) == "password: "
    desk.press(f"{PASSWORD}\r")
    assert desk.user.live.account
    desk.press("/login eve secret-word\r")
    assert not any("secret" in text for text in desk.screen.typed.history.get_strings())
    assert not any(PASSWORD in text for text in desk.screen.typed.history.get_strings())


def test_refused_message_can_be_edited(desk: Desk) -> None:
    """It is put back into the input."""
    desk.press("/jion dev\r")
    assert desk.screen.typed.text == "/jion dev"
    desk.press("\x03")
    assert desk.screen.typed.text == ""
    desk.press("\x03")
    assert desk.drawn()[-1] == "== Ctrl+D or /quit leaves"


def test_narrow_screen_wraps(desk: Desk, network: Network) -> None:
    """No line is wider than the screen."""
    network.say("word " * 30)
    assert all(len(line) <= 30 for line in desk.drawn(30, 10))


def test_application_runs_and_ends(desk: Desk) -> None:
    """On a terminal of 80 columns and 24 lines; Ctrl+D leaves."""
    application = desk.screen.application
    desk.user.live.ended.addCallback(lambda status: application.exit(result=status))
    desk.input.send_text("\x04")
    assert run_alone(application.run_async()) == 0


def test_bell_rings(desk: Desk, network: Network) -> None:
    """When somebody mentions the user."""
    desk.screen.called(network.chat.entries("lobby"))  # type: ignore[arg-type]
    assert desk.output.bells == 1


def test_lines_that_come_do_not_move_what_the_user_reads(network: Network, desk: Desk) -> None:
    """While the user has scrolled up; the head says how many lines are below."""
    for number in range(60):
        network.say(f"line {number}")
    desk.drawn()
    desk.press("\x1b[5~")
    before = desk.drawn()
    for number in range(30):
        network.say(f"more {number}")
    assert desk.drawn() == before
    assert "lines below" in desk.head


def test_visible_place_is_in_the_bar_however_many_there_are(network: Network, desk: Desk) -> None:
    """The places that do not fit are hinted at, also that somebody calls there."""
    for number in range(20):
        desk.press(f"/join room-{number:02}\r")
    assert desk.bar.startswith("< ")
    assert desk.bar.endswith("[21 #room-19]")
    assert len(desk.bar) <= 80
    network.say("hello ada", room="room-01")
    network.say("hello ada", room="room-15")
    assert desk.bar.startswith("<!")
    desk.press("\x1b1")
    assert desk.bar.startswith("[1 #lobby]")
    assert desk.bar.endswith("!>")


@pytest.mark.parametrize(
    ("widths", "at", "most", "shown"),
    [([], 0, 9, (0, 0)), ([5], 0, 3, (0, 1)), ([3] * 5, 2, 9, (1, 4)), ([3] * 5, 4, 9, (2, 5)),
     ([3] * 5, 0, 15, (0, 5)), ([9, 3, 9], 1, 8, (1, 2))],
)  # fmt: skip
def test_window_fits(widths: list[int], at: int, most: int, shown: tuple[int, int]) -> None:
    """With the visible one in it, even if that alone is too wide."""
    assert window(widths, at, most) == shown
