"""How a server gets its first administrator."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.administration import console
from chatd.chat.claims import CLAIM_SECONDS
from chatd.chat.rules import Rules
from chatd.model.addresses import LOCAL
from chatd.model.errors import NotAllowed
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, registered, restarted, settled, signed_in


def claim(chat: InMemoryChat, name: str, code: str | None = None) -> Any:
    code = chat.service.claims.code if code is None else code
    sign_in = chat.service.sign_in
    return settled(chat, sign_in.register(name, PASSWORD, LOCAL, claim=code))


def test_the_claim_makes_one_administrator(chat: InMemoryChat) -> None:
    """Once; and a later start makes no other."""
    code = chat.service.claims.code
    assert len(code) == 22
    claim(chat, "ada")
    assert signed_in(chat, "ada").person.admin
    for used in (code, ""):
        with pytest.raises(NotAllowed):
            claim(chat, "eve", used)
    chat = restarted(chat)
    assert chat.service.claims.code == ""
    assert signed_in(chat, "ada").person.admin


def test_a_claim_is_not_good_while_there_is_an_administrator(chat: InMemoryChat) -> None:
    """Who may have been made on the console meanwhile; the code stands in the log."""
    code = chat.service.claims.code
    by = console(chat.service.admission.bucket())
    settled(chat, chat.service.administration.add(by, "ada", PASSWORD, admin=True))
    with pytest.raises(NotAllowed):
        claim(chat, "eve", code)


def test_an_existing_account_may_claim(chat: InMemoryChat) -> None:
    """Its person is an administrator at once."""
    proof = registered(chat, "ada")
    session = signed_in(chat, "ada")
    settled(chat, chat.service.sign_in.claim(proof, chat.service.claims.code))
    assert session.person.admin


@pytest.mark.parametrize("register", ["closed", "invite"])
def test_the_claim_allows_registration_where_it_is_not_open(register: Any) -> None:
    """The first administrator has to come from somewhere."""
    chat = InMemoryChat(rules=Rules(register=register))
    claim(chat, "ada")
    assert signed_in(chat, "ada").person.admin


def test_a_claim_is_good_for_an_hour(chat: InMemoryChat) -> None:
    """And of this start only."""
    old = chat.service.claims.code
    chat.advance(CLAIM_SECONDS)
    with pytest.raises(NotAllowed):
        claim(chat, "ada", old)
    chat = restarted(chat)
    with pytest.raises(NotAllowed):
        claim(chat, "ada", old)
    claim(chat, "ada")


def test_of_two_claims_at_once_one_succeeds(chat: InMemoryChat) -> None:
    """The other is refused."""
    proofs = [registered(chat, name) for name in ("ada", "eve")]
    code = chat.service.claims.code
    outcomes: list[Any] = []
    for proof in proofs:
        chat.service.sign_in.claim(proof, code).addBoth(outcomes.append)
    chat.settle()
    admins = [signed_in(chat, name).person.admin for name in ("ada", "eve")]
    assert sorted(admins) == [False, True]
