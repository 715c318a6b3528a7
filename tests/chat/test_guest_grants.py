"""What a guest was given is its account's when it registers."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.chat.rules import Rules
from chatd.chat.sessions import Session
from chatd.model.commands import Join, Leave, Say
from chatd.model.errors import Banned, Muted, NotAllowed
from chatd.model.events import RoleGiven
from chatd.model.identity import Stranger
from chatd.model.moderation import Admit, Ban, Configure, GiveRole, Mute
from chatd.model.rights import Role
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, events, reading, settled, signed_in, with_account


@pytest.fixture
def chat() -> InMemoryChat:
    return InMemoryChat()


@pytest.fixture
def ada(chat: InMemoryChat) -> Person:
    """The owner of #dev."""
    person = with_account(chat, "ada")
    chat.perform(person, Join("dev"))
    return person


def registers(chat: InMemoryChat, guest: Person) -> None:
    """A guest makes an account of its own name."""
    sign_in = chat.service.sign_in
    settled(chat, sign_in.register(guest.name, PASSWORD, guest.address, guest))
    assert guest.account == guest.key


def test_a_guest_who_registers_owns_the_room_that_it_created(
    chat: InMemoryChat,
) -> None:
    """The room outlives its people from then on."""
    guest = chat.enter("guido")
    chat.perform(guest, Join("den"))
    chat.perform(guest, Configure("den", access="members"))
    outlet = reading(chat, chat.room("den"), owner=Session(guest))
    registers(chat, guest)
    assert chat.room("den").rights.role("guido") is Role.OWNER
    assert isinstance(events(chat, "den")[-1], RoleGiven)
    chat.perform(guest, Say("den", "mine"))
    assert not outlet.revocations
    chat.service.end(guest)
    chat.settle()
    state = chat.room("den").state
    assert (state.access, state.owners, state.borrowed) == ("members", 1, False)
    assert "mine" in repr(chat.entries("den"))
    assert "den" in signed_in(chat, "guido").person.rooms


@pytest.mark.parametrize("role", ["op", "voice"])
def test_a_guest_who_registers_keeps_a_role(chat: InMemoryChat, ada: Person, role: str) -> None:
    """It is the account's, also without the session."""
    guest = chat.enter("guido")
    chat.perform(guest, Join("dev"))
    chat.perform(ada, GiveRole("dev", "guido", role))
    registers(chat, guest)
    chat.service.end(guest)
    chat.settle()
    rights = chat.room("dev").rights
    assert rights.role("guido").word == role
    assert not [subject for subject in rights.roles if subject.startswith("~")]


def test_a_guest_who_registers_stays_a_member(chat: InMemoryChat, ada: Person) -> None:
    """Though not in the room at that moment."""
    guest = chat.enter("guido")
    chat.perform(ada, Configure("dev", access="members"))
    chat.perform(ada, Admit("dev", "guido"))
    registers(chat, guest)
    chat.perform(guest, Join("dev"))
    assert sorted(chat.room("dev").rights.admitted) == ["ada", "guido"]


def test_a_guest_who_was_let_in_once_and_registers_stays_a_member(
    chat: InMemoryChat, ada: Person
) -> None:
    """As any other guest who is a member; until then the membership is for one stay in the room."""
    guest = chat.enter("guido")
    chat.perform(ada, Configure("dev", access="members"))
    chat.perform(ada, Admit("dev", "guido", once=True))
    assert [*chat.room("dev").rights.once] == [guest.subject]
    registers(chat, guest)
    for command in (Join("dev"), Leave("dev"), Join("dev")):
        chat.perform(guest, command)
    assert sorted(chat.room("dev").rights.admitted.values()) == ["ada", "guido"]


def test_a_guest_who_was_let_in_once_is_made_a_member(chat: InMemoryChat, ada: Person) -> None:
    """Then the guest may come back; being let in once again takes that from nobody."""
    guest = chat.enter("guido")
    chat.perform(ada, Configure("dev", access="members"))
    for once in (True, False, True):
        chat.perform(ada, Admit("dev", "guido", once=once))
    assert not chat.room("dev").rights.once
    for command in (Join("dev"), Leave("dev"), Join("dev")):
        chat.perform(guest, command)


def test_a_guest_s_bans_and_mutes_outlive_its_registration(chat: InMemoryChat, ada: Person) -> None:
    """They hold for the account."""
    guest, other = chat.enter("guido"), chat.enter("hal")
    chat.perform(other, Join("dev"))
    chat.perform(ada, Ban("dev", "guido", text="spam"))
    chat.perform(ada, Mute("dev", "hal"))
    registers(chat, guest)
    registers(chat, other)
    with pytest.raises(Banned, match="spam"):
        chat.perform(guest, Join("dev"))
    with pytest.raises(Muted):
        chat.perform(other, Say("dev", "x"))


# -- an invite lets one register -------------------------------------------------------------------


def test_an_invite_allows_registration_where_one_is_required() -> None:
    """It has one use less, and the account is a member of the room."""
    chat = InMemoryChat(rules=Rules(register="invite"))
    root = with_account(chat, "ruth", admin=True)
    chat.perform(root, Join("den"))
    chat.perform(root, Configure("den", access="members"))
    made = settled(chat, chat.service.invites.make(root, "den"))
    sign_in = chat.service.sign_in
    with pytest.raises(NotAllowed, match="invite"):
        settled(chat, sign_in.register("bob", PASSWORD, Stranger().address, invite="nonsense"))
    settled(chat, sign_in.register("bob", PASSWORD, Stranger().address, invite=made.code))
    assert "bob" in chat.room("den").rights.admitted
    with pytest.raises(NotAllowed, match="invite"):
        settled(chat, sign_in.register("cy", PASSWORD, Stranger().address, invite=made.code))
    chat.perform(signed_in(chat, "bob").person, Join("den"))


def test_the_last_use_of_an_invite_registers_one_of_two() -> None:
    """However near to each other they are."""
    chat = InMemoryChat(rules=Rules(register="invite"))
    root = with_account(chat, "ruth", admin=True)
    chat.perform(root, Join("den"))
    made = settled(chat, chat.service.invites.make(root, "den"))
    registering = [
        chat.service.sign_in.register(name, PASSWORD, Stranger().address, invite=made.code)
        for name in ("bob", "cy")
    ]
    chat.settle()
    outcomes: list[object] = []
    for deferred in registering:
        deferred.addBoth(outcomes.append)
    chat.settle()
    refused = [o for o in outcomes if getattr(o, "type", None) is NotAllowed]
    assert (len(outcomes), len(refused)) == (2, 1)
