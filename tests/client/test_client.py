"""The client's package: what programs import from it."""

from __future__ import annotations

import pytest

import chatd.client
from chatd.client.answers import Event
from chatd.client.chat import ChatClient, Events


def test_its_classes_are_imported_when_they_are_used() -> None:
    """`python -m chatd.client` has to start without Twisted."""
    assert chatd.client.ChatClient is ChatClient
    assert chatd.client.Event is Event
    assert chatd.client.Events is Events
    assert sorted(chatd.client.__all__) == ["ChatClient", "Event", "Events"]


def test_it_has_nothing_else() -> None:
    """As a module says it."""
    with pytest.raises(AttributeError, match="no attribute 'Chat'"):
        chatd.client.Chat  # noqa: B018
