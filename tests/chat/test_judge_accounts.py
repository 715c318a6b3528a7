"""Registrations that meet, as they are judged (`chatd.chat.judge_accounts`)."""

from __future__ import annotations

import pytest

from chatd.model.commands import Join, Say
from chatd.model.errors import NameInUse, NameRegistered
from chatd.model.events import Said
from chatd.testing import InMemoryChat

from ..kit.chat import events, outcome, refused, register, settled


def test_a_name_that_a_guest_holds_is_not_registered_by_another(chat: InMemoryChat) -> None:
    """Nor one that looks like it."""
    chat.enter("ada")
    for name in ("ada", "ADA", "аda"):
        assert outcome(chat, lambda name=name: register(chat, name)) is NameInUse


@pytest.mark.parametrize("names", [("ada", "ada"), ("ada", "Ada"), ("ada", "аda")])
def test_of_two_registrations_at_once_one_is_made(
    chat: InMemoryChat, names: tuple[str, str]
) -> None:
    """Of one name, or of two that look alike; on whichever node."""
    other = InMemoryChat(node=chat)
    begun = [register(chat, names[0]), register(other, names[1])]
    chat.settle()
    assert {*map(refused, begun)} == {None, NameRegistered}


def test_a_guest_who_registers_its_name_goes_on_as_the_account(chat: InMemoryChat) -> None:
    """The same person, in the same rooms, which the account has joined from here on."""
    ada = chat.enter("ada")
    chat.perform(ada, Join("dev"))
    before = events(chat)
    settled(chat, register(chat, "Ada", own=ada))
    assert (ada.account, ada.name, ada.named) == ("ada", "ada", True)
    assert events(chat) == before
    assert settled(chat, chat.service.accounts.joined("ada")) == ["lobby", "dev"]
    chat.perform(ada, Say("lobby", "hi"))
    assert events(chat)[-1] == Said("lobby", "ada", "hi", True)


def test_a_guest_who_registers_another_name_stays_a_guest(chat: InMemoryChat) -> None:
    """The account is somebody else."""
    bob = chat.enter("bob")
    settled(chat, register(chat, "ada", own=bob))
    assert (bob.account, bob.name) == (None, "bob")
