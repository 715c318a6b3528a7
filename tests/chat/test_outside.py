"""Credentials that are checked outside."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse

from chatd.chat.rules import Rules
from chatd.model.addresses import LOCAL
from chatd.model.commands import Say
from chatd.model.errors import BadCredentials, NotAllowed, Unavailable
from chatd.testing import InMemoryChat

from ..kit.chat import settled, signed_in


class Broken:
    """A checker that fails."""

    def requestAvatarId(self, credentials: Any) -> None:  # noqa: N802
        raise OSError("the directory is away")


@pytest.fixture
def chat() -> InMemoryChat:
    """A chat whose people are known outside."""
    known = InMemoryUsernamePasswordDatabaseDontUse(ada=b"pw", root=b"pw2")
    nobody = InMemoryUsernamePasswordDatabaseDontUse()
    return InMemoryChat(rules=Rules(register="closed", checkers=(nobody, known)))


def test_an_account_is_made_at_the_first_sign_in(chat: InMemoryChat) -> None:
    """And is the same one at the next."""
    first, second = signed_in(chat, "ada", "pw"), signed_in(chat, "ada", "pw")
    assert first.person is second.person
    assert (first.person.account, list(first.person.rooms)) == ("ada", ["lobby"])


def test_a_name_that_speaks_for_the_server_is_a_checkers_to_give(chat: InMemoryChat) -> None:
    """The operator knows who that is."""
    assert signed_in(chat, "root", "pw2").person.name == "root"


@pytest.mark.parametrize(("name", "password"), [("ada", "pw2"), ("eve", "pw"), ("a b", "pw")])
def test_whom_no_checker_knows_is_refused(chat: InMemoryChat, name: str, password: str) -> None:
    """Like anybody else."""
    with pytest.raises(BadCredentials):
        signed_in(chat, name, password)


def test_a_guest_who_holds_the_name_gets_another(chat: InMemoryChat) -> None:
    """And goes on under it."""
    guest = chat.enter("Ada")
    signed_in(chat, "ada", "pw")
    assert (guest.name, guest.named, guest.account) == ("guest-0001", False, None)
    assert chat.perform(guest, Say("lobby", "hi"))
    assert sorted(chat.room("lobby").names) == ["ada", "guest-0001"]


def test_a_password_that_is_kept_outside_is_not_changed_here(chat: InMemoryChat) -> None:
    """It says so."""
    proof = settled(chat, _proving(chat))
    with pytest.raises(NotAllowed):
        settled(chat, chat.service.sign_in.change_password(proof, "another horse battery", None))


def _proving(chat: InMemoryChat) -> Any:
    return chat.service.sign_in.prove("ada", "pw", LOCAL)


def test_a_checker_that_fails_says_nothing_of_the_password(logged_errors: list[str]) -> None:
    """The client may try again; the operator reads why."""
    chat = InMemoryChat(rules=Rules(checkers=(Broken(),)))
    with pytest.raises(Unavailable):
        settled(chat, _proving(chat))
    assert "the directory is away" in logged_errors.pop()
