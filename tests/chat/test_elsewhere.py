"""Persons of other nodes."""

from __future__ import annotations

from msgspec import UNSET

from chatd.chat.elsewhere import elsewhere
from chatd.model.units import Expect

from ..kit.judging import person


def test_a_person_that_goes_on_elsewhere_is_the_same_to_units_and_to_the_policy() -> None:
    """Same subject, same cell; of its state only what the cell says is known."""
    ada = person("Ada", 5)
    ada.since = 3
    there = elsewhere(ada)
    assert (there.id, there.name, there.key, there.since) == ("a1", "Ada", "ada", 3)
    assert there.subject == ada.subject
    assert there.expect == ada.expect == Expect("names", "ada", 5)


def test_its_events_say_whether_it_is_signed_in() -> None:
    """As the events of a person of this node do."""
    ada = person()
    assert elsewhere(ada).signed is UNSET
    ada.account = "ada"
    assert elsewhere(ada).signed is True
