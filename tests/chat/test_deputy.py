"""Deputies: a connection that acts as an administrator's account."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.deputy import Deputy
from chatd.model.addresses import LOCAL
from chatd.model.errors import NotAllowed
from chatd.model.events import PutOut
from chatd.model.moderation import Kick
from chatd.testing import InMemoryChat

from ..kit.chat import administrator, events, refused, registered, set_account


def kicks(chat: InMemoryChat) -> list[PutOut]:
    return [event for event in events(chat) if isinstance(event, PutOut)]


def kick(chat: InMemoryChat, deputy: Deputy) -> type[Exception] | None:
    outcome = chat.service.perform(deputy, Kick("lobby", "bob", "spam"))
    chat.settle()
    return refused(outcome)


def test_a_deputy_acts_as_the_administrators_account(chat: InMemoryChat) -> None:
    """Without being present, or in the room."""
    deputy = chat.service.signed_in.deputy(administrator(chat, "ruth"), LOCAL)
    chat.enter("bob")
    assert kick(chat, deputy) is None
    (kicked,) = kicks(chat)
    assert (kicked.sender, kicked.target, kicked.account) == ("ruth", "bob", True)
    assert chat.service.people.own("ruth") is None


def test_an_account_that_is_no_administrators_has_no_deputy(chat: InMemoryChat) -> None:
    proof = registered(chat, "ada")
    with pytest.raises(NotAllowed):
        chat.service.signed_in.deputy(proof, LOCAL)


@pytest.mark.parametrize("fields", [{"admin": False}, {"epoch": 7}])
def test_a_deputy_may_do_nothing_when_its_account_has_changed(
    chat: InMemoryChat, fields: dict[str, Any]
) -> None:
    """Rights taken away; another password, or deletion, which begin another epoch."""
    proof = administrator(chat, "ruth")
    deputy = chat.service.signed_in.deputy(proof, LOCAL)
    chat.enter("bob")
    set_account(chat, proof, **fields)
    assert not deputy.admin
    assert kick(chat, deputy) is NotAllowed
    assert kicks(chat) == []
