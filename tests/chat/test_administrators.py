"""A server that has administrators keeps one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chatd.chat.administration import console
from chatd.chat.sessions import LastingSession
from chatd.model.errors import LastAdmin
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, administrator, outcome, registered, restarted, settled, signed_in

Deed = Callable[[InMemoryChat, LastingSession], Any]
WAYS: dict[str, Deed] = {
    "takes its own right": lambda chat, ada: chat.service.administration.set_admin(
        ada.person, "ada", admin=False
    ),
    "is taken the right on the console": lambda chat, ada: chat.service.administration.set_admin(
        console(chat.service.admission.bucket()), "ada", admin=False
    ),
    "removes itself": lambda chat, ada: chat.service.administration.remove(ada.person, "ada"),
    "is removed on the console": lambda chat, ada: chat.service.administration.remove(
        console(chat.service.admission.bucket()), "ada"
    ),
    "deletes its account": lambda chat, ada: chat.service.sign_in.delete(
        settled(chat, chat.service.sign_in.prove("ada", PASSWORD, ada.address))
    ),
}


def is_admin(chat: InMemoryChat, name: str) -> bool:
    record = settled(chat, chat.service.accounts.find(name))
    return record.value is not None and record.value.admin


@pytest.mark.parametrize("way", WAYS)
def test_the_last_administrator_stays_one(chat: InMemoryChat, way: str) -> None:
    """However it would cease to be one, also after a restart; with another one it may."""
    administrator(chat, "ada")
    registered(chat, "bob")
    assert outcome(chat, lambda: WAYS[way](chat, signed_in(chat, "ada"))) is LastAdmin
    chat = restarted(chat)
    ada = signed_in(chat, "ada")
    assert outcome(chat, lambda: WAYS[way](chat, ada)) is LastAdmin
    assert is_admin(chat, "ada")
    settled(chat, chat.service.administration.set_admin(ada.person, "bob", admin=True))
    assert outcome(chat, lambda: WAYS[way](chat, ada)) is None
    assert not is_admin(chat, "ada")
    bob = signed_in(chat, "bob")
    last = chat.service.administration.set_admin
    assert outcome(chat, lambda: last(bob.person, "bob", admin=False)) is LastAdmin


def test_of_two_who_step_down_at_once_one_stays(chat: InMemoryChat) -> None:
    """Each rests on the other's right."""
    administrator(chat, "ada")
    ada = signed_in(chat, "ada")
    administration = chat.service.administration
    settled(chat, administration.add(ada.person, "bob", PASSWORD, admin=True))
    bob = signed_in(chat, "bob")
    both = [
        administration.set_admin(session.person, session.person.name, admin=False)
        for session in (ada, bob)
    ]
    chat.settle()
    refused: list[type[Exception] | None] = []
    for one in both:
        one.addCallbacks(lambda _: refused.append(None), lambda f: refused.append(f.type))
    assert sorted(map(str, refused)) == sorted([str(None), str(LastAdmin)])
    assert [is_admin(chat, "ada"), is_admin(chat, "bob")].count(True) == 1


def test_taking_the_right_from_one_who_has_it_not_is_no_matter(chat: InMemoryChat) -> None:
    """Whether or not there is any administrator."""
    registered(chat, "bob")
    by = console(chat.service.admission.bucket())
    set_admin = chat.service.administration.set_admin
    assert outcome(chat, lambda: set_admin(by, "bob", admin=False)) is None


def test_nodes_know_one_another_s_administrators() -> None:
    """The last one on one node is not the last if another node has made one."""
    one = InMemoryChat()
    administrator(one, "ada")
    registered(one, "bob")
    other = InMemoryChat(node=one)
    ada = signed_in(other, "ada")
    settled(one, one.service.administration.set_admin(ada.person, "bob", admin=True))
    other.settle()
    mine = other.service.administration.set_admin
    assert outcome(other, lambda: mine(ada.person, "ada", admin=False)) is None
    one.settle()
    bob = signed_in(one, "bob")
    theirs = one.service.administration.set_admin
    assert outcome(one, lambda: theirs(bob.person, "bob", admin=False)) is LastAdmin
