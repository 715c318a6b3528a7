"""CHATHISTORY: requests as ranges of ids, and the walk through pages that collects a range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.irc.history import END_OF_TIME, BadRequest, Stretch, Walk, read_request
from chatd.model.events import Said
from chatd.stream.eventlog import Entry

MOMENT = 1_764_425_030_123_000


AT = "timestamp=2025-11-29T14:03:50.123Z"


def log(*ids: int) -> list[Entry]:
    """Messages with these ids, as a store keeps them."""
    return [Entry(id_, Said("dev", "ada", str(id_))) for id_ in ids]


def walked(stretch: Stretch, kept: list[Entry], size: int) -> list[int]:
    """Walk over pages of that size, as a store has them."""
    walk = Walk(stretch, lambda entry: entry.id % 7 != 0)
    while not walk.done:
        if walk.after is not None:
            behind = [entry for entry in kept if entry.id > walk.after]
            walk.feed(behind[:size], more=len(behind) > size)
        else:
            before = [entry for entry in kept if walk.before is None or entry.id < walk.before]
            walk.feed(before[-size:], more=len(before) > size)
    return [entry.id for entry in walk.entries()]


@pytest.mark.parametrize(
    ("words", "stretches"),
    [
        ("LATEST #dev * 10", [Stretch(0, END_OF_TIME, False, 10)]),
        ("latest #dev msgid=5 10", [Stretch(5, END_OF_TIME, False, 10)]),
        ("BEFORE #dev msgid=5 5000", [Stretch(0, 5, False, 1000)]),
        (f"BEFORE #dev {AT} 10", [Stretch(0, MOMENT, False, 10)]),
        (f"AFTER #dev {AT} 10", [Stretch(MOMENT + 999, END_OF_TIME, True, 10)]),
        ("BETWEEN #dev msgid=5 msgid=9 3", [Stretch(5, 9, True, 3)]),
        ("BETWEEN #dev msgid=9 msgid=5 3", [Stretch(5, 9, False, 3)]),
        (
            "AROUND #dev msgid=5 3",
            [Stretch(0, 5, False, 1), Stretch(4, END_OF_TIME, True, 2)],
        ),
        ("TARGETS msgid=5 msgid=9 3", [Stretch(5, 9, True, 3)]),
    ],
)
def test_a_chathistory_request_selects_a_range_of_ids(words: str, stretches: list[Stretch]) -> None:
    """The bounds are exclusive, a timestamp means its whole millisecond, and a limit is lowered to
    1000.
    """
    assert list(read_request(words.split()).stretches) == stretches


@pytest.mark.parametrize(
    "words",
    [
        "",
        "OLDEST #dev 10",
        "LATEST #dev *",
        "LATEST #dev * x",
        "BEFORE #dev * 10",
        "BETWEEN #d msgid=1 10",
    ],
)
def test_a_malformed_chathistory_request_is_refused(words: str) -> None:
    """With the code that the specification gives for it."""
    with pytest.raises(BadRequest) as refused:
        read_request(words.split())
    assert refused.value.code == "INVALID_PARAMS"


@given(
    st.sets(st.integers(1, 20_000), max_size=60),
    st.integers(0, 20_000),
    st.integers(0, 20_000),
    st.booleans(),
    st.integers(0, 20),
    st.integers(1, 9),
)
def test_a_walk_collects_its_limit_and_the_rest_of_the_last_millisecond(
    ids: set[int], low: int, high: int, forwards: bool, count: int, size: int
) -> None:
    """Clients continue by millisecond timestamps, so a page that ended within one would lose its
    rest.
    """
    kept = log(*sorted(ids))
    all_of_it = [id_ for id_ in sorted(ids) if low < id_ < high and id_ % 7 != 0]
    found = walked(Stretch(low, high, forwards, count), kept, size)
    in_order = all_of_it if forwards else all_of_it[::-1]
    expected = in_order[:count]
    if expected:
        rest = [id_ for id_ in in_order[count:] if id_ // 1000 == expected[-1] // 1000]
        expected += rest
    assert found == (expected if forwards else expected[::-1])
