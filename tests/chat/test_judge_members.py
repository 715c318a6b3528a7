"""Members-only rooms, in a whole chat (`chatd.chat.judge_members`)."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.model.commands import Join, Leave, Say, SetTopic
from chatd.model.errors import (
    ListFull,
    NotFound,
    NotInRoom,
)
from chatd.model.events import (
    InvitedIn,
    PutOut,
)
from chatd.model.identity import Stranger
from chatd.model.moderation import (
    Admit,
    Ban,
    Configure,
    Dismiss,
    Kick,
    Redact,
)
from chatd.model.rights import MOST_INVITES
from chatd.testing import InMemoryChat

from ..kit.chat import last, reading, refusal, registered, settled, signed_in, with_account


def test_a_room_that_is_closed_keeps_its_accounts_and_evicts_guests(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """For whom it is not there any more."""
    guest = chat.enter("guido")
    chat.perform(guest, Join("dev"))
    dev = chat.room("dev")
    outlets = [reading(chat, dev, owner=owner) for owner in (Session(guest), Stranger())]
    inside = reading(chat, dev, owner=Session(bob))
    chat.perform(ada, Configure("dev", access="members"))
    assert [error.code for outlet in outlets for error in outlet.revocations] == ["not-found"] * 2
    assert not inside.revocations
    assert sorted(dev.members) == ["ada", "bob"]
    for command in (
        Join("dev"),
        Say("dev", "x"),
        SetTopic("dev", "x"),
        Kick("dev", "ada"),
        Kick("dev", "nobody-of-that-name"),
        Ban("dev", "ada"),
        Configure("dev", slow=1),
        Redact("dev", 1),
    ):
        refused = refusal(chat, guest, command)
        assert isinstance(refused, NotFound), command
        assert "dev" not in refused.message


def test_accounts_that_have_joined_become_members_when_a_room_is_closed(
    chat: InMemoryChat, ada: Person
) -> None:
    """Those that are away too; not those that have left it or never came."""
    for name in ("bob", "cy", "dan"):
        registered(chat, name)
    bob, cy, dan = (signed_in(chat, name) for name in ("bob", "cy", "dan"))
    for session in (bob, cy):
        chat.perform(session.person, Join("dev"))
    chat.perform(cy.person, Leave("dev"))
    for session in (bob, cy, dan):
        chat.service.end(session.person)
    chat.settle()
    chat.perform(ada, Configure("dev", access="members"))
    assert sorted(chat.room("dev").rights.admitted) == ["ada", "bob"]
    assert "dev" in signed_in(chat, "bob").person.rooms


def test_an_account_that_is_away_can_be_kicked(chat: InMemoryChat, ada: Person) -> None:
    """It is not in the room when it comes back."""
    registered(chat, "bob")
    bob = signed_in(chat, "bob").person
    assert isinstance(refusal(chat, ada, Kick("dev", "bob")), NotInRoom)
    chat.perform(bob, Join("dev"))
    chat.service.end(bob)
    chat.settle()
    chat.perform(ada, Kick("dev", "bob", "enough"))
    assert last(chat) == PutOut(room="dev", sender="ada", account=True, target="bob", text="enough")
    assert "dev" not in signed_in(chat, "bob").person.rooms
    assert isinstance(refusal(chat, ada, Kick("dev", "bob")), NotInRoom)


def test_a_member_is_admitted_and_dismissed(chat: InMemoryChat, ada: Person) -> None:
    """By an op; who ceases to be a member finds nothing any more."""
    bob = with_account(chat, "bob")
    chat.perform(ada, Configure("dev", access="members"))
    assert isinstance(refusal(chat, bob, Join("dev")), NotFound)
    chat.perform(ada, Admit("dev", "bob"))
    assert last(chat) == InvitedIn(room="dev", sender="ada", account=True, target="bob")
    chat.perform(bob, Join("dev"))
    outlet = reading(chat, chat.room("dev"), owner=Session(bob))
    chat.perform(ada, Dismiss("dev", "bob"))
    assert [error.code for error in outlet.revocations] == ["not-found"]
    assert "dev" not in bob.rooms
    assert isinstance(refusal(chat, bob, Join("dev")), NotFound)


def test_an_administrator_reads_a_closed_room_only_after_adding_themselves(
    chat: InMemoryChat, ada: Person
) -> None:
    """Which the room is told."""
    root = with_account(chat, "ruth", admin=True)
    chat.perform(ada, Configure("dev", access="members"))
    dev = chat.room("dev")
    with pytest.raises(NotFound):
        chat.service.readers.check_reading(Session(root), dev)
    assert isinstance(refusal(chat, root, Join("dev")), NotFound)
    chat.perform(root, Configure("dev", slow=1))
    chat.perform(root, Admit("dev", "ruth"))
    assert last(chat) == InvitedIn(room="dev", sender="ruth", account=True, target="ruth")
    chat.service.readers.check_reading(Session(root), dev)


def test_a_guest_s_membership_ends_with_the_session(chat: InMemoryChat, ada: Person) -> None:
    """The next one of that name is not a member."""
    guest = chat.enter("guido")
    chat.perform(ada, Configure("dev", access="members"))
    chat.perform(ada, Admit("dev", "guido"))
    chat.perform(guest, Join("dev"))
    chat.service.end(guest)
    chat.settle()
    assert isinstance(refusal(chat, chat.enter("guido"), Join("dev")), NotFound)
    assert [*chat.room("dev").rights.admitted] == ["ada"]


def test_a_room_has_at_most_so_many_usable_invites(chat: InMemoryChat, ada: Person) -> None:
    """One more is refused, and says what to do; those that have run out do not count."""
    invites = chat.service.invites
    settled(chat, invites.make(ada, "dev", seconds=60))
    made = [settled(chat, invites.make(ada, "dev")) for _ in range(MOST_INVITES - 1)]
    with pytest.raises(ListFull, match=r"200 invites.*revoke one"):
        settled(chat, invites.make(ada, "dev"))
    settled(chat, invites.revoke(ada, "dev", made[0].id))
    settled(chat, invites.make(ada, "dev"))
    with pytest.raises(ListFull):
        settled(chat, invites.make(ada, "dev"))
    chat.advance(61)
    settled(chat, invites.make(ada, "dev"))
    assert len(invites.of(ada, chat.room("dev"))) == MOST_INVITES
