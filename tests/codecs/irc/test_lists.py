"""Lists of names, WHOX, and the conditions of LIST."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.irc.lists import Elist, Whox, in_lines, read_elist, read_whox, whox
from chatd.codecs.irc.message import MAX_BODY


@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)), st.integers(0, 200)
)
def test_a_list_of_words_is_divided_into_lines_that_fit(words: list[str], overhead: int) -> None:
    """No word is lost, repeated or moved."""
    lines = list(in_lines(words, overhead, ","))
    assert all(len(line.encode()) + overhead <= MAX_BODY for line in lines)
    assert ",".join(lines) == ",".join(words)


def test_a_whox_answer_has_the_requested_fields_in_whox_order() -> None:
    """In whatever order they were requested; the field of an address holds a placeholder."""
    asked = read_whox("%natc,321")
    assert asked == Whox("tcna", "321")
    row = {"c": "#dev", "n": "ada", "a": "0"}
    assert whox(asked._replace(fields="tcna"), {**row, "r": "Ada L."}) == (
        ["321", "#dev", "ada", "0"],
        None,
    )
    assert whox(read_whox("%ir"), {"r": "Ada L."}) == (["255.255.255.255"], "Ada L.")


@pytest.mark.parametrize(
    ("option", "asked"),
    [
        ("", Whox("")),
        ("o", Whox("", ops=True)),
        ("%t", Whox("t")),
        ("o%n,1234", Whox("n", ops=True)),
        ("%xyz", Whox("")),
    ],
)
def test_unknown_whox_fields_are_ignored(option: str, asked: Whox) -> None:
    """And so is a token that is too long."""
    assert read_whox(option) == asked


def test_list_selects_rooms_by_name_mask_and_number_of_people() -> None:
    """A mask after `!` excludes rooms; numbers of people are exclusive bounds."""
    assert read_elist("#Dev,*an?,!#x*,>1,<9") == Elist(("#dev",), ("*an?",), ("#x*",), 1, 9)
    wanted = read_elist("*an1")
    assert wanted.wants("#chan1", 1)
    assert not wanted.wants("#chan2", 1)
    assert not read_elist("!*an1").wants("#chan1", 1)
    assert read_elist("!*an1").wants("#chan2", 1)
    assert read_elist(">1").wants("#dev", 2)
    assert not read_elist("<2").wants("#dev", 2)
    assert read_elist("#dev").wants("#dev", 1)
    assert not read_elist("#dev").wants("#lobby", 1)
