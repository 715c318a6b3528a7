"""Registering, and proving who one is."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.chat.rules import Rules
from chatd.model.addresses import LOCAL, Address
from chatd.model.commands import Join, Leave, Rename, Say
from chatd.model.errors import (
    BadCredentials,
    BadName,
    BadPassword,
    BadToken,
    NameInUse,
    NameRegistered,
    NotAllowed,
    Unavailable,
)
from chatd.model.events import Joined, Left, Said
from chatd.model.units import ACCOUNTS, GUESTS, SESSIONS
from chatd.testing import InMemoryChat, result_of

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


# -- names -----------------------------------------------------------------------------------------


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


# -- registering -----------------------------------------------------------------------------------


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


# -- proving ---------------------------------------------------------------------------------------


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


# -- sessions --------------------------------------------------------------------------------------


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


def test_an_account_has_a_hundred_sessions_at_most(chat: InMemoryChat) -> None:
    """One more, and the one used longest ago ends."""
    proof = registered(chat, "ada")
    begun = []
    for _ in range(102):
        begun.append(settled(chat, chat.service.signed_in.begin(proof, LOCAL, "")).id)
        chat.advance(1)
    assert set(settled(chat, chat.service.signed_in.listed(proof.record))) == set(begun[2:])
