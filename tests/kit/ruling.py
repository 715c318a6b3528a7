"""What tests of moderators' commands ask of a chat."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.person import Person
from chatd.model.addresses import address_of
from chatd.model.commands import Command
from chatd.model.errors import ChatError
from chatd.model.rights import Role
from chatd.testing import InMemoryChat

from .chat import events

HERE = address_of("192.0.2.7")
PUBLIC = address_of("8.8.8.8")
SHARED = address_of("2001:db8:1:2::5")


def refusal(chat: InMemoryChat, person: Person, command: Command) -> ChatError:
    """Why a command is refused."""
    with pytest.raises(ChatError) as refused:
        chat.perform(person, command)
    return refused.value


def role(chat: InMemoryChat, person: Person, room: str = "dev") -> Role:
    """A person's role in a room."""
    return chat.room(room).rights.role(person.subject)


def last(chat: InMemoryChat, room: str = "dev") -> Any:
    """The last event of a room."""
    return events(chat, room)[-1]
