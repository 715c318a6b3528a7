"""People of the tests of moderation."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.model.commands import Join
from chatd.testing import InMemoryChat

from ..kit.chat import with_account
from ..kit.ruling import PUBLIC


@pytest.fixture
def ada(chat: InMemoryChat) -> Person:
    """The owner of #dev."""
    person = with_account(chat, "ada")
    chat.perform(person, Join("dev"))
    return person


@pytest.fixture
def bob(chat: InMemoryChat, ada: Person) -> Person:
    """An account in #dev, without a role."""
    person = with_account(chat, "bob", address=PUBLIC)
    chat.perform(person, Join("dev"))
    return person
