"""The sessions over HTTP, and how they outlive a restart."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.sessions import GRACE_SECONDS
from chatd.model.addresses import LOCAL
from chatd.model.commands import Join, Leave, Rename
from chatd.model.errors import BadToken, NameInUse
from chatd.model.events import Joined, Left
from chatd.testing import FakeOutlet, InMemoryChat

from ..kit.chat import PASSWORD, events, reading, registered, restarted, settled, signed_in

DAY = 86_400


def adopted(chat: InMemoryChat, token: str) -> Any:
    return settled(chat, chat.service.sessions.adopt(token, LOCAL))


# -- accounts --------------------------------------------------------------------------------------


def test_an_accounts_session_outlives_a_restart(chat: InMemoryChat) -> None:
    """The first request brings the same person into the same rooms."""
    registered(chat, "ada")
    session = signed_in(chat, "ada")
    chat.perform(session.person, Join("dev"))
    chat = restarted(chat)
    assert chat.room("lobby").names == []
    again = adopted(chat, session.token)
    assert (again.person.name, again.person.account) == ("ada", "ada")
    assert list(again.person.rooms) == ["lobby", "dev"]
    assert again.id == session.id


def test_an_accounts_session_is_away_after_the_grace_and_comes_back(chat: InMemoryChat) -> None:
    """Presence ends; the session does not."""
    registered(chat, "ada")
    session = signed_in(chat, "ada")
    chat.advance(GRACE_SECONDS + 1)
    assert events(chat) == [Joined("lobby", "ada", True), Left("lobby", "ada", "", True)]
    assert adopted(chat, session.token).person.name == "ada"
    assert events(chat)[2:] == [Joined("lobby", "ada", True)]


def test_an_accounts_session_ends_thirty_days_after_its_last_use(chat: InMemoryChat) -> None:
    """Each use extends it, over a restart too."""
    registered(chat, "ada")
    session = signed_in(chat, "ada")
    for _ in range(3):
        chat.advance(29 * DAY)
        adopted(chat, session.token)
    chat = restarted(chat)
    chat.advance(29 * DAY)
    adopted(chat, session.token)
    chat.advance(30 * DAY + GRACE_SECONDS)
    with pytest.raises(BadToken):
        adopted(chat, session.token)


def test_requests_that_come_together_adopt_one_session(chat: InMemoryChat) -> None:
    """A page makes several requests at once."""
    registered(chat, "ada")
    token = signed_in(chat, "ada").token
    chat = restarted(chat)
    asked = [chat.service.sessions.adopt(token, LOCAL) for _ in range(5)]
    chat.settle()
    found = {settled(chat, each) for each in asked}
    assert len(found) == 1
    assert found.pop().person.sessions == 1


def test_a_session_that_is_signed_out_while_it_is_adopted_is_over(chat: InMemoryChat) -> None:
    """The request is refused, and no person stays present."""
    proof = registered(chat, "ada")
    session = signed_in(chat, "ada")
    chat.advance(GRACE_SECONDS + 1)
    for turns in range(12):
        asked = chat.service.sessions.adopt(session.token, LOCAL)
        for _ in range(turns):
            chat.clock.advance(0)
        ending = chat.service.signed_in.end_session("ada", session.id, session.hash)
        chat.settle()
        settled(chat, ending)
        outcome: list[Any] = []
        asked.addBoth(outcome.append)
        over = getattr(outcome[0], "over", None)
        assert over or outcome[0].check(BadToken)
        assert chat.room("lobby").names == []
        session = settled(chat, chat.service.signed_in.begin(proof, LOCAL, ""))
        chat.advance(GRACE_SECONDS + 1)


@pytest.mark.parametrize("how", ["signed out", "new password", "deleted"])
def test_the_readers_of_a_session_that_ends_are_told_at_once(chat: InMemoryChat, how: str) -> None:
    """Readers of other sessions go on."""
    proof = registered(chat, "ada")
    session, other = signed_in(chat, "ada"), signed_in(chat, "ada")
    ended = reading(chat, chat.room("lobby"), owner=session)
    going_on = reading(chat, chat.room("lobby"), owner=other)
    service = chat.service
    if how == "signed out":
        settled(chat, service.signed_in.end_session("ada", session.id))
    elif how == "new password":
        settled(chat, service.sign_in.change_password(proof, "another horse battery", other))
    else:
        settled(chat, service.sign_in.delete(proof))
    assert [type(error) for error in ended.revocations] == [BadToken]
    assert bool(going_on.revocations) == (how == "deleted")


def test_a_token_that_was_never_given_is_refused(chat: InMemoryChat) -> None:
    """This holds for tokens of every form."""
    for token in ("", "x", "\ud800", "é" * 200):
        with pytest.raises(BadToken):
            adopted(chat, token)


# -- guests ----------------------------------------------------------------------------------------


def test_a_guest_outlives_a_restart_with_name_and_rooms(chat: InMemoryChat) -> None:
    """Neither the restart nor the return is announced."""
    session = settled(chat, chat.service.sessions.open())
    chat.perform(session.person, Rename("ada"))
    chat.perform(session.person, Join("dev"))
    chat.perform(session.person, Join("x"))
    chat.perform(session.person, Leave("x"))
    id_ = session.person.id
    before = events(chat), events(chat, "dev")
    chat = restarted(chat)
    assert (events(chat), events(chat, "dev")) == before
    again = chat.service.sessions.find(session.token)
    assert (again.person.name, again.person.named, again.person.id) == ("ada", True, id_)
    assert sorted(again.person.rooms) == ["dev", "lobby"]


def test_a_guest_without_a_chosen_name_keeps_its_number(chat: InMemoryChat) -> None:
    """A new guest gets another number."""
    session = settled(chat, chat.service.sessions.open())
    chat = restarted(chat)
    assert chat.service.sessions.find(session.token).person.name == session.person.name
    assert chat.enter().name != session.person.name


def test_the_grace_of_a_guest_is_counted_anew_after_a_start(chat: InMemoryChat) -> None:
    """Until then the name is the guest's; then it is free."""
    session = settled(chat, chat.service.sessions.open("ada"))
    chat.advance(GRACE_SECONDS - 1)
    chat = restarted(chat)
    chat.advance(GRACE_SECONDS - 1)
    with pytest.raises(NameInUse):
        chat.enter("ada")
    chat.advance(2)
    assert chat.enter("ada")
    with pytest.raises(BadToken):
        chat.service.sessions.find(session.token)
    chat = restarted(chat)
    assert chat.room("lobby").names == []


def test_a_guest_that_has_left_does_not_come_back(chat: InMemoryChat) -> None:
    """Neither does one whose name became an account."""
    gone = settled(chat, chat.service.sessions.open("ada"))
    settled(chat, chat.service.sessions.close(gone))
    bob = settled(chat, chat.service.sessions.open("bob"))
    settled(chat, chat.service.sign_in.register("bob", PASSWORD, LOCAL, bob.person))
    chat = restarted(chat)
    assert chat.room("lobby").names == []
    for session in (gone, bob):
        with pytest.raises(BadToken):
            adopted(chat, session.token)


def test_a_guest_whose_name_becomes_an_account_has_another_token(chat: InMemoryChat) -> None:
    """The former token is refused, and the session's readers go on."""
    session = settled(chat, chat.service.sessions.open("ada"))
    old = session.token
    outlet: FakeOutlet = reading(chat, chat.room("lobby"), owner=session)
    service = chat.service
    proof = settled(chat, service.sign_in.register("ada", PASSWORD, LOCAL, session.person))
    settled(chat, service.signed_in.become(proof, session, LOCAL, "page"))
    assert session.token != old
    assert service.sessions.find(session.token) is session
    with pytest.raises(BadToken):
        adopted(chat, old)
    assert outlet.revocations == []
    chat = restarted(chat)
    assert adopted(chat, session.token).person.account == "ada"


def test_a_guest_arrives_though_the_disk_is_full(chat: InMemoryChat) -> None:
    """The guest's session then does not outlive a restart."""
    chat.store.refusing = True
    session = settled(chat, chat.service.sessions.open("ada"))
    chat.perform(session.person, Join("dev"))
    assert sorted(session.person.rooms) == ["dev", "lobby"]
    chat.store.refusing = False
    chat = restarted(chat)
    with pytest.raises(BadToken):
        chat.service.sessions.find(session.token)
