"""What moderators did outlives restarts, retention, and reaches other nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatd.chat.sessions import Session
from chatd.model.addresses import Address
from chatd.model.commands import Join, Leave, Say, SetTopic
from chatd.model.errors import Banned, ChatError, Muted, NotFound, Unavailable
from chatd.model.identity import Stranger
from chatd.model.moderation import Admit, Ban, Configure, GiveRole, Kick, Mute
from chatd.model.rights import Role
from chatd.store.retained import Retention
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import (
    PASSWORD,
    given_to,
    read,
    reading,
    restarted,
    settled,
    with_account,
)
from ..kit.file_chat import FileChat

FAR = Address("192.0.2.9")
SECRET, TOPIC = "xyzzy-plugh", "plover"


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_moderation_outlives_a_restart(tmp_path: Path, kill: bool) -> None:
    """Settings, roles, bans, mutes, members: though retention has forgotten every event."""
    path = tmp_path / "chatd.sqlite"
    chat = FileChat(path, retention=Retention(days=1))
    ada = with_account(chat, "ada")
    for name in ("bob", "cy", "dan", "eve"):
        with_account(chat, name)
    chat.perform(ada, Join("dev"))
    chat.perform(ada, GiveRole("dev", "bob", "op"))
    chat.perform(ada, Ban("dev", "cy", text="spam"))
    chat.perform(ada, Mute("dev", "dan"))
    chat.perform(ada, Configure("dev", slow=5, listed=False))
    chat.perform(ada, Join("ops"))
    chat.perform(ada, Configure("ops", access="members"))
    chat.perform(ada, Admit("ops", "eve"))
    chat.advance(2 * 86_400)
    chat.kill() if kill else chat.stop()
    again = FileChat(path, wall=chat.now() + 1, retention=Retention(days=1))
    dev = again.room("dev")
    people = {name: with_account(again, name) for name in ("ada", "bob", "cy", "dan", "eve")}
    assert dev.state.slow == 5
    assert dev.rights.role("ada") is Role.OWNER
    assert dev.rights.role("bob") is Role.OP
    with pytest.raises(Banned, match="spam"):
        again.perform(people["cy"], Join("dev"))
    with pytest.raises(Muted):
        again.perform(people["dan"], Say("dev", "x"))
    again.perform(people["eve"], Join("ops"))
    with pytest.raises(NotFound):
        again.perform(people["bob"], Join("ops"))
    assert [room.name for room in again.service.rooms.listings()] == ["lobby"]
    again.stop()


def test_a_guest_s_room_is_reset_if_the_server_ended_before_it_emptied(tmp_path: Path) -> None:
    """When those who had been there have had time to come back."""
    path = tmp_path / "chatd.sqlite"
    chat = FileChat(path)
    guest = chat.enter("guido")
    chat.perform(guest, Join("dev"))
    chat.perform(guest, Configure("dev", access="members"))
    chat.kill()
    again = FileChat(path, wall=chat.now() + 1)
    other = again.enter("hal")
    with pytest.raises(NotFound):
        again.perform(other, Join("dev"))
    again.advance(100)
    again.perform(other, Join("dev"))
    assert [grant.name for grant in again.room("dev").rights.roles.values()] == ["hal"]
    again.stop()


def closed_and_left(chat: InMemoryChat | FileChat) -> None:
    """A guest brings a room for members into being, says something there, and goes."""
    guest = chat.enter("guido")
    chat.perform(guest, Join("dev"))
    chat.perform(guest, Configure("dev", access="members"))
    chat.perform(guest, SetTopic("dev", TOPIC))
    chat.perform(guest, Say("dev", SECRET))
    chat.service.end(guest)
    chat.settle()


def test_the_history_of_a_guest_s_members_room_is_erased_before_it_opens(
    chat: InMemoryChat,
) -> None:
    """A room of a guest opens to all when it empties: what members said is not for all."""
    closed_and_left(chat)
    other = chat.enter("hal")
    chat.perform(other, Join("dev"))
    assert not chat.room("dev").state.closed
    assert TOPIC not in repr(chat.room("dev").state)
    reader = reading(chat, chat.room("dev"), owner=Session(other), cursor=0)
    paging = chat.service.page(chat.room("dev"), None, 100)
    chat.settle()
    for entries in (given_to(reader), result_of(paging).entries, chat.entries("dev")):
        assert SECRET not in repr(entries)
        assert TOPIC not in repr(entries)
        assert "guido" not in repr(entries)
    assert "GAP" not in read(reader)


def test_nothing_of_a_guest_s_members_room_is_left_in_the_file(tmp_path: Path) -> None:
    """Neither in the database nor in its write-ahead log."""
    chat = FileChat(tmp_path / "chatd.sqlite")
    closed_and_left(chat)
    assert not [path for path in tmp_path.iterdir() if SECRET.encode() in path.read_bytes()]
    assert "dev" not in chat.service.rooms.index
    chat.stop()


def test_a_guest_s_members_room_stays_closed_while_its_history_cannot_be_erased(
    chat: InMemoryChat,
) -> None:
    """A full disk opens nothing."""
    guest = chat.enter("guido")
    chat.perform(guest, Join("dev"))
    chat.perform(guest, Configure("dev", access="members"))
    chat.perform(guest, Say("dev", SECRET))
    other = chat.enter("hal")
    chat.store.refusing = True
    chat.service.end(guest)
    chat.settle()
    chat.store.refusing = False
    with pytest.raises(NotFound):
        chat.perform(other, Join("dev"))
    with pytest.raises(NotFound):
        reading(chat, chat.room("dev"), owner=Session(other))


def test_another_node_forgets_the_history_of_a_guest_s_members_room(chat: InMemoryChat) -> None:
    """It had the room in memory."""
    other = InMemoryChat(node=chat)
    room = other.room("dev")
    closed_and_left(chat)
    other.settle()
    assert room is other.room("dev")
    assert SECRET not in repr(room.log.since(0))
    hal = other.enter("hal")
    other.perform(hal, Join("dev"))
    assert SECRET not in repr(other.entries("dev"))


def test_the_history_of_an_open_room_stays_when_it_is_reset(chat: InMemoryChat) -> None:
    """All could read it anyway."""
    guest = chat.enter("guido")
    chat.perform(guest, Join("dev"))
    chat.perform(guest, Configure("dev", slow=5))
    chat.perform(guest, Say("dev", "hello"))
    chat.service.end(guest)
    chat.settle()
    assert chat.room("dev").state.slow == 0
    assert "hello" in repr(chat.entries("dev"))


def test_a_room_whose_cells_cannot_be_read_is_closed_until_they_can(chat: InMemoryChat) -> None:
    """There may be a ban; a room without any is used all the same."""
    ada, bob = with_account(chat, "ada"), with_account(chat, "bob")
    for room in ("dev", "ops"):
        chat.perform(ada, Say(room, "hello"))
    chat.perform(ada, Ban("dev", "bob"))
    for room in ("dev", "ops"):
        chat.perform(ada, Leave(room))
    chat.service.rooms._loader._warm.clear()
    chat.store.unreadable = True
    with pytest.raises(Unavailable):
        chat.perform(ada, Join("dev"))
    chat.perform(bob, Join("ops"))
    chat.store.unreadable = False
    chat.advance(11)
    with pytest.raises(Banned):
        chat.perform(bob, Join("dev"))


def test_another_node_ends_its_readers(chat: InMemoryChat) -> None:
    """It is shown the same units."""
    other = InMemoryChat(node=chat)
    ada = with_account(chat, "ada")
    chat.perform(ada, Join("dev"))
    bob = other.enter("bob")
    other.perform(bob, Join("dev"))
    kicked = reading(other, other.room("dev"), owner=Session(bob))
    chat.perform(ada, Kick("dev", "bob"))
    other.settle()
    assert [error.code for error in kicked.revocations] == ["kicked"]
    assert "dev" not in bob.rooms
    other.perform(bob, Join("dev"))
    banned = reading(other, other.room("dev"), owner=Session(bob))
    stranger = reading(other, other.room("dev"), owner=Stranger())
    chat.perform(ada, Ban("dev", "bob"))
    other.settle()
    assert [error.code for error in banned.revocations] == ["banned"]
    assert not stranger.revocations
    with pytest.raises(Banned):
        other.perform(bob, Say("dev", "x"))
    chat.perform(ada, Configure("dev", access="members"))
    other.settle()
    assert [error.code for error in stranger.revocations] == ["not-found"]


def test_a_ban_and_a_message_on_two_nodes_are_in_one_order(chat: InMemoryChat) -> None:
    """Nothing that the banned one says is stored behind the ban."""
    other = InMemoryChat(node=chat)
    ada = with_account(chat, "ada")
    chat.perform(ada, Join("dev"))
    bob = other.enter("bob")
    other.perform(bob, Join("dev"))
    banned = chat.service.perform(ada, Ban("dev", "bob"))
    said = [other.service.perform(bob, Say("dev", f"{n}")) for n in range(5)]
    chat.settle()
    other.settle()
    assert banned.called
    for outcome in said:
        outcome.addErrback(lambda failure: failure.trap(ChatError))
    entries = chat.entries("dev")
    ban = next(entry.id for entry in entries if type(entry.event).__name__ == "BanPlaced")
    assert [e.event for e in entries if e.id > ban and getattr(e.event, "text", "").isdigit()] == []


@pytest.fixture
def chat() -> InMemoryChat:
    return InMemoryChat()


@pytest.mark.parametrize("measure", ["ban", "mute"])
def test_registering_after_a_restart_sheds_no_ban_of_a_guest(measure: str) -> None:
    """What a guest was given becomes the account's, although the server began anew meanwhile."""
    chat = InMemoryChat()
    ada = with_account(chat, "ada")
    chat.perform(ada, Join("dev"))
    opening = chat.service.sessions.open("eve", FAR)
    chat.settle()
    eve = result_of(opening)
    chat.perform(ada, Ban("dev", "eve") if measure == "ban" else Mute("dev", "eve"))
    chat = restarted(chat)
    session = chat.service.sessions.find(eve.token)
    register = chat.service.sign_in.register
    settled(chat, register("eve", PASSWORD, FAR, session.person))
    assert session.person.account == "eve"
    with pytest.raises(Banned if measure == "ban" else Muted):
        chat.perform(session.person, Say("dev", "here again"))
