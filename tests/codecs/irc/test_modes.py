"""Modes of channels: parsing, formatting, and flags as the settings of a room."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.irc import modes
from chatd.codecs.irc.message import form, parse
from chatd.codecs.irc.modes import Change

change = st.builds(Change, st.booleans(), st.sampled_from("qov"), st.from_regex(r"\A[a-z]{1,9}\Z"))


def room(**settings: object) -> SimpleNamespace:
    """The settings of a new room, except those that are given."""
    fresh = {"access": "open", "posting": "everyone", "topic_by": "everyone"}
    return SimpleNamespace(**{**fresh, "listed": True, "outside": True, **settings})


@pytest.mark.parametrize(
    ("params", "changes"),
    [
        (["+o", "ada"], [Change(True, "o", "ada")]),
        (["+o-v", "ada", "bob"], [Change(True, "o", "ada"), Change(False, "v", "bob")]),
        (["b"], [Change(True, "b")]),
        (["+imt"], [Change(True, "i"), Change(True, "m"), Change(True, "t")]),
        (["-i+b", "eve!*@*"], [Change(False, "i"), Change(True, "b", "eve!*@*")]),
        (["+ooooo", *"abcde"], [*(Change(True, "o", who) for who in "abcd"), Change(True, "o")]),
        ([], []),
        (["+"], []),
    ],
)
def test_mode_changes_are_parsed(params: list[str], changes: list[Change]) -> None:
    """Signs hold until the next sign; at most four changes take a parameter."""
    assert modes.read_changes(params) == changes


def test_mode_changes_are_formatted() -> None:
    """A sign is written only where it changes, and parameters follow in the same order."""
    changes = [Change(True, "o", "ada"), Change(True, "i"), Change(False, "v", "bob")]
    assert modes.write_changes(changes) == ["+oi-v", "ada", "bob"]


@given(st.lists(change, min_size=1, max_size=4))
def test_formatted_mode_changes_are_parsed_as_they_were(changes: list[Change]) -> None:
    """Clients parse them with the same rules."""
    line = parse(form("MODE", "#c", *modes.write_changes(changes)))
    assert line is not None
    assert modes.read_changes(line.params[1:]) == changes


def test_an_unknown_mode_is_marked_as_unknown() -> None:
    """So that each can be refused with its own letter."""
    assert [one.mode for one in modes.read_changes(["+kiZ", "x"]) if one.unknown] == ["k", "Z"]


def test_a_new_room_has_no_flags() -> None:
    """Each flag is a setting that differs from a new room's."""
    assert modes.flags_of(room()) == "+"
    assert modes.flags_of(room(access="members", listed=False, outside=False)) == "+ins"


@pytest.mark.parametrize(
    ("words", "before", "settings"),
    [
        ("+i", {}, {"access": "members"}),
        ("+i", {"access": "members"}, {}),
        ("+m", {}, {"posting": "voices"}),
        ("-M", {"posting": "voices"}, {}),
        ("-m", {"posting": "voices"}, {"posting": "everyone"}),
        ("-M+m", {"posting": "accounts"}, {"posting": "voices"}),
        ("+s-n", {"outside": False}, {"listed": False, "outside": True}),
    ],
)
def test_a_flag_is_a_setting_that_is_not_its_default(
    words: str, before: dict[str, object], settings: dict[str, object]
) -> None:
    """A flag that changes nothing is left out, and the last one of a setting counts."""
    assert modes.settings_of(modes.read_changes([words]), room(**before)) == settings


@given(st.sets(st.sampled_from("imnst")), st.sets(st.sampled_from("imnst")))
def test_a_change_of_flags_changes_the_settings_and_back(
    before: set[str], wanted: set[str]
) -> None:
    """From every set of flags to every other."""
    there = room(**modes.settings_of([Change(True, one) for one in before], room()))
    asked_for = [Change(one in wanted, one) for one in "imnst"]
    vars(there).update(modes.settings_of(asked_for, there))
    assert set(modes.flags_of(there)) == {"+", *wanted}
