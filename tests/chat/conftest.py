"""Persons of the tests of moderation, a delivery of push notifications, and nodes on one Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatd.chat.person import Person
from chatd.model.commands import Join
from chatd.testing import InMemoryChat

from ..kit.chat import PUBLIC, registered, with_account
from ..kit.push import FakeDelivery, pushing, subscribed
from ..kit.redis_chat import RedisChats


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


@pytest.fixture
def delivery(chat: InMemoryChat) -> FakeDelivery:
    """Push is on; ada's browser is to be notified."""
    registered(chat, "ada")
    delivery = pushing(chat)
    subscribed(chat, "ada")
    return delivery


@pytest.fixture
def chats() -> Iterator[RedisChats]:
    """Three nodes of one chat."""
    with RedisChats("a", "b", "c") as chats:
        yield chats
