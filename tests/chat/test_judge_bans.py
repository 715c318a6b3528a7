"""Kicks, bans and mutes, in a whole chat (`chatd.chat.judge_bans`)."""

from __future__ import annotations

import pytest

from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.model import restrictions
from chatd.model.addresses import address_of
from chatd.model.commands import Join, Rename, Say, SetTopic
from chatd.model.errors import (
    Banned,
    ChatError,
    ListFull,
    Malformed,
    Muted,
    NotAllowed,
    NotFound,
)
from chatd.model.events import (
    BanLifted,
    BanPlaced,
    MutePlaced,
)
from chatd.model.identity import Stranger
from chatd.model.moderation import (
    Ban,
    Mute,
    Unban,
    Unmute,
)
from chatd.model.restrictions import MOST_IN_ROOM
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import PUBLIC, events, last, reading, refusal, with_account


def test_a_banned_account_leaves_and_cannot_join(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """Readers end at once; nothing more is read, said or joined, until the ban is lifted."""
    dev = chat.room("dev")
    outlet = reading(chat, dev, owner=Session(bob))
    chat.perform(ada, Ban("dev", "bob", 3600, "spam"))
    assert [error.code for error in outlet.revocations] == ["banned"]
    assert "spam" in outlet.revocations[0].message
    assert "UTC" in outlet.revocations[0].message
    assert "dev" not in bob.rooms
    for command in (Say("dev", "x"), Join("dev"), SetTopic("dev", "x")):
        assert isinstance(refusal(chat, bob, command), Banned)
    with pytest.raises(Banned):
        chat.service.readers.check_reading(Session(bob), dev)
    event = last(chat)
    assert isinstance(event, BanPlaced)
    assert (event.target, event.text, str(event.until)[:4]) == ("bob", "spam", "2025")
    chat.perform(ada, Unban("dev", "bob"))
    assert last(chat) == BanLifted(
        room="dev", sender="ada", account=True, target="bob", ban=event.ban
    )
    chat.perform(bob, Join("dev"))


def test_a_ban_runs_out_by_itself(chat: InMemoryChat, ada: Person, bob: Person) -> None:
    """And leaves the list."""
    chat.perform(ada, Ban("dev", "bob", 60))
    assert len(chat.service.moderation.bans(ada, chat.room("dev"))) == 1
    chat.advance(61)
    chat.perform(bob, Join("dev"))
    assert chat.service.moderation.bans(ada, chat.room("dev")) == []
    assert isinstance(refusal(chat, ada, Unban("dev", "bob")), NotFound)
    chat.perform(ada, Ban("dev", "bob", 60))
    assert len(chat.room("dev").rights.bans) == 1


def test_a_second_ban_of_one_person_replaces_the_first(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """There is one thing to lift."""
    chat.perform(ada, Ban("dev", "bob", 60))
    chat.perform(ada, Ban("dev", "bob"))
    [(id_, ban)] = chat.service.moderation.bans(ada, chat.room("dev"))
    assert ban.until == 0
    chat.perform(ada, Unban("dev", id_))
    assert chat.service.moderation.bans(ada, chat.room("dev")) == []


def test_a_guest_is_banned_by_session_and_public_address(chat: InMemoryChat, ada: Person) -> None:
    """Accounts from that address are not hit, and the list shows no address."""
    guest = chat.enter("guido", PUBLIC)
    chat.perform(guest, Join("dev"))
    chat.perform(ada, Ban("dev", "guido"))
    chat.perform(guest, Rename("hugo"))
    assert isinstance(refusal(chat, guest, Join("dev")), Banned)
    assert isinstance(refusal(chat, chat.enter("ida", PUBLIC), Join("dev")), Banned)
    visitor = chat.service.visitor("cron", PUBLIC)
    assert isinstance(refusal(chat, visitor, Say("dev", "x")), Banned)
    with pytest.raises(Banned):
        chat.service.readers.check_reading(Stranger(PUBLIC), chat.room("dev"))
    chat.perform(with_account(chat, "jan", address=PUBLIC), Join("dev"))
    [(_, ban)] = chat.service.moderation.bans(ada, chat.room("dev"))
    assert (ban.target, ban.address) == ("guido", "")
    root = with_account(chat, "ruth", admin=True)
    [(_, ban)] = chat.service.moderation.bans(root, chat.room("dev"))
    assert ban.address == PUBLIC


def test_the_address_of_a_proxy_is_never_banned_with_a_guest() -> None:
    """A public one is everybody's who comes through it: the ban is the session's alone."""
    chat = InMemoryChat(shared=lambda address: address == PUBLIC)
    ada = with_account(chat, "ada")
    chat.perform(ada, Join("dev"))
    guest = chat.enter("guido", PUBLIC)
    chat.perform(guest, Join("dev"))
    chat.perform(ada, Ban("dev", "guido"))
    assert isinstance(refusal(chat, guest, Join("dev")), Banned)
    chat.perform(chat.enter("ida", PUBLIC), Join("dev"))
    chat.perform(chat.service.visitor("cron", PUBLIC), Say("dev", "x"))
    chat.service.readers.check_reading(Stranger(PUBLIC), chat.room("dev"))
    [(_, ban)] = chat.room("dev").rights.bans
    assert ban.address == ""


@pytest.mark.parametrize("host", [None, "127.0.0.1", "10.1.2.3", "fd00::1"])
def test_a_private_address_is_never_banned_with_a_guest(
    chat: InMemoryChat, ada: Person, host: str | None
) -> None:
    """It may be everybody's: that of a proxy."""
    guest = chat.enter("guido", address_of(host))
    chat.perform(ada, Ban("dev", "guido"))
    assert isinstance(refusal(chat, guest, Join("dev")), Banned)
    chat.perform(chat.enter("ida", address_of(host)), Join("dev"))


def test_a_guest_s_ban_without_an_address_ends_with_the_session(
    chat: InMemoryChat, ada: Person
) -> None:
    """Nothing is left that could hit anybody."""
    guest = chat.enter("guido")
    chat.perform(ada, Ban("dev", "guido"))
    chat.service.end(guest)
    chat.settle()
    assert len(chat.room("dev").rights.bans) == 0


def test_a_free_name_can_be_banned(chat: InMemoryChat, ada: Person) -> None:
    """A guest who takes the name may not join; under another name it may."""
    chat.perform(ada, Ban("dev", "Mallory"))
    mallory = chat.enter("mallory")
    assert isinstance(refusal(chat, mallory, Join("dev")), Banned)
    chat.perform(mallory, Rename("mal"))
    chat.perform(mallory, Join("dev"))
    assert isinstance(refusal(chat, mallory, Rename("MALLORY")), Banned)
    chat.perform(ada, Unban("dev", "mallory"))


def test_only_administrators_ban_networks(chat: InMemoryChat, ada: Person) -> None:
    """All who are there from that network leave, and only administrators see which it is."""
    root = with_account(chat, "ruth", admin=True)
    guest = chat.enter("guido", PUBLIC)
    chat.perform(guest, Join("dev"))
    assert isinstance(refusal(chat, ada, Ban("dev", "8.8.0.0/16")), NotAllowed)
    chat.perform(root, Ban("dev", "8.8.0.0/16"))
    assert "dev" not in guest.rooms
    event = next(e for e in reversed(events(chat, "dev")) if isinstance(e, BanPlaced))
    assert event.target == "an address"
    [(id_, ban)] = chat.service.moderation.bans(ada, chat.room("dev"))
    assert (id_, ban.target, ban.network) == (event.ban, "an address", "")
    assert isinstance(refusal(chat, root, Ban("dev", "8.8.0.0/33")), Malformed)
    chat.perform(ada, Unban("dev", id_))
    chat.perform(guest, Join("dev"))


def test_a_moderator_cannot_ban_or_mute_itself(chat: InMemoryChat, ada: Person) -> None:
    """Nor by a network that covers the own address."""
    root = with_account(chat, "ruth", admin=True, address=PUBLIC)
    for command in (Ban("dev", "ada"), Mute("dev", "ADA")):
        assert isinstance(refusal(chat, ada, command), NotAllowed)
    for network in ("8.8.8.8", "8.0.0.0/8", "0.0.0.0/0"):
        assert isinstance(refusal(chat, root, Ban("dev", network)), NotAllowed)


def test_a_muted_person_reads_and_does_not_speak(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """For as long as it is said."""
    outlet = reading(chat, chat.room("dev"), owner=Session(bob))
    chat.perform(ada, Mute("dev", "bob", 60, "enough"))
    assert isinstance(last(chat), MutePlaced)
    assert not outlet.revocations
    for command in (Say("dev", "x"), SetTopic("dev", "x")):
        refused = refusal(chat, bob, command)
        assert isinstance(refused, Muted)
        assert "enough" in refused.message
    chat.perform(bob, Say("lobby", "elsewhere"))
    chat.perform(ada, Unmute("dev", "bob"))
    chat.perform(bob, Say("dev", "1"))
    chat.perform(ada, Mute("dev", "bob", 60))
    chat.advance(61)
    chat.perform(bob, Say("dev", "2"))


def test_a_message_that_meets_a_ban_on_its_way_is_refused(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """The ban moves the room's revision, so the message is judged again, behind the ban."""
    banned = chat.service.perform(ada, Ban("dev", "bob"))
    said = chat.service.perform(bob, Say("dev", "too late"))
    chat.settle()
    result_of(banned)
    with pytest.raises(ChatError):
        result_of(said)
    assert chat.texts("dev") == []


def test_a_room_has_at_most_so_many_bans(chat: InMemoryChat, ada: Person) -> None:
    """One more is refused, and says what to do; bans of the same target, and those that have run
    out, do not count.
    """
    chat.perform(ada, Ban("dev", "short", 60))
    for number in range(MOST_IN_ROOM - 1):
        chat.perform(ada, Ban("dev", f"name{number}"))
    error = refusal(chat, ada, Ban("dev", "one-more"))
    assert isinstance(error, ListFull)
    assert "200 bans" in error.message
    assert "lift one" in error.message
    chat.perform(ada, Ban("dev", "name7", 3600, "longer"))
    chat.perform(ada, Unban("dev", "name8"))
    chat.perform(ada, Ban("dev", "in-its-place"))
    assert isinstance(refusal(chat, ada, Ban("dev", "one-more")), ListFull)
    chat.advance(61)
    chat.perform(ada, Ban("dev", "one-more"))
    assert len(chat.service.moderation.bans(ada, chat.room("dev"))) == MOST_IN_ROOM


def test_a_room_has_at_most_so_many_mutes(
    chat: InMemoryChat, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Muting somebody again is no other mute."""
    monkeypatch.setattr(restrictions, "MOST_IN_ROOM", 1)
    eve = chat.enter("eve")
    chat.perform(eve, Join("dev"))
    chat.perform(ada, Mute("dev", "bob"))
    chat.perform(ada, Mute("dev", "bob", 60))
    assert isinstance(refusal(chat, ada, Mute("dev", "eve")), ListFull)
    chat.perform(ada, Unmute("dev", "bob"))
    chat.perform(ada, Mute("dev", "eve"))
