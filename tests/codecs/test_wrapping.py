"""Lines wrapped to the width of a window."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wcwidth import iter_graphemes, wcswidth

from chatd.codecs.wrapping import INDENT, LEAST_COLUMNS, MOST_SHARED, wrapped

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
JAPANESE = "\u65e5\u672c\u8a9e\u306e"
WORDS = ["a", "word", "longer-word", f"{JAPANESE}\u3002", "e\u0301te\u0301", FAMILY, " ", "x" * 50,
         "\U0001f389", "(\u65e5)", "\u043f\u0440\u0438\u0432\u0435\u0442"]  # fmt: skip

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(" ".join)
widths = st.integers(LEAST_COLUMNS, 60)


def lines(text: str, columns: int) -> list[str]:
    *shown, end = wrapped(f"{text}\r\n".encode(), columns).decode().split("\r\n")
    assert end == ""
    return shown


@given(texts | st.text(st.characters(exclude_categories=["Cc", "Cs"])), widths)
@example("\u1100" * 40, 20)
def test_no_line_is_wider_than_the_window(text: str, columns: int) -> None:
    """Whatever is said."""
    for line in lines(f"<ada> {text}", columns):
        assert wcswidth(line) <= columns


@given(texts, widths)
def test_nothing_but_blanks_is_lost(text: str, columns: int) -> None:
    """And no character that a terminal shows as one is parted."""
    first, *more = lines(f"<ada> {text}", columns)
    assert all(line.startswith(INDENT) and line[2:3] != " " for line in more)
    shown = [first, *(line.removeprefix(INDENT) for line in more)]
    assert "".join(shown).replace(" ", "") == f"<ada>{text}".replace(" ", "")
    parts = [part for line in shown for part in iter_graphemes(line) if part != " "]
    assert parts == [part for part in iter_graphemes(f"<ada> {text}") if part != " "]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<ada> one two three four", ["<ada> one two three", "  four"]),
        ("<ada> one two three   four", ["<ada> one two three", "  four"]),
        ("<ada> " + "x" * 30, ["<ada>", "  " + "x" * 18, "  " + "x" * 12]),
        (f"<ada> {JAPANESE * 2}", [f"<ada> {JAPANESE}\u65e5\u672c\u8a9e", "  \u306e"]),
        (f"<ada> ab{JAPANESE}\u6587\u7ae0\u3002", [f"<ada> ab{JAPANESE}\u6587", "  \u7ae0\u3002"]),
        (f"<ada> abcd {JAPANESE}", ["<ada> abcd " + JAPANESE]),
        (f"<ada> abcd {JAPANESE}\u6587", ["<ada> abcd " + JAPANESE, "  \u6587"]),
        ("<ada> an emoji here " + FAMILY, ["<ada> an emoji here", "  " + FAMILY]),
        ("<ada> a\tb", ["<ada> a\tb"]),
        ("<ada> a\tb\tcdefgh", ["<ada> a b", "  cdefgh"]),
    ],
    ids=["words", "blanks", "long", "cjk", "punctuation", "fits", "mixed", "emoji", "tab", "tabs"],
)  # fmt: skip
def test_lines_end_where_a_reader_expects_it(text: str, shown: list[str]) -> None:
    """At blanks, or beside wide characters; closing punctuation does not begin a line."""
    assert [line.replace("  b", " b") for line in lines(text, 20)] == shown


def test_text_cannot_look_like_another_message() -> None:
    """What a line goes on with is indented, wherever its sender has it cut."""
    for blanks in range(1, 40):
        shown = lines(f"<eve> {'x' * blanks} <ada> I resign", 24)
        assert not any(line.startswith("<ada>") for line in shown)


@pytest.mark.parametrize("columns", [0, LEAST_COLUMNS - 1])
def test_narrowest_windows_are_left_alone(columns: int) -> None:
    """As is one whose width is not known."""
    line = b"<ada> one two three four five six seven\r\n"
    assert wrapped(line, columns) == line


def test_pieces_of_any_size_are_wrapped_alike() -> None:
    """Those that are kept for other readers, and those that are not."""
    line = b"<ada> one two three four\r\n"
    many = MOST_SHARED // len(line) + 1
    assert wrapped(line * many, 20) == wrapped(line, 20) * many
