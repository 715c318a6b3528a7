"""Registering an account (`chatd.chat.registration`)."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.chat.rules import Rules
from chatd.model.addresses import LOCAL
from chatd.model.commands import Join, Rename, Say
from chatd.model.errors import (
    BadName,
    BadPassword,
    NameInUse,
    NameRegistered,
    NotAllowed,
)
from chatd.model.events import Said
from chatd.model.units import ACCOUNTS, GUESTS, SESSIONS
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, events, refused, registered, settled, signed_in


def register(chat: InMemoryChat, name: str, **options: Any) -> Deferred[Any]:
    return chat.service.sign_in.register(name, PASSWORD, options.pop("address", LOCAL), **options)


def outcome(chat: InMemoryChat, begin: Any) -> type[Exception] | None:
    """What something is refused with, at once or later."""
    try:
        deferred = begin()
    except Exception as error:
        return type(error)
    chat.settle()
    return refused(deferred)


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
def test_an_invalid_name_is_not_registered(chat: InMemoryChat, name: str) -> None:
    """Names that speak for the server too."""
    assert outcome(chat, lambda: register(chat, name)) is BadName


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
    """The account is another person."""
    bob = chat.enter("bob")
    settled(chat, register(chat, "ada", own=bob))
    assert (bob.account, bob.name) == (None, "bob")


@pytest.mark.parametrize("password", ["short", "password", "ada", "with\0nul-in-it", "x" * 129])
def test_a_bad_password_makes_no_account(chat: InMemoryChat, password: str) -> None:
    """The name stays free."""

    def begin() -> Deferred[Any]:
        return chat.service.sign_in.register("ada", password, LOCAL)

    assert outcome(chat, begin) is BadPassword
    assert chat.enter("ada")


@pytest.mark.parametrize("register_", ["closed", "invite"])
def test_where_registering_is_not_open_no_account_is_made(register_: Any) -> None:
    """Whatever the name."""
    chat = InMemoryChat(rules=Rules(register=register_))
    assert outcome(chat, lambda: register(chat, "server")) is NotAllowed


def test_nothing_of_a_password_or_a_token_is_stored(chat: InMemoryChat) -> None:
    """Only hashes."""
    registered(chat, "ada")
    session = signed_in(chat, "ada")
    guest = settled(chat, chat.service.sessions.open("bob"))
    stored = repr(
        [chat.store.engine.cells._tables[table] for table in (ACCOUNTS, SESSIONS, GUESTS)]
    )
    for secret in (PASSWORD, session.token, guest.token):
        assert secret not in stored
    assert "$argon2id$" in stored
