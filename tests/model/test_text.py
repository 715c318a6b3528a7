"""What a message's text may be."""

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.model.errors import BadText, TextTooLong
from chatd.model.text import MAX_LINE_BREAKS, clean_phrase, clean_text, printable

UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
"""C0 but LF, DEL, C1, bidi embeddings, overrides and isolates, and Unicode's own line ends."""

strings = st.text(st.characters(), max_size=60) | st.text(
    "ab é\r\n\t\0\x1b\x7f\x85\x9b\u2028\u2029\u202e\u2069\u200b\ud800\U0001f600", max_size=40
)
limits = st.integers(1, 100)


@given(strings, limits)
@example("\r\0\n", 10)
@example("a\ud83d\ude00", 10)
@example(" \n a \n ", 10)
def test_any_string_is_a_text_or_refused(text: str, limit: int) -> None:
    """`BadText` or `TextTooLong` and nothing else; and what is taken harms nobody."""
    try:
        clean = clean_text(text, limit)
    except (BadText, TextTooLong):
        return
    assert not UNSAFE.search(clean)
    assert 1 <= len(clean.encode()) <= limit
    assert clean.strip()
    assert clean_text(clean, limit) == clean


@given(st.text("abc é李\U0001f600", min_size=1).map(str.strip).filter(bool))
def test_a_plain_text_stays_as_it_is(text: str) -> None:
    """Most texts need no cleaning."""
    assert clean_text(text, 10_000) == text


@given(strings, limits)
@example("a\x01 b", 10)
@example("a \x01 b", 10)
@example("\x01 b", 10)
@example("a\n b", 10)
def test_any_phrase_is_one_line_or_refused(text: str, limit: int) -> None:
    """A topic or a parting word: perhaps empty, never broken, and taken again as it is."""
    try:
        clean = clean_phrase(text, limit)
    except (BadText, TextTooLong):
        return
    assert not UNSAFE.search(clean)
    assert "\n" not in clean
    assert clean == clean.strip()
    assert len(clean.encode()) <= limit
    assert clean_phrase(clean, limit) == clean


@given(strings)
def test_printable_takes_out_what_steers_a_terminal_and_nothing_else(text: str) -> None:
    """Line feeds stay, and a tab becomes a space."""
    unsteered = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "", text)
    assert printable(text) == unsteered.replace("\t", " ")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("one\r\ntwo\rthree\u2028four\u2029five", "one\ntwo\nthree\nfour\nfive"),
        ("a\tb", "a b"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\0b\x07c\x7f\x9bd", "abcd"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("\n\n  indented\n\n", "  indented"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("नमस्ते שלום", "नमस्ते שלום"),
    ],
    ids=["line ends", "tab", "escape", "controls", "bidi", "edges", "a family", "other scripts"],
)
def test_texts_are_cleaned_so(text: str, clean: str) -> None:
    """What harms is taken out, and the rest stays."""
    assert clean_text(text, 1000) == clean


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\r\n", "\t", "\0\x1b\x7f", "\u200b\u2060\ufeff", "\u00a0\u3000", "\u202e\u202c"],
    ids=["empty", "space", "breaks", "tab", "controls", "zero-width", "wide spaces", "bidi"],
)
def test_a_message_with_nothing_to_see_is_refused(text: str) -> None:
    """Nobody should wonder what somebody did not say."""
    with pytest.raises(BadText, match="nothing to see"):
        clean_text(text, 1000)


@pytest.mark.parametrize("clean", [clean_text, clean_phrase])
@pytest.mark.parametrize("text", ["\ud800", "hello \udfff", "\ude00\ud83d"])
def test_half_a_character_is_refused(clean: Callable[[str, int], str], text: str) -> None:
    """No door could write it out again, and one such message would break a room."""
    with pytest.raises(BadText, match="surrogate"):
        clean(text, 1000)


def test_the_limit_is_in_bytes_and_reached_exactly() -> None:
    """Of UTF-8, and after cleaning."""
    assert clean_text("é" * 5 + "\0\n\n", 10) == "ééééé"
    with pytest.raises(TextTooLong, match="at most 10 bytes, this one has 11"):
        clean_text("é" * 5 + "x", 10)


def test_a_message_has_at_most_fifty_line_breaks() -> None:
    """A pasted function, but nobody's whole screen."""
    lines = "x\r\n" * MAX_LINE_BREAKS + "x"
    assert clean_text(lines, 1000).count("\n") == 50
    with pytest.raises(TextTooLong, match="at most 50 line breaks"):
        clean_text(lines + "\nx", 1000)


@pytest.mark.parametrize(
    ("text", "clean"),
    [("", ""), ("  ", ""), ("\n", ""), ("tea\r\nat  five ", "tea at five"), ("a\tb", "a b")],
)
def test_a_phrase_is_one_line_and_may_be_empty(text: str, clean: str) -> None:
    """Line breaks and runs of spaces become one space."""
    assert clean_phrase(text, 100) == clean
