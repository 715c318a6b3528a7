"""Owners of readers: a session's person, or a stranger."""

from __future__ import annotations

from chatd.chat.owners import identity_of, subject_of_owner
from chatd.chat.sessions import Session
from chatd.model.addresses import LOCAL
from chatd.model.identity import Stranger
from chatd.testing import InMemoryChat

from ..kit.chat import with_account


def test_the_policy_sees_the_person_of_a_session(chat: InMemoryChat) -> None:
    """And a stranger as one."""
    ada = chat.enter("ada")
    stranger = Stranger()
    assert identity_of(Session(ada, LOCAL)) is ada
    assert identity_of(stranger) is stranger


def test_rights_belong_to_the_account_or_to_the_guest(chat: InMemoryChat) -> None:
    """A stranger has none."""
    ada, bob = with_account(chat, "ada"), chat.enter("bob")
    assert subject_of_owner(Session(ada, LOCAL)) == "ada"
    assert subject_of_owner(Session(bob, LOCAL)) == f"~{bob.id}"
    assert subject_of_owner(Stranger()) == ""
