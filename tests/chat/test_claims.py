"""How a server gets its first administrator."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.administration import console
from chatd.chat.claims import CLAIM_SECONDS
from chatd.chat.rules import Rules
from chatd.model.addresses import LOCAL
from chatd.model.errors import NotAllowed
from chatd.model.units import CLAIMS
from chatd.testing import InMemoryChat, result_of

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


def nodes(number: int = 2) -> list[InMemoryChat]:
    """Nodes of one chat that has no administrator."""
    chats = [InMemoryChat()]
    chats += [InMemoryChat(node=chats[0]) for _ in range(number - 1)]
    return chats


def test_a_claim_code_is_valid_on_every_node_that_shares_the_store() -> None:
    """Also on one that was started earlier than the node that logged it; and once only."""
    one, two = nodes()
    codes = [chat.service.claims.code for chat in (one, two)]
    assert codes[0] != codes[1]
    claim(one, "ada", codes[1])
    assert signed_in(two, "ada").person.admin
    for chat in (one, two):
        for code in codes:
            with pytest.raises(NotAllowed):
                claim(chat, "eve", code)


def test_a_claim_code_of_another_node_expires_with_its_hour_or_its_start() -> None:
    """The store forgets it then."""
    one, two = nodes()
    old = two.service.claims.code
    restarted = InMemoryChat(node=one)
    with pytest.raises(NotAllowed):
        claim(one, "ada", old)
    one.advance(CLAIM_SECONDS)
    with pytest.raises(NotAllowed):
        claim(one, "ada", restarted.service.claims.code)
    another = InMemoryChat(node=one)
    assert len(one.service.claims._issued) == 1
    claim(one, "ada", another.service.claims.code)
    assert one.service.claims._issued == {}


def test_a_store_that_lost_the_codes_gets_them_again() -> None:
    """A replica took its place that misses them."""
    one, two = nodes()
    code = two.service.claims.code
    lose(one, "claims", one, two)
    claim(one, "ada", code)
    assert signed_in(two, "ada").person.admin


def test_a_store_that_lost_its_administrators_can_be_claimed_at_every_node() -> None:
    """By the code of the next node that starts: those that go on accept it, too."""
    one, two = nodes()
    claim(one, "ada", two.service.claims.code)
    lose(one, "admins", one, two)
    started = InMemoryChat(node=one, restarted=True)
    claim(two, "eve", started.service.claims.code)
    assert signed_in(one, "eve").person.admin


def test_a_node_that_missed_the_first_administrator_accepts_no_code() -> None:
    """Who was made on the console of another node."""
    one, two = nodes()
    code = one.service.claims.code
    one.service.claims.shown = lambda change, version: None  # type: ignore[method-assign]
    by = console(two.service.admission.bucket())
    settled(two, two.service.administration.add(by, "ada", PASSWORD, admin=True))
    one.service.claims.code, one.service.claims._vacant = code, True
    reread(one)
    with pytest.raises(NotAllowed):
        claim(one, "eve", code)


def lose(chat: InMemoryChat, table: str, *nodes: InMemoryChat) -> None:
    """The store has lost a table, and these nodes read it again."""
    for column in chat.store.engine.cells._tables[table]:
        column.clear()
    for node in nodes:
        reread(node)


def reread(chat: InMemoryChat) -> None:
    """A node reads again who is an administrator, and the codes."""
    reading = chat.service._fold.claims_anew()
    chat.settle()
    result_of(reading)()
    chat.settle()


def test_the_store_has_no_code_that_could_be_used() -> None:
    """Only its hash: who reads the store claims nothing."""
    one, two = nodes()
    cells = result_of(settled_table(one, CLAIMS))
    for chat in (one, two):
        assert chat.service.claims.code.encode() not in b"".join(c.value for c in cells.values())


def settled_table(chat: InMemoryChat, name: str) -> Any:
    asked = chat.store.table(name)
    chat.settle()
    return asked
