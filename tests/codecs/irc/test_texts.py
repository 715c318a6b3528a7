"""Texts: division into lines, formatting codes, and CTCP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.irc.texts import Ctcp, Piece, action, ctcp, lines, pieces, plain

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=600)


@given(texts, st.integers(64, 200))
def test_pieces_fit_and_are_the_text_when_joined(text: str, most: int) -> None:
    """Whatever the text, blanks and line breaks included."""
    found = list(pieces(text, most))
    assert all(len(piece.text.encode()) <= most for piece in found)
    joined = "".join(piece.text if piece.concat else f"\n{piece.text}" for piece in found)
    assert joined == f"\n{text}"


@given(texts, st.integers(64, 200))
def test_no_line_is_blank(text: str, most: int) -> None:
    """Clients drop a PRIVMSG without a text, or show it as an error."""
    assert all(line.strip() for line in lines(text, most))


def test_a_text_is_divided_after_a_blank() -> None:
    """The blank stays in the piece, and is removed where lines are sent singly."""
    text = "word " * 20
    assert list(pieces(text, 64)) == [Piece("word " * 12, False), Piece("word " * 8, True)]
    assert lines(text, 64) == [("word " * 12).rstrip(), ("word " * 8).rstrip()]


def test_a_text_without_blanks_is_divided_between_characters() -> None:
    """Never within the bytes of one."""
    assert lines("é" * 70, 64) == ["é" * 32, "é" * 32, "é" * 6]


def test_a_combining_mark_stays_with_its_letter() -> None:
    """So do the parts of an emoji that a joiner connects."""
    text = "x" * 63 + "e\u0301" + "y" * 10
    first, second = pieces(text, 64)
    assert first.text == "x" * 63
    assert second.text.startswith("e\u0301")
    family = "x" * 60 + "\U0001f469\u200d\U0001f467"
    assert [piece.text for piece in pieces(family, 64)] == ["x" * 60, "\U0001f469\u200d\U0001f467"]


def test_an_endless_run_of_combining_marks_is_divided() -> None:
    """Such a text must not make a line that is too long."""
    assert all(len(piece.text.encode()) <= 64 for piece in pieces("e" + "\u0301" * 100, 64))


@pytest.mark.parametrize(
    ("coded", "text"),
    [
        ("\x02bold\x02 \x1dsloped\x0f", "bold sloped"),
        ("\x034,12red on blue\x03", "red on blue"),
        ("\x0304red", "red"),
        ("\x033,no", ",no"),
        ("\x03123", "3"),
        ("\x04ff0000,00ff00hex\x04", "hex"),
        ("\x04fade", "fade"),
        ("\x11code\x16\x1e\x1f", "code"),
        ("1,2 plain", "1,2 plain"),
    ],
)
def test_formatting_codes_are_removed_with_their_numbers(coded: str, text: str) -> None:
    """A colour code takes at most two digits, so digits of the text stay."""
    assert plain(coded) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\x01ACTION waves\x01", Ctcp("ACTION", "waves")),
        ("\x01action waves", Ctcp("ACTION", "waves")),
        ("\x01VERSION\x01", Ctcp("VERSION", "")),
        ("\x01", Ctcp("", "")),
        ("hello", None),
        ("hello \x01", None),
    ],
)
def test_ctcp_is_recognised(text: str, found: Ctcp | None) -> None:
    """At the beginning of a text only; some clients leave the last `0x01` out."""
    assert ctcp(text) == found


def test_an_action_is_ctcp() -> None:
    """What the door sends for `/me`, other clients recognise."""
    assert ctcp(action("waves")) == Ctcp("ACTION", "waves")
