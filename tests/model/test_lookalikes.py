"""Names that could be taken for others."""

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
    scripts_differ,
    skeletons,
    speaks_for_server,
)
from chatd.model.names import clean_name, name_key


def everyone(other: str) -> bool:
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
"""One of ASCII, and one that is not."""
UNLIKE = [
    ("eva", "éva"),
    ("muller", "müller"),
    ("kofi", "kɔfi"),
    ("ada", "ада"),
    ("dev", "戴夫"),
    ("au", "ау"),
]


@pytest.mark.parametrize(("name", "other"), ALIKE)
def test_a_name_is_found_by_one_that_looks_like_it(name: str, other: str) -> None:
    """Whichever of the two was there first."""
    for here, new in ((name, other), (other, name)):
        names = Lookalikes()
        names.add(here)
        assert names.find(new, everyone) == here
        assert names.find(new, lambda found, here=here: found != here) is None  # type: ignore[misc]
        names.discard(here)
        assert names.find(new, everyone) is None


@pytest.mark.parametrize(("name", "other"), UNLIKE)
def test_an_accent_or_another_alphabet_makes_another_name(name: str, other: str) -> None:
    """Only what looks the same is taken for the same."""
    assert skeletons(name).isdisjoint(skeletons(other))


ascii_names = st.text(string.ascii_letters + string.digits + "_-.[]{}|^", min_size=1, max_size=32)
any_names = st.text(st.characters(categories=["L", "Nd", "Mn"]), min_size=1, max_size=32)


@given(ascii_names, ascii_names)
def test_two_names_of_ascii_are_never_confusable(name: str, other: str) -> None:
    """In spite of l, I and 1, which differ for people who type them."""
    names = Lookalikes()
    names.add(name)
    assert names.find(other, everyone) is None


def test_l_and_1_are_two_letters_in_ascii_and_one_beside_other_scripts() -> None:
    """The exception is for names of ASCII characters only."""
    names = Lookalikes()
    names.add("al1")
    assert names.find("a11", everyone) is None
    assert names.find("аll", everyone) == "al1"


@given(ascii_names)
def test_the_short_way_for_ascii_comes_to_the_same(name: str) -> None:
    """It needs no tables."""
    assert skeletons(name) == lookalikes._skeletons(name) - {
        lookalikes._skeleton("".join(map(lookalikes._called, name)).casefold())
    } | lookalikes._ascii_skeletons(name)


@given(any_names)
def test_a_name_looks_like_itself_in_any_case(name: str) -> None:
    """And a skeleton looks like what it was made of."""
    try:
        shown = clean_name(name)
    except BadName:
        return
    own = skeletons(shown)
    assert own & skeletons(name_key(shown))
    assert all(lookalikes._skeleton(skeleton) == skeleton for skeleton in own)


def test_every_letter_that_tr39_knows_looks_like_its_prototype() -> None:
    """In a table in which no prototype has another one."""
    table = lookalikes._prototypes()
    assert len(table) > 5000
    for char, prototype in table.items():
        assert all(ord(part) not in table for part in prototype), chr(char)
        assert unicodedata.category(chr(char))[0] in "LMNS"


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["ada", "аda", "Ada", "bob", "bоb"]))))
def test_names_come_and_go_and_nothing_is_kept_of_them(steps: list[tuple[bool, str]]) -> None:
    """Added twice is added once."""
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
        assert (names.find("аda", everyone) is None) == (not alike)
    names.keep(lambda name: False)
    assert len(names) == 0
    assert [names._ascii, names._others] == [{}, {}]


def test_a_name_is_looked_up_and_not_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten thousand names only those with a common skeleton are examined."""
    names = Lookalikes()
    for number in range(10_000):
        names.add(f"person{number}")
    names.add("аdа")
    looked_at: list[str] = []

    def counts(other: str) -> bool:
        looked_at.append(other)
        return True

    assert names.find("ada", counts) == "аdа"
    assert names.find("реrsоn", counts) is None
    assert looked_at == ["аdа"]


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
def test_names_that_speak_for_the_server_are_reserved(name: str) -> None:
    """In any case, and in letters that look like theirs."""
    assert speaks_for_server(clean_name(name))


@pytest.mark.parametrize("name", ["guеst-0001", "gυest-1", "guest-О1"])
def test_a_guest_s_name_is_reserved_also_in_other_letters(name: str) -> None:
    """The server gives those."""
    assert speaks_for_server(clean_name(name))


@pytest.mark.parametrize("name", ["ada", "serve", "admin1", "guеst", "guеst-one", "bot", "ci"])
def test_a_name_that_only_resembles_a_reserved_one_is_allowed(name: str) -> None:
    """No more names are taken away than need be."""
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
def test_scripts_are_those_of_the_letters(one: str, other: str, differ: bool) -> None:
    """Digits and marks belong to all."""
    assert scripts_differ(one, other) is differ


def test_the_tables_can_be_read_beforehand() -> None:
    """At the start, rather than for the first name."""
    lookalikes.prepare()
    assert lookalikes._prototypes.cache_info().currsize == 1


@given(any_names)
def test_any_name_has_skeletons(name: str) -> None:
    """Nothing that passes as a name raises."""
    try:
        shown = clean_name(name)
    except ChatError:
        return
    assert 1 <= len(skeletons(shown)) <= 3
