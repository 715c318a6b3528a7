"""Signing in, and changing an account (`chatd.chat.signin`)."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.account_sessions import CONNECTING_MICROS
from chatd.model.addresses import LOCAL, Address
from chatd.model.commands import Join, Leave, Rename
from chatd.model.errors import (
    BadCredentials,
    BadToken,
    NameRegistered,
    NotAllowed,
    Unavailable,
)
from chatd.model.events import Joined, Left
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import (
    PASSWORD,
    events,
    outcome,
    register,
    registered,
    restarted,
    settled,
    signed_in,
)


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(chat: InMemoryChat) -> None:
    """Names that none can have, and deleted accounts, too."""
    registered(chat, "ada")
    deleted = registered(chat, "eve")
    settled(chat, chat.service.sign_in.delete(deleted))
    messages = set()
    for name in ("ada", "nobody", "eve", "a b", "", "guest-0001"):
        for password in ("wrong horse battery", "", "x\0y", "p" * 128):
            proving = chat.service.sign_in.prove(name, password, Address("198.51.100.1"))
            chat.settle()
            with pytest.raises(BadCredentials) as told:
                result_of(proving)
            messages.add(told.value.message)
            chat.advance(60)
    assert len(messages) == 1


def test_a_password_is_right_in_any_of_its_spellings(chat: InMemoryChat) -> None:
    """OpaqueString makes them one (RFC 8265)."""
    registered(chat, "ada", "äpfel und birnen")
    assert signed_in(chat, "ADA", "a\u0308pfel\u00a0und birnen").person.name == "ada"


def test_a_name_can_be_signed_in_with_that_could_not_be_taken_now(chat: InMemoryChat) -> None:
    """Look-alikes are judged when a name is taken, never at sign-in."""
    registered(chat, "аda")
    assert signed_in(chat, "аda")
    assert outcome(chat, lambda: register(chat, "ada")) is NameRegistered
    assert outcome(chat, lambda: chat.service.enter("АDA")) is NameRegistered
    assert outcome(chat, lambda: chat.service.enter("ada")) is NameRegistered


def test_when_the_queue_is_full_nobody_is_told_that_a_password_is_wrong(chat: InMemoryChat) -> None:
    """And it does not count as a failure."""
    registered(chat, "ada")
    chat.passwords.hold()
    waiting = [
        chat.service.sign_in.prove(f"name{n}", PASSWORD, Address(f"192.0.2.{n}")) for n in range(99)
    ]
    errors: list[Any] = []
    for each in waiting:
        each.addErrback(lambda failure: errors.append(failure.type))
    chat.settle()
    assert errors == [Unavailable] * 35
    chat.passwords.release()
    chat.settle()
    assert errors[35:] == [BadCredentials] * 64
    assert signed_in(chat, "ada", address=Address("198.51.100.7"))


def test_an_account_has_one_person_however_many_sessions(chat: InMemoryChat) -> None:
    """One join with the first, one leave with the last, and what is said comes from one name."""
    registered(chat, "ada")
    first, second = signed_in(chat, "ada"), signed_in(chat, "ada")
    assert first.person is second.person
    assert first.token != second.token
    assert events(chat) == [Joined("lobby", "ada", True)]
    settled(chat, chat.service.signed_in.sign_out(first))
    assert events(chat) == [Joined("lobby", "ada", True)]
    assert chat.room("lobby").names == ["ada"]
    settled(chat, chat.service.signed_in.sign_out(second))
    assert events(chat)[1:] == [Left("lobby", "ada", "", True)]


def test_rooms_are_joined_for_all_sessions_and_for_good(chat: InMemoryChat) -> None:
    """Going away leaves none; coming back is in all of them; leaving one leaves it everywhere."""
    registered(chat, "ada")
    session = signed_in(chat, "ada")
    for room in ("b", "a", "c"):
        chat.perform(session.person, Join(room))
    chat.perform(session.person, Leave("b"))
    settled(chat, chat.service.signed_in.sign_out(session))
    again = signed_in(chat, "ada")
    assert list(again.person.rooms) == ["lobby", "a", "c"]
    assert events(chat, "a")[-1] == Joined("a", "ada", True)


def test_two_sessions_that_begin_at_once_share_their_person(chat: InMemoryChat) -> None:
    """It comes in once."""
    proof = registered(chat, "ada")
    begun = [chat.service.signed_in.begin(proof, LOCAL, "x") for _ in range(5)]
    chat.settle()
    people = {result_of(each).person for each in begun}
    assert len(people) == 1
    assert people.pop().sessions == 5
    assert events(chat) == [Joined("lobby", "ada", True)]


def test_the_name_of_an_account_never_changes(chat: InMemoryChat) -> None:
    """Not by a command either."""
    registered(chat, "ada")
    person = signed_in(chat, "ada").person
    for name in ("eve", "Ada"):
        with pytest.raises(NotAllowed):
            chat.perform(person, Rename(name))
    assert chat.perform(person, Rename("ada")) is None


def test_a_new_password_ends_all_other_sessions(chat: InMemoryChat) -> None:
    """At once; the one that asked goes on, and the old password is wrong."""
    registered(chat, "ada")
    own, other = signed_in(chat, "ada"), signed_in(chat, "ada")
    proof = settled(chat, chat.service.sign_in.prove("ada", PASSWORD, LOCAL))
    settled(chat, chat.service.sign_in.change_password(proof, "another horse battery", own))
    assert (own.over, other.over) == (False, True)
    with pytest.raises(BadToken):
        settled(chat, chat.service.sessions.adopt(other.token, LOCAL))
    assert settled(chat, chat.service.sessions.adopt(own.token, LOCAL)) is own
    with pytest.raises(BadCredentials):
        signed_in(chat, "ada")
    assert signed_in(chat, "ada", "another horse battery")


def test_what_was_proved_does_not_outlive_a_new_password(chat: InMemoryChat) -> None:
    """A sign-in that is under way meanwhile fails."""
    stolen = registered(chat, "ada")
    settled(chat, chat.service.sign_in.change_password(stolen, "another horse battery", None))
    assert outcome(chat, lambda: chat.service.signed_in.begin(stolen, LOCAL, "")) is BadCredentials
    assert outcome(chat, lambda: chat.service.sign_in.delete(stolen)) is BadCredentials


def test_sessions_are_listed_and_ended_by_their_ids(chat: InMemoryChat) -> None:
    """Those of one account only."""
    proof = registered(chat, "ada")
    registered(chat, "bob")
    first, second = signed_in(chat, "ada"), signed_in(chat, "ada")
    signed_in(chat, "bob")
    listed = settled(chat, chat.service.signed_in.listed(proof.record))
    assert set(listed) == {first.id, second.id}
    settled(chat, chat.service.signed_in.end_session("ada", first.id))
    assert (first.over, second.over) == (True, False)
    assert set(settled(chat, chat.service.signed_in.listed(proof.record))) == {second.id}


def test_a_sign_in_does_not_end_a_session_that_a_connection_is_about_to_get(
    chat: InMemoryChat,
) -> None:
    """It is stored before the person comes, whenever meanwhile another one signs in."""
    for turns in range(20):
        proof = registered(chat, f"ada-{turns}")
        first = chat.service.signed_in.connect(proof, LOCAL, "irc")
        for _ in range(turns):
            chat.clock.advance(0)
        second = chat.service.signed_in.connect(proof, LOCAL, "irc")
        chat.settle()
        listed = settled(chat, chat.service.signed_in.listed(proof.record))
        assert {result_of(one).id for one in (first, second)} == set(listed)


@pytest.mark.parametrize("shared", [False, True])
def test_a_session_of_a_connection_ends_with_the_server(chat: InMemoryChat, shared: bool) -> None:
    """A list of sessions leaves it out, because its connection is gone: at once, unless another
    node may have the connection.
    """
    proof = registered(chat, "ada")
    settled(chat, chat.service.signed_in.connect(proof, LOCAL, "irc"))
    page = signed_in(chat, "ada")
    after = restarted(chat)
    after.service.signed_in._attached.shared = shared
    if shared:
        after.advance(CONNECTING_MICROS / 1_000_000)
    record = settled(after, after.service.accounts.find("ada"))
    assert set(settled(after, after.service.signed_in.listed(record))) == {page.id}


def test_an_account_has_a_hundred_sessions_at_most(chat: InMemoryChat) -> None:
    """One more, and the one used longest ago ends."""
    proof = registered(chat, "ada")
    begun = []
    for _ in range(102):
        begun.append(settled(chat, chat.service.signed_in.begin(proof, LOCAL, "")).id)
        chat.advance(1)
    assert set(settled(chat, chat.service.signed_in.listed(proof.record))) == set(begun[2:])
