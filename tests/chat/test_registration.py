"""Registering an account (`chatd.chat.registration`)."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.chat.rules import Rules
from chatd.model.addresses import LOCAL
from chatd.model.errors import (
    BadName,
    BadPassword,
    NotAllowed,
)
from chatd.model.units import ACCOUNTS, GUESTS, SESSIONS
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, outcome, register, registered, settled, signed_in


@pytest.mark.parametrize("name", ["", "a b", "server", "ѕerver", "guest-0001", "x" * 33])
def test_an_invalid_name_is_not_registered(chat: InMemoryChat, name: str) -> None:
    """Names that speak for the server too."""
    assert outcome(chat, lambda: register(chat, name)) is BadName


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
