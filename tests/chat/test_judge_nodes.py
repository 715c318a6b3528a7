"""Judgements of persons whose node, or whose name, was lost."""

from __future__ import annotations

import pytest

from chatd.chat import judge_nodes
from chatd.chat.elsewhere import elsewhere
from chatd.model.errors import NotAllowed
from chatd.model.events import Arrived, Departed, Left
from chatd.model.identity import decode_holder
from chatd.model.units import Change, Expect, Unit
from chatd.testing.policies import DenyAll

from ..kit.judging import OPEN, person, room


def test_a_name_that_stays_free_makes_its_earlier_claim_stale() -> None:
    """It writes the absent cell, and expects that it is absent."""
    unit = judge_nodes.stay_free("ada")
    assert unit == Unit((), (Change("names", "ada", None),), (Expect("names", "ada", 0),))


def test_a_released_person_leaves_each_room_and_its_name_is_free() -> None:
    """In one unit, which is stale if the person has another node by now."""
    dev, ops = room("dev"), room("ops")
    unit = judge_nodes.release(elsewhere(person("ada", 5)), [dev, ops], announce=True)
    assert list(unit.events) == [
        Left("dev", "ada"),
        Departed("dev", "ada", quit=True),
        Left("ops", "ada"),
        Departed("ops", "ada", quit=True),
    ]
    assert {(change.table, change.key, change.value) for change in unit.changes} == {
        ("in:dev", "ada", None),
        ("in:ops", "ada", None),
        ("names", "ada", None),
    }
    assert unit.expects == [Expect("names", "ada", 5)]


def test_a_release_that_is_not_announced_is_in_the_presence_stream_only() -> None:
    """The node went down in order: most of its people come back in a moment."""
    unit = judge_nodes.release(elsewhere(person()), [room()], announce=False)
    assert unit.events == [Departed("dev", "ada", quit=True)]


def test_a_name_is_claimed_again_in_the_same_rooms_without_an_announcement() -> None:
    """The person has never left; the unit is stale if another person has the name."""
    unit = judge_nodes.claim_again(OPEN, person("ada", 0, room("dev")))
    assert unit.events == [Arrived("dev", "ada")]
    changes = {change.table: change for change in unit.changes}
    assert decode_holder(changes["names"].value or b"").name == "ada"
    assert changes["in:dev"] == Change("in:dev", "ada", b"ada")
    assert unit.expects == [Expect("names", "ada", 0)]


def test_a_guest_that_claims_its_name_again_is_stored_again() -> None:
    """Its session over HTTP was lost with the name."""
    ada = person("ada", 0)
    ada.kept = "hash"
    unit = judge_nodes.claim_again(OPEN, ada)
    assert {change.table for change in unit.changes} == {"names", "guests"}


def test_the_policy_is_asked_before_a_name_is_claimed_again() -> None:
    """The person may be banned by now."""
    with pytest.raises(NotAllowed):
        judge_nodes.claim_again(DenyAll(), person())
