"""Confusable names: names that look like others (Unicode TR 39)."""

from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model import lookalikes
from chatd.model.errors import BadName, ChatError
from chatd.model.lookalikes import (
    RESERVED,
    Lookalikes,
    load_tables,
    scripts_differ,
    skeletons,
    speaks_for_server,
)
from chatd.model.names import clean_name, name_key


def any_name(other: str) -> bool:
    return True


ALIKE = [
    ("ada", "аda"),
    ("ada", "аdа"),
    ("ADA", "аda"),
    ("paypal", "раураl"),
    ("PAYPAL", "РАУРАL"),
    ("alice", "ꭰlice"),
    ("Hans", "Нans"),
    ("ida", "Іda"),
    ("lda", "Іda"),
    ("bob", "bοb"),
    ("amy", "аrny"),
    ("o0", "০0"),
    ("scope", "ѕсоре"),
    ("mel", "me\u04cf"),
    ("joe10", "joe\u04cf0"),
    ("ada", "\u1d00da"),
    ("ada", "\u1d00\u1d05\u1d00"),
    ("bob", "\u0185ob"),
    ("lina", "L\u0130na"),
    ("lina", "l\u0131na"),
    ("dijon", "dij\u0307on"),
]
"""Pairs of confusable names: the first is ASCII, the second is not."""
UNLIKE = [
    ("eva", "éva"),
    ("muller", "müller"),
    ("kofi", "kɔfi"),
    ("ada", "ада"),
    ("dev", "戴夫"),
    ("au", "ау"),
]


@pytest.mark.parametrize(("name", "other"), ALIKE)
def test_a_confusable_name_is_found(name: str, other: str) -> None:
    """Whichever of the two names was taken first."""
    for here, new in ((name, other), (other, name)):
        names = Lookalikes()
        names.add(here)
        assert names.find(new, any_name) == here
        assert names.find(new, lambda found, here=here: found != here) is None  # type: ignore[misc]
        names.discard(here)
        assert names.find(new, any_name) is None


@pytest.mark.parametrize(("name", "other"), UNLIKE)
def test_names_that_look_different_are_not_confusable(name: str, other: str) -> None:
    """An accent, or letters of another alphabet with other shapes, make a different name."""
    assert skeletons(name).isdisjoint(skeletons(other))


ascii_names = st.text(string.ascii_letters + string.digits + "_-.[]{}|^", min_size=1, max_size=32)
any_names = st.text(st.characters(categories=["L", "Nd", "Mn"]), min_size=1, max_size=32)


@given(ascii_names, ascii_names)
def test_two_ascii_names_are_never_confusable(name: str, other: str) -> None:
    """Although l, I and 1 look alike, users who type ASCII tell them apart."""
    names = Lookalikes()
    names.add(name)
    assert names.find(other, any_name) is None


def test_l_and_1_are_confusable_only_if_one_name_is_not_ascii() -> None:
    """The exception holds only between two ASCII names."""
    names = Lookalikes()
    names.add("al1")
    assert names.find("a11", any_name) is None
    assert names.find("аll", any_name) == "al1"


@given(ascii_names)
def test_ascii_fast_path_gives_the_same_skeletons_as_the_tables(name: str) -> None:
    """The fast path does not load the TR 39 tables."""
    assert skeletons(name) == lookalikes._skeletons(name) - {
        lookalikes._skeleton("".join(map(lookalikes._called, name)).casefold())
    } | lookalikes._ascii_skeletons(name)


@given(any_names)
def test_a_name_is_confusable_with_itself_in_any_case(name: str) -> None:
    """A skeleton is its own skeleton."""
    try:
        shown = clean_name(name)
    except BadName:
        return
    own = skeletons(shown)
    assert own & skeletons(name_key(shown))
    assert all(lookalikes._skeleton(skeleton) == skeleton for skeleton in own)


def test_no_tr39_prototype_has_another_prototype() -> None:
    """So one table look-up is enough for each character."""
    table = lookalikes._prototypes()
    assert len(table) > 5000
    for char, prototype in table.items():
        assert all(ord(part) not in table for part in prototype), chr(char)
        assert unicodedata.category(chr(char))[0] in "LMNS"


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["ada", "аda", "Ada", "bob", "bоb"]))))
def test_discarded_names_leave_nothing_in_the_index(steps: list[tuple[bool, str]]) -> None:
    """Adding a name twice is the same as adding it once."""
    names, here = Lookalikes(), set()
    for come, name in steps:
        if come:
            names.add(name)
            here.add(name)
        else:
            names.discard(name)
            here.discard(name)
        assert len(names) == len(here)
        alike = {other for other in here if not skeletons("аda").isdisjoint(skeletons(other))}
        assert (names.find("аda", any_name) is None) == (not alike)
    names.keep(lambda name: False)
    assert len(names) == 0
    assert [names._ascii, names._others] == [{}, {}]


def test_only_names_with_a_common_skeleton_are_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is a hash table: ten thousand other names cost nothing."""
    names = Lookalikes()
    for number in range(10_000):
        names.add(f"person{number}")
    names.add("аdа")
    examined: list[str] = []

    def counts(other: str) -> bool:
        examined.append(other)
        return True

    assert names.find("ada", counts) == "аdа"
    assert names.find("реrsоn", counts) is None
    assert examined == ["аdа"]


@pytest.mark.parametrize(
    "name",
    [
        *sorted(RESERVED),
        "SERVER",
        "Admin",
        "аdmin",
        "sеrvеr",
        "Rооt",
        "ADM\u0130N",
        "ro\u1d0f\u1d1b",
    ],
)
def test_names_that_impersonate_the_server_are_reserved(name: str) -> None:
    """In any case, and in confusable letters."""
    assert speaks_for_server(clean_name(name))


@pytest.mark.parametrize("name", ["guеst-0001", "gυest-1", "guest-О1"])
def test_confusable_spellings_of_guest_names_are_reserved(name: str) -> None:
    """Only the server gives guest names."""
    assert speaks_for_server(clean_name(name))


@pytest.mark.parametrize("name", ["ada", "serve", "admin1", "guеst", "guеst-one", "bot", "ci"])
def test_a_name_that_only_resembles_a_reserved_one_is_allowed(name: str) -> None:
    """Only reserved names and their confusables are refused."""
    assert not speaks_for_server(clean_name(name))


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("dev", "dеv", True),
        ("дев", "dev", True),
        ("dev", "dév", False),
        ("дев", "дев1", False),
        ("dev", "0-0", False),
        ("日本", "日本-1", False),
    ],
)
def test_scripts_of_names_are_compared_by_letters(one: str, other: str, differ: bool) -> None:
    """Digits and marks belong to every script."""
    assert scripts_differ(one, other) is differ


def test_prepare_loads_the_tr39_tables() -> None:
    """So the tables are loaded at startup, not by the first name."""
    lookalikes.prepare()
    assert lookalikes._prototypes.cache_info().currsize == 1


@given(any_names)
def test_every_valid_name_has_skeletons(name: str) -> None:
    """No valid name makes the functions raise."""
    try:
        shown = clean_name(name)
    except ChatError:
        return
    assert 1 <= len(skeletons(shown)) <= 3


def test_loaded_tables_are_not_read_again() -> None:
    """A start reads them beside other work, so that the first name does not wait for a file."""
    load_tables()
    before = lookalikes._prototypes.cache_info().misses
    assert skeletons("аd") & skeletons("ad")  # the first letter of the former is Cyrillic
    assert lookalikes._prototypes.cache_info().misses == before
