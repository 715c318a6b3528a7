"""The log of people: names, addresses and times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from chatd.model.addresses import Address
from chatd.model.commands import Rename, Say
from chatd.server.peoplelog import PeopleLog
from chatd.testing import InMemoryChat

HOME = Address("192.0.2.7")


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """The lines that are logged."""
    found: list[str] = []

    def observe(event: dict[str, Any]) -> None:
        if event.get("log_namespace") == "chatd.server.peoplelog":
            found.append(formatEvent(event))

    observer: Any = observe
    globalLogPublisher.addObserver(observer)
    yield found
    globalLogPublisher.removeObserver(observer)


def test_names_are_logged_with_their_addresses(chat: InMemoryChat, lines: list[str]) -> None:
    """A change of name is logged under the person's id; what is said is not logged."""
    PeopleLog(chat.service).switch(on=True)
    ada = chat.enter("ada", HOME)
    chat.perform(ada, Say("lobby", "a secret"))
    chat.perform(ada, Rename("eve"))
    chat.service.end(ada)
    chat.settle()
    assert lines[0] == f"guest {ada.id} took the name ada, from 192.0.2.7"
    assert sorted(lines[1:]) == [
        f"{ada.id} gave up the name ada",
        f"{ada.id} gave up the name eve",
        f"guest {ada.id} took the name eve, from 192.0.2.7",
    ]


def test_visitors_are_logged(chat: InMemoryChat, lines: list[str]) -> None:
    """At each use of a name, because they hold none."""
    PeopleLog(chat.service).switch(on=True)
    for _ in range(2):
        chat.service.visitor("cron", HOME)
    assert lines == ["a visitor used the name cron, from 192.0.2.7"] * 2


def test_nothing_is_logged_unless_it_is_asked_for(chat: InMemoryChat, lines: list[str]) -> None:
    """Addresses are personal data."""
    chat.enter("ada", HOME)
    chat.service.visitor("cron", HOME)
    assert lines == []
