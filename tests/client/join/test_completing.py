"""Completion by the Tab key."""

from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from chatd.client.join.completing import PlaceCompleter
from chatd.client.join.places import Places


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("bo", ["bob: "]),
        ("hi BO", ["bob "]),
        ("hi @b", ["@bob "]),
        ("a", []),
        ("/jo", ["/join "]),
        ("/join d", ["#dev ", "#docs "]),
        ("see #de", ["#dev "]),
        ("/msg b", ["bob "]),
    ],
)
def test_tab_completes_names_rooms_and_commands(typed: str, texts: list[str]) -> None:
    """A name at the beginning of a line gets a colon; the user's own name is not offered."""
    places = Places("ada")
    places.open("dev").people = ["ada", "bob"]
    places.visit("dev")
    completer = PlaceCompleter(places, lambda: ["docs", "lobby"])
    found = completer.get_completions(Document(typed), CompleteEvent())
    assert [completion.text for completion in found] == texts


def test_tab_completes_the_other_person_of_a_conversation() -> None:
    """Without a visible place, nothing is offered."""
    places = Places("ada")
    completer = PlaceCompleter(places, list)
    assert [*completer.get_completions(Document("b"), CompleteEvent())] == []
    places.open("@bob")
    places.visit("@bob")
    assert [it.text for it in completer.get_completions(Document("b"), CompleteEvent())] == [
        "bob: "
    ]
