"""What moderators did outlives restarts, retention, and reaches other nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatd.chat.sessions import Session
from chatd.model.commands import Join, Leave, Say
from chatd.model.errors import Banned, ChatError, Muted, NotFound, Unavailable
from chatd.model.identity import Stranger
from chatd.model.moderation import Admit, Ban, Configure, GiveRole, Kick, Mute
from chatd.model.rights import Role
from chatd.store.sqlite import Retention
from chatd.testing import InMemoryChat

from ..kit.chat import reading, with_account
from ..kit.file_chat import FileChat


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
    assert again.room("dev").rights.roles == {}
    again.stop()


def test_a_room_whose_cells_cannot_be_read_is_closed_until_they_can(chat: InMemoryChat) -> None:
    """There may be a ban; a room without any is used all the same."""
    ada, bob = with_account(chat, "ada"), with_account(chat, "bob")
    for room in ("dev", "ops"):
        chat.perform(ada, Say(room, "hello"))
    chat.perform(ada, Ban("dev", "bob"))
    for room in ("dev", "ops"):
        chat.perform(ada, Leave(room))
    chat.service.rooms._warm.clear()
    chat.store.unreadable = True
    with pytest.raises(Unavailable):
        chat.perform(ada, Join("dev"))
    chat.perform(bob, Join("ops"))
    chat.store.unreadable = False
    chat.advance(11)
    with pytest.raises(Banned):
        chat.perform(bob, Join("dev"))


def test_another_node_puts_its_readers_out(chat: InMemoryChat) -> None:
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
