"""The client's package: what programs import from it."""

from __future__ import annotations

import pytest

import chatd.client
from chatd.client.answers import Event
from chatd.client.chat import ChatClient, Events


def test_the_package_imports_its_classes_lazily() -> None:
    """So `python -m chatd.client` can report missing libraries in one line."""
    assert chatd.client.ChatClient is ChatClient
    assert chatd.client.Event is Event
    assert chatd.client.Events is Events
    assert sorted(chatd.client.__all__) == ["ChatClient", "Event", "Events"]


def test_an_unknown_name_raises_attribute_error() -> None:
    """As in any module."""
    with pytest.raises(AttributeError, match="no attribute 'Chat'"):
        chatd.client.Chat  # noqa: B018
