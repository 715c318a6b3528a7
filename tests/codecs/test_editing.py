"""Editing keys (backspace, ^U, ^W) in the lines of clients without local editing."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.editing import edited


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("helo\blo", "hello"),
        ("helo\x7flo", "hello"),
        ("\b\x7f\x17hello", "hello"),
        ("wrong\x15right", "right"),
        ("one two  \x17three", "one three"),
        ("one\x17\x17two", "two"),
        ("日本\b木", "日木"),
        ("cafe\u0301\bé", "café"),
        ("a\U0001f44d\U0001f3fd\b", "a"),
        ("a\U0001f469\u200d\U0001f469\u200d\U0001f467\b", "a"),
        ("a\U0001f1e9\U0001f1ea\b", "a"),
        ("\U0001f1e9\U0001f1ea\U0001f1e9\U0001f1ea\b", "\U0001f1e9\U0001f1ea"),
        ("\U0001f1e9\U0001f1ea\U0001f1e9\b", "\U0001f1e9\U0001f1ea"),
        ("\U0001f1e9\U0001f1ea\b\U0001f1e9\U0001f1ea\U0001f1e9\b", "\U0001f1e9\U0001f1ea"),
        ("\U0001f1e9\u0301\U0001f1ea\b", "\U0001f1e9\u0301"),
        ("\u0301\b", ""),
        ("\u2764\ufe0f\b", ""),
        ("N\bNA\bAM\bME\bE", "NAME"),
    ],
)
def test_editing_keys_erase_characters_words_and_lines(keys: str, line: str) -> None:
    """Whole grapheme clusters are erased; at the start of the line there is nothing to erase."""
    assert edited(keys) == line


@given(st.text())
def test_no_editing_key_remains_in_the_line(line: str) -> None:
    """For any input."""
    assert not set(edited(line)) & set("\b\x7f\x15\x17")


@given(st.text(st.characters(exclude_categories=["Cc"])))
def test_a_line_without_editing_keys_is_unchanged(line: str) -> None:
    """A ^U after it erases all of it."""
    assert edited(line) == line
    assert edited(f"{line}\x15") == ""


def lines_executed(line: str) -> int:
    """The number of lines of code that are executed to edit a line."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        edited(line)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("char", ["a", "\U0001f1e9", "\u0301", "\u200d", " "], ids=ascii)
@pytest.mark.parametrize("key", ["\b", "\x17"], ids=ascii)
def test_editing_takes_linear_time(char: str, key: str) -> None:
    """Erasing a flag emoji does not scan all flags before it."""
    short, long = (lines_executed(char * 2 * size + key * size) for size in (50, 500))
    assert long < 11 * short
