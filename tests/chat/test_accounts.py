"""Registered names: each is its account's (`chatd.chat.accounts`)."""

from __future__ import annotations

import pytest

from chatd.model.commands import Rename, Say
from chatd.model.errors import BadCredentials, BadName, NameInUse, NameRegistered
from chatd.testing import InMemoryChat

from ..kit.chat import outcome, refused, register, registered, settled, signed_in


def test_a_registered_name_is_its_accounts_whether_signed_in_or_not(chat: InMemoryChat) -> None:
    """For guests who enter, are renamed, or speak once; in any spelling."""
    registered(chat, "Ada")
    guest = chat.enter()
    for name in ("Ada", "ada", "ADA", "аda", "ａｄａ"):
        assert outcome(chat, lambda name=name: chat.service.enter(name)) is NameRegistered
        renaming = Rename(name)
        assert outcome(chat, lambda: chat.service.perform(guest, renaming)) is NameRegistered  # noqa: B023
        visitor = chat.service.visitor(name)
        saying = Say("lobby", "hi")
        assert outcome(chat, lambda: chat.service.perform(visitor, saying)) is NameRegistered  # noqa: B023
        assert outcome(chat, lambda name=name: register(chat, name)) is NameRegistered
    assert chat.texts("lobby") == []


@pytest.mark.parametrize(("first", "second"), [("аda", "ada"), ("ada1", "аda1"), ("ꭰda", "ada")])
def test_a_name_that_looks_like_a_registered_one_is_refused(
    chat: InMemoryChat, first: str, second: str
) -> None:
    """Either way round, with the code that the other name itself would give."""
    registered(chat, first)
    assert outcome(chat, lambda: register(chat, second)) is NameRegistered
    assert outcome(chat, lambda: chat.service.enter(second)) is NameRegistered


def test_two_names_of_ascii_only_are_never_confusable(chat: InMemoryChat) -> None:
    """Whatever a font makes of them."""
    for name in ("ada1", "adal", "adaI"):
        assert outcome(chat, lambda name=name: register(chat, name)) in (None, NameRegistered)
    assert outcome(chat, lambda: register(chat, "adaI")) is NameRegistered
    assert outcome(chat, lambda: chat.service.enter("ada7")) is None


@pytest.mark.parametrize("name", ["", "a b", "server", "ѕerver", "guest-0001", "x" * 33])
def test_a_name_that_none_can_have_is_not_registered(chat: InMemoryChat, name: str) -> None:
    """Names that speak for the server too."""
    assert outcome(chat, lambda: register(chat, name)) is BadName


def test_a_guest_does_not_take_a_name_while_its_owner_registers_it(chat: InMemoryChat) -> None:
    """Both at once: one of them has it, and the other is refused."""
    for number in range(3):
        name = f"ada{number}"
        registering = register(chat, name)
        for _ in range(number):
            chat.clock.advance(0)
        entering = chat.service.enter(name)
        chat.settle()
        results = [refused(registering), refused(entering)]
        assert results in ([None, NameRegistered], [NameInUse, None])


def test_a_deleted_account_is_gone_but_for_its_name(chat: InMemoryChat) -> None:
    """Its sessions end, its messages stay, nobody can be called like it."""
    proof = registered(chat, "ada")
    session = signed_in(chat, "ada")
    chat.perform(session.person, Say("lobby", "hi"))
    settled(chat, chat.service.sign_in.delete(proof))
    assert session.over
    assert chat.room("lobby").names == []
    assert chat.texts("lobby") == ["hi"]
    with pytest.raises(BadCredentials):
        signed_in(chat, "ada")
    assert outcome(chat, lambda: register(chat, "ada")) is NameRegistered
    assert outcome(chat, lambda: chat.service.enter("ada")) is NameRegistered
