"""Texts of messages: what is cleaned, and what is refused."""

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.model.errors import BadName, BadRoom, BadText, TextTooLong
from chatd.model.names import clean_name, clean_room
from chatd.model.text import (
    _ESCAPES,
    MAX_LINE_BREAKS,
    clean_phrase,
    clean_text,
    counted,
    printable,
)

UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
"""C0 except LF and tab, DEL, C1, bidi embeddings, overrides and isolates, U+2028 and U+2029."""

strings = st.text(st.characters(), max_size=60) | st.text(
    "ab é\r\n\t\0\x1b\x7f\x85\x9b\u2028\u2029\u202e\u2069\u200b\ud800\U0001f600", max_size=40
)
limits = st.integers(1, 100)


@given(strings, limits)
@example("\r\0\n", 10)
@example("a\ud83d\ude00", 10)
@example(" \n a \n ", 10)
def test_any_string_is_a_safe_text_or_refused(text: str, limit: int) -> None:
    """Only `BadText` and `TextTooLong` are raised; cleaning a clean text again does not
    change it.
    """
    try:
        clean = clean_text(text, limit)
    except (BadText, TextTooLong):
        return
    assert not UNSAFE.search(clean)
    assert 1 <= len(clean.encode()) <= limit
    assert clean.strip()
    assert clean_text(clean, limit) == clean


@given(st.text("abc é李\U0001f600", min_size=1).map(str.strip).filter(bool))
def test_a_plain_text_is_not_changed(text: str) -> None:
    """Most texts need no cleaning."""
    assert clean_text(text, 10_000) == text


@given(strings, limits)
@example("a\x01 b", 10)
@example("a \x01 b", 10)
@example("\x01 b", 10)
@example("a\n b", 10)
def test_any_phrase_is_one_line_or_refused(text: str, limit: int) -> None:
    """A topic or farewell may be empty; cleaning a clean phrase again does not change it."""
    try:
        clean = clean_phrase(text, limit)
    except (BadText, TextTooLong):
        return
    assert not UNSAFE.search(clean)
    assert "\n" not in clean
    assert clean == clean.strip()
    assert len(clean.encode()) <= limit
    assert clean_phrase(clean, limit) == clean


@given(strings.map(lambda text: re.sub("[\x1b\x90\x98\x9b\x9d-\x9f]", "", text)))
def test_printable_removes_terminal_controls_and_nothing_else(text: str) -> None:
    """Line feeds and tabs are kept."""
    without_controls = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "", text)
    assert printable(text) == without_controls


ESCAPES = {
    "colour": "\x1b[31m",
    "colours": "\x1b[38;5;196;48:2::1:2:3m",
    "the end of colour": "\x1b(B\x1b[m",
    "an arrow key": "\x1b[A",
    "an arrow key of an application": "\x1bOA",
    "a function key": "\x1b[15~",
    "a function key of the Linux console": "\x1b[[A",
    "a cursor's position": "\x1b[12;40H",
    "a private mode": "\x1b[?25l",
    "a cursor's shape": "\x1b[2 q",
    "a cut sequence": "\x1b[31",
    "a title": "\x1b]0;mine\x07",
    "a title ended properly": "\x1b]2;mine\x1b\\",
    "a title ended in one byte": "\x1b]2;mine\x9c",
    "a link": "\x1b]8;;http://evil.example\x1b\\\x1b]8;;\x1b\\",
    "a device control string": "\x1bP1;1|17/ab\x1b\\",
    "a picture in lines": "\x1bPq#0;2;0;0;0\n#0~~@@\n\x1b\\",
    "a command of an application": "\x1b_Gf=24;AAAA\x1b\\",
    "a private message": "\x1b^hidden\x1b\\",
    "colour in 8 bits": "\x9b31m",
    "a title in 8 bits": "\x9d0;mine\x07",
    "a title in 8 bits ended so": "\x9d0;mine\x9c",
    "a device control string in 8 bits": "\x90q#0\n#1\x9c",
    "a string in 8 bits": "\x98hidden\x1b\\",
    "a private message in 8 bits": "\x9ehidden\x9c",
    "a command of an application in 8 bits": "\x9fGf=24;AAAA\x9c",
    "a reset": "\x1bc",
    "a saved cursor": "\x1b7",
    "an index": "\x1bM",
    "7-bit controls": "\x1b F",
    "a character set": "\x1b$)C",
    "a NUL within": "\x1b\0[3\x011m",
    "ESC": "\x1b",
    "ESC twice": "\x1b\x1b[A",
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_escape_sequences_are_removed_whole(escape: str) -> None:
    """Their parameters and strings go too, because a terminal would not show them either."""
    assert printable(escape) == ""
    assert clean_text(f"{escape}é{escape}ü", 1000) == "éü"
    with pytest.raises(BadText, match="this message is empty"):
        clean_text(escape, 1000)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("hello \x1b]0;no end\nthere", "hello \nthere"),
        ("hello \x9d0;no end\nthere", "hello \nthere"),
        ("\x1bPone\x1b[31mred", "red"),
        ("\x90one\x9b31mred", "red"),
        ("[31m", "[31m"),
        ("\x1b日本", "日本"),
        ("\x1b[31日本", "日本"),
        ("\x1b hello", " hello"),
    ],
)
def test_text_outside_escape_sequences_is_kept(text: str, clean: str) -> None:
    """An unterminated string ends at its line, so it does not swallow the next line."""
    assert clean_text(text, 1000) == clean


@given(st.text("\x1b[]P\\\x07;0Am\n \x90\x9b\x9c\x9d", max_size=60))
def test_removing_escape_sequences_leaves_none_behind(text: str) -> None:
    """However the sequences are nested."""
    clean = printable(text)
    assert "\x1b" not in clean
    assert printable(clean) == clean


@pytest.mark.parametrize("begin", ["\x1b]", "\x9d", "\x1b_\x90"], ids=ascii)
def test_an_unterminated_escape_string_is_scanned_in_linear_time(begin: str) -> None:
    """The pattern is possessive (`*+`): it stops at the next ESC and does not backtrack."""
    assert printable(f"{begin}0;\n" * 10_000) == "\n" * 10_000
    assert "*+" in _ESCAPES.pattern


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("one\r\ntwo\rthree\u2028four\u2029five", "one\ntwo\nthree\nfour\nfive"),
        ("a\tb", "a\tb"),
        ("def f():\n\treturn 1\t\n", "def f():\n\treturn 1"),
        ("\tindented", "\tindented"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\0b\x07c\x7f\x81d", "abcd"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("\n\n  indented\n\n", "  indented"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("नमस्ते שלום", "नमस्ते שלום"),
    ],
    ids=[
        "line ends",
        "tab",
        "code",
        "a tab first",
        "escape",
        "controls",
        "bidi",
        "edges",
        "a family",
        "other scripts",
    ],
)
def test_harmful_characters_are_removed_and_the_rest_is_kept(text: str, clean: str) -> None:
    """Line ends are normalized, controls removed, and other scripts and emoji kept."""
    assert clean_text(text, 1000) == clean


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\r\n", "\t", "\0\x1b\x7f", "\u200b\u2060\ufeff", "\u00a0\u3000", "\u202e\u202c"],
    ids=["empty", "space", "breaks", "tab", "controls", "zero-width", "wide spaces", "bidi"],
)
def test_a_blank_message_is_refused(text: str) -> None:
    """Readers would see an empty line."""
    with pytest.raises(BadText, match="this message is empty"):
        clean_text(text, 1000)


INVISIBLE = [
    *"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e\u180f\u200b\u200f\u2060\u2064",
    *"\u2065\u206f\u2800\u3164\ufe0f\ufeff\uffa0\ufff0\U0001bca0\U0001d159\U0001d173",
    *"\U00013441\U00013442\U00016fe4\U000e0001\U000e0041\U000e0100\U000e0fff",
]
"""Characters that are ignorable by default, or drawn as nothing."""


@pytest.mark.parametrize("char", INVISIBLE, ids=lambda char: f"U+{ord(char):04X}")
def test_a_message_or_name_of_invisible_characters_is_refused(char: str) -> None:
    """Invisible characters beside visible ones are allowed in messages, but not in names."""
    for blank in (char, f" {char} ", char * 100, f"{char}\n\u2800\u200d"):
        with pytest.raises(BadText, match="this message is empty"):
            clean_text(blank, 1000)
    assert clean_text(f"{char}a", 1000).endswith("a")
    for name in (char, char * 3, f"ada{char}"):
        with pytest.raises(BadName):
            clean_name(name)
        with pytest.raises(BadRoom):
            clean_room(name)


@pytest.mark.parametrize("clean", [clean_text, clean_phrase])
@pytest.mark.parametrize("text", ["\ud800", "hello \udfff", "\ude00\ud83d"])
def test_a_lone_surrogate_is_refused(clean: Callable[[str, int], str], text: str) -> None:
    """No door could encode it, and one such message would break a room's stream."""
    with pytest.raises(BadText, match="surrogate"):
        clean(text, 1000)


def test_the_text_limit_counts_utf8_bytes_after_cleaning() -> None:
    """A text of exactly the limit is accepted."""
    assert clean_text("é" * 5 + "\0\n\n", 10) == "ééééé"
    with pytest.raises(TextTooLong, match="at most 10 bytes, this one has 11"):
        clean_text("é" * 5 + "x", 10)


@pytest.mark.parametrize("clean", [clean_text, clean_phrase])
@pytest.mark.parametrize(
    "text", ["\x1b" * 60_000, " " * 60_000, "\n" * 60_000], ids=["ESC", " ", "LF"]
)
def test_a_far_too_long_text_is_refused_before_cleaning(
    clean: Callable[[str, int], str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cleaning costs time; escape sequences in a message still have room."""
    assert clean("\x1b[1m" * 700 + "x", 1024) == "x"
    monkeypatch.setattr("chatd.model.text.printable", None)
    with pytest.raises(TextTooLong, match="at most 4096 bytes, this one has 60000 characters"):
        clean(text, 4096)


def test_a_message_has_at_most_fifty_line_breaks() -> None:
    """Enough for a pasted function, too few to fill a screen."""
    lines = "x\r\n" * MAX_LINE_BREAKS + "x"
    assert clean_text(lines, 1000).count("\n") == 50
    with pytest.raises(TextTooLong, match="at most 50 line breaks"):
        clean_text(lines + "\nx", 1000)


@pytest.mark.parametrize(
    ("text", "clean"),
    [("", ""), ("  ", ""), ("\n", ""), ("tea\r\nat  five ", "tea at five"), ("a\tb", "a b")],
)
def test_whitespace_in_a_phrase_is_collapsed(text: str, clean: str) -> None:
    """Line breaks and runs of spaces become one space; an empty phrase is valid."""
    assert clean_phrase(text, 100) == clean


def test_a_count_of_one_has_no_plural() -> None:
    """In logs as in answers."""
    assert [counted(number, "request") for number in (0, 1, 2)] == [
        "0 requests",
        "1 request",
        "2 requests",
    ]
