"""Lines of the terminal client: styles, times, days, and wrapping."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from chatd.client import Event
from chatd.client.join.places import Note
from chatd.client.join.rendering import colour_of, day_of, heading, lines_of, plain, wrapped

NOON = 1_796_040_000_000_000
"""An id of 30 November 2026."""


def event(type_: str, *fields: Any, **more: Any) -> Event:
    return Event(NOON, type_, *fields, **more)


@pytest.mark.parametrize(
    ("happened", "lines"),
    [
        (event("message", "lobby", "bob", "one\n\ttwo"), ["<bob> one", "<bob> \ttwo"]),
        (event("action", "lobby", "bob", "waves"), ["* bob waves"]),
        (event("private", "", "bob", "psst", "ada"), ["[bob] psst"]),
        (event("private", "", "ada", "psst", "bob"), ["[to bob] psst"]),
        (event("join", "lobby", "bob"), ["-- bob joined #lobby"]),
        (
            event("kick", "lobby", "bob", "spam", target="eve"),
            ["-- bob kicked eve from #lobby: spam"],
        ),
        (event("ban", "lobby", "bob", target="eve", ban="x"), ["-- bob banned eve from #lobby"]),
        (
            event("role", "lobby", "bob", target="eve", role="op"),
            ["-- bob made eve an op of #lobby"],
        ),
        (event("role", "lobby", "bob", target="eve"), ["-- bob took the role of eve in #lobby"]),
        (
            event("settings", "lobby", "bob", slow=0),
            ["-- bob changed the settings of #lobby: slow 0"],
        ),
        (event("message", "lobby", "bob", "", redacted=True), ["-- a message of bob was deleted"]),
        (
            event("redact", "", "bob", to="ada", target=5),
            ["-- bob deleted a private message to ada"],
        ),
        (event("gap", "lobby"), [">> events were missed here; /history shows what is left"]),
        (event("unheard-of", "lobby"), []),
    ],
    ids=lambda it: getattr(it, "type", ""),
)
def test_events_are_shown_as_on_the_line_door(happened: Event, lines: list[str]) -> None:
    """With the time before them."""
    shown = [plain(line) for line in lines_of(happened, "ada", UTC)]
    assert shown == [f"12:00 {line}" for line in lines]


def test_meaning_of_styles_is_also_shown_by_signs() -> None:
    """A name has its colour, and a mention is marked."""
    (line,) = lines_of(event("message", "lobby", "bob", "hi ada"), "ada", UTC)
    assert (colour_of("bob"), "bob") in line
    assert line[-1] == ("class:mention", " hi ada")
    assert colour_of("BOB") == colour_of("bob")
    (note,) = lines_of(Note(1, "error", "no\x1b[31m"), "ada")
    assert note == [("class:error", "!! no")]


def test_days_have_a_heading() -> None:
    """Notes have no day."""
    day = day_of(event("join"), UTC)
    assert day == date(2026, 11, 30)
    assert plain(heading(day)) == "-- Monday, 30 November 2026 --"
    assert day_of(Note(1, "answer", "x")) is None


def test_lines_are_cut_at_blanks() -> None:
    """Continuation lines are indented; a word longer than a line is cut."""
    line = [("a", "12:00 "), ("b", "one two three fourteen")]
    assert [plain(part) for part in wrapped(line, 16)] == [
        "12:00 one two ",
        "      three ",
        "      fourteen",
    ]
    assert [plain(part) for part in wrapped([("", "x" * 20)], 10)] == [
        "x" * 10,
        " " * 6 + "xxxx",
        " " * 6 + "xxxx",
        " " * 6 + "xx",
    ]
    assert [*wrapped([("a", "x"), ("b", "y")], 10)] == [[("a", "x"), ("b", "y")]]


@given(st.text("ab \u6771\u0301\t", max_size=60), st.integers(8, 30))
def test_no_line_is_wider_than_the_screen(text: str, width: int) -> None:
    """Wide characters count as two columns; no visible character is lost."""
    lines = [plain(part) for part in wrapped([("", text)], width)]
    assert all(wcswidth(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
